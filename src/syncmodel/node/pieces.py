"""The small decisions of a node, by name: a planted mistake replaces exactly one of them.

Each is a pure function and correct as it stands here; the mistaken ones are in `bugs`. The node's
own code only ever calls them and never asks whether a mistake is on.
"""

from collections.abc import Callable, Iterable, Sequence

import attrs

from syncmodel.node.entries import Row, Stored
from syncmodel.node.ports import Durable


def wins(one: Stored, other: Stored) -> bool:
    """Whether `one` beats `other`: the newer does, on a tie the lower event id (NIP-01)."""
    mine, theirs = one.event, other.event
    if mine.created_at != theirs.created_at:
        return mine.created_at > theirs.created_at
    return mine.id < theirs.id


def stamp(now_s: int, newest_known_s: int) -> int:
    """`created_at` of a new version: later than all that is known of its row."""
    return max(now_s, newest_known_s + 1)


def backlog(entries: Iterable[Stored], after: int) -> list[Stored]:
    """What a subscriber who has processed the log up to `after` is sent, in order of position."""
    return sorted((one for one in entries if one.position > after), key=_position)


def _position(one: Stored) -> int:
    return one.position


def resume(own_log_id: str, asked_log_id: str | None, after: int) -> int:
    """Where a subscriber's backlog starts: a position of another log means nothing in ours."""
    return after if asked_log_id == own_log_id else 0


def replayed(shown: tuple[Row, ...], row: Row, in_backlog: bool) -> tuple[Row, ...]:  # noqa: ARG001 - what mistakes need
    """The table's rows of one id after a version of it that was known already came again."""
    return shown


def keeps_event(case_shows: bool) -> bool:  # noqa: ARG001 - what a mistake needs
    """Whether an event from elsewhere is kept: always; without its case it waits."""
    return True


def commit(durables: Sequence[Durable]) -> tuple[tuple[Durable, ...], tuple[Durable, ...]]:
    """(what is committed now, in one transaction; what is left for the next read of the state)."""
    return tuple(durables), ()


def resync_route(addresses: Sequence[str]) -> str:
    """By which of a peer's addresses a resync asks it: the link, so that a cut holds for it too."""
    return addresses[0]


@attrs.frozen
class Pieces:
    """The decisions of one node. Replace one with `attrs.evolve(pieces, wins=...)`."""

    wins: Callable[[Stored, Stored], bool] = wins
    stamp: Callable[[int, int], int] = stamp
    backlog: Callable[[Iterable[Stored], int], list[Stored]] = backlog
    resume: Callable[[str, str | None, int], int] = resume
    replayed: Callable[[tuple[Row, ...], Row, bool], tuple[Row, ...]] = replayed
    keeps_event: Callable[[bool], bool] = keeps_event
    commit: Callable[[Sequence[Durable]], tuple[tuple[Durable, ...], tuple[Durable, ...]]] = commit
    resync_route: Callable[[Sequence[str]], str] = resync_route
