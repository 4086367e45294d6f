"""What is wrong with the fields of a step, as sentences: see `Step.mistake`."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from syncmodel.model.values import Scalar


def one_of(name: str, value: Scalar, takes: Collection[Scalar]) -> str | None:
    """What to say of a field whose value is none of those that it takes; None if it is one."""
    if value in takes:
        return None
    *most, last = map(str, takes)
    return f"`{name}` takes {', '.join(most)} or {last}, not {value!r:.60}"


def within(name: str, value: int, least: int, most: int) -> str | None:
    """What to say of a field whose value is out of its range; None if it is in there."""
    if least <= value <= most:
        return None
    return f"`{name}` takes {least} to {most}, not {value!r:.60}"


def each_once(nodes: Sequence[str]) -> str | None:
    """What to say of a field `nodes` that is empty, or has a node twice; None if it has not."""
    fine = nodes and len(set(nodes)) == len(nodes)
    return None if fine else "`nodes` takes at least one node, and each node once"


def two_nodes(name: str, one: str, other_name: str, other: str) -> str | None:
    """What to say of two fields that name the same node; None if they name two."""
    return None if one != other else f"`{name}` and `{other_name}` take two nodes, not one twice"
