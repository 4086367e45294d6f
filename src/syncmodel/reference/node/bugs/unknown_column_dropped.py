"""An older version drops what it does not know."""

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.entries import Content, has_severity


def _carried(content: Content, plugin: int) -> Content:
    return {k: value for k, value in content.items() if has_severity(plugin) or k != "severity"}


BUG = Bug(
    name="unknown-column-dropped",
    title="A write by a node of plugin version 1 or 3 drops the severity that version 2 gave a row",
    stands_for=(
        "Fields that a program does not know are lost when it writes a message again: "
        "Protocol Buffers documentation, 'Unknown Fields' (proto3 before 3.5)"
    ),
    family="generations",
    pieces=lambda p: attrs.evolve(p, carried=_carried),
)
