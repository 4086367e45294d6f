"""Writes of unknown outcome that can't have landed, as their node had to refuse them ever since.

A node accepts a row only where it has none of that name, and where all that it refers to shows; and
a change or a delete only where it has the row. Until that may have been so, the write waits: nobody
can know its version.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from syncmodel.model.belief import Belief
from syncmodel.model.noted import Entries
from syncmodel.model.order import Versions
from syncmodel.model.outcome import Answer, Outcome
from syncmodel.model.values import Row, Value, Write


def with_waiting(
    belief: Belief, calls: Sequence[tuple[Write, Outcome]], entries: Sequence[Entries]
) -> Belief:
    """The belief with those of the unanswered `calls` that have to wait."""
    if belief.guarantees.by_field:
        return belief
    for (write, outcome), mine in zip(calls, entries, strict=True):
        if outcome.answer is Answer.UNKNOWN:
            row, made = belief.row(write.row), frozenset(entry.number for entry in mine)
            belief = belief.with_row(write.row, replace(row, waiting=row.waiting | made))
    return belief


def without_waiting(belief: Belief) -> Belief:
    """The belief without waiting for what may be accepted by now.

    `belief` has all that may be known while requests are served.
    """
    while landed := {
        name: landing
        for name in belief.marked.names
        if (waiting := belief.row(name).waiting) and (landing := _landing(belief, name, waiting))
    }:
        for name, landing in landed.items():
            row = belief.row(name)
            belief = belief.with_row(name, replace(row, waiting=row.waiting - landing))
    return belief


def _landing(belief: Belief, name: Row, waiting: Versions) -> Versions:
    """Those that may be accepted by now."""
    return frozenset(number for number in waiting if may_be_accepted(belief, name, number))


def may_be_accepted(belief: Belief, name: Row, number: int) -> bool:
    """Whether its node may accept the write of that version now."""
    version = belief.row(name).versions[number]
    if isinstance(version.value, Value):
        return may_create(belief, name, version.value, version.node)
    others = belief.may_show(version.node, name) - {number}
    return belief.net.quorum or bool(belief.row(name).present(others))


def may_create(belief: Belief, name: Row, value: Value, node: str) -> bool:
    """Whether the node may accept this row now."""
    # One that decides in a quorum may hear of a delete at any time.
    replaces = belief.guarantees.upserts or belief.net.quorum
    needed = belief.needed_by(belief.net.schema.bound_to(name, value.cells))
    return (replaces or belief.may_lack(node, name)) and all(
        belief.may_have(node, one) for one in needed
    )
