"""A node refuses its own rows when they come back."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="own-rows-refused",
    title="Rows that this node once wrote are refused as an echo, also after its log was lost",
    stands_for=(
        "Events with one's own server id are skipped, to break loops: MySQL and MariaDB, "
        "replicate-same-server-id (default 0)"
    ),
    family="lost log",
    pieces=lambda p: attrs.evolve(p, admits=lambda author, _sender, own: author != own),
)
