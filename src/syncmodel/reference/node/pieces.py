"""The small decisions of a node, by name: a planted mistake replaces exactly one of them.

Each is a pure function and correct as it stands here; the mistaken ones are in `bugs`. The node's
own code only ever calls them and never asks whether a mistake is on. Arguments that a correct node
does not use are there for the mistakes.
"""

from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, TypeVar

import attrs

from syncmodel.nostr.events import Event
from syncmodel.reference.node.entries import Content, Row, RowKey, Stored, Tombstone, Value
from syncmodel.reference.node.mark import Mark
from syncmodel.reference.node.ports import Cursor, Durable, Members

AHEAD_LIMIT_S: Final = 900

#: Where an entry is in the log.
_PLACE: Final = attrgetter("position", "event.id")
_Any = TypeVar("_Any")

Table = Mapping[RowKey, tuple[Row, ...]]

# --- which version counts, and what a write rests on ---------------------------------------------


def wins(one: Stored, other: Stored) -> bool:
    """Whether `one` beats `other`: the newer does, on a tie the lower event id (NIP-01)."""
    mine, theirs = one.event, other.event
    if mine.created_at != theirs.created_at:
        return mine.created_at > theirs.created_at
    return mine.id < theirs.id


def row(winner: Stored, versions: Iterable[Stored]) -> Row | None:  # noqa: ARG001
    """The row that the winner of these versions puts into the table; a tombstone puts none."""
    return None if isinstance(winner.value, Tombstone) else winner.value


def base(winner: Stored, own: Stored | None) -> Stored:  # noqa: ARG001
    """The version that a write rests on: the one that counts, whichever node wrote it."""
    return winner


def reads(now: _Any, arrived: _Any) -> _Any:  # noqa: ARG001
    """The node's state that a request changes: what others were served in between is in it."""
    return now


def stamp(now_s: int, newest_known_s: int, newest_own_s: int, is_delete: bool) -> int:  # noqa: ARG001
    """`created_at` of a new version: later than all that is known of its row."""
    return max(now_s, newest_known_s + 1)


def same_row(key: RowKey, rows: Mapping[RowKey, object]) -> RowKey:  # noqa: ARG001
    """Under which key a request's row is, among those there are: the very one that it names."""
    return key


def carried(content: Content, plugin: int) -> Content:  # noqa: ARG001
    """What a new version takes over from the one it rests on: all, also what version `plugin` of
    the plugin does not know."""
    return content


def told(made: Value, own: Value | None, is_create: bool) -> Value:  # noqa: ARG001
    """What an accepted write is answered with: what it made; `own` is what this node said last."""
    return made


def repeats(given_up: bool) -> bool:  # noqa: ARG001
    """Whether a request is carried out once more: never, also if nobody waits for its answer."""
    return False


def store_takes(value: Value) -> bool:  # noqa: ARG001
    """Whether the store takes a version that was accepted: it takes every one."""
    return True


def keeps_deletion(hidden: bool) -> bool:  # noqa: ARG001
    """Whether a delete that was accepted becomes a version: also of an event that is hidden."""
    return True


# --- what a reader is shown ----------------------------------------------------------------------

Rows = tuple[Row, ...]


def read(shown: Rows, versions: Iterable[Stored], own: str, read_at: int | None) -> Rows:  # noqa: ARG001
    """What a read of one row gives: what the table holds, whoever wrote it (`own`: this node's
    key), and whenever it was read before."""
    return shown


def stamped(stamp_s: int, read_at: int | None) -> int:  # noqa: ARG001
    """The stamp of a write, whenever its row was read before."""
    return stamp_s


# --- the log that is served ----------------------------------------------------------------------


def backlog(entries: Iterable[Stored], after: int) -> list[Stored]:
    """What a subscriber who has processed the log up to `after` is sent, in order of position."""
    # Two entries have one position only if a mistake is on; then the order must be the same too.
    return sorted((one for one in entries if one.position > after), key=_PLACE)


def resume(own_log_id: str, asked_log_id: str | None, after: int) -> int:
    """Where a subscriber's backlog starts: a position of another log means nothing in ours."""
    return after if asked_log_id == own_log_id else 0


# --- how far a peer's log was applied ------------------------------------------------------------


def asks_after(applied: int, applied_of_all: Iterable[int]) -> int:  # noqa: ARG001
    """The position from which a peer is asked for its log: how far this very log was applied."""
    return applied


def restarts_from(cursor: Cursor) -> Cursor:
    """Where a node that starts goes on in a peer's log: where it was."""
    return cursor


def resyncs_from(applied: int) -> int:
    """Where a resync that is not full goes on: where it was."""
    return applied


def resync_route(addresses: Sequence[str]) -> str:
    """By which of a peer's addresses a resync asks it: the link, so that a cut holds for it too."""
    return addresses[0]


def at_end(applied: int, end: int) -> int:  # noqa: ARG001
    """How far a peer's log is applied once its backlog is: to its end, though it may have been
    longer once."""
    return end


# --- who is a member -----------------------------------------------------------------------------


def drops_who_left() -> bool:
    """Whether connections that a node has opened are closed once it has left."""
    return True


def hangs_up(left: bool) -> bool:
    """Whether the connections with a node end: when it, or this node, has left."""
    return left


def returns_at(applied: int) -> int:
    """Where a node that comes into the cluster goes on in a peer's log: where it was."""
    return applied


def served_to(end: int, told_at: int | None) -> int:  # noqa: ARG001
    """Up to which position a subscriber is sent what is there: to the `end`, also if the log was at
    `told_at` when we were told that the subscriber is a member."""
    return end


def remembered(now: Members, before: Members) -> Members:  # noqa: ARG001
    """What is stored of who is a member and who is trusted: what holds now."""
    return now


# --- whose rows count ----------------------------------------------------------------------------


def counts_anyway(event: Event) -> bool:  # noqa: ARG001
    """Whether a version is taken, and counts, though its author is not trusted: none is."""
    return False


def shows_anew(trusted: bool) -> bool:  # noqa: ARG001
    """Whether it is worked out again what shows once an author is trusted, or is no more."""
    return True


def asks_again(trusted: bool) -> bool:
    """Whether everything is asked for again: when an author is trusted, as its rows were refused
    until then."""
    return trusted


# --- what is taken from a peer -------------------------------------------------------------------


def admits(author: str, sender: str, own: str) -> bool:  # noqa: ARG001
    """Whether an entry of a trusted author is taken from this peer: any author (public keys).

    Knowledge passes through third nodes, and a node that lost its log gets its own rows back.
    """
    return True


def hears(peer_hears_us: Callable[[], bool]) -> bool:  # noqa: ARG001
    """Whether a peer is listened to: also one that does not listen to us.

    A question, not its answer: that takes a look at every subscription, for each entry that comes.
    """
    return True


def is_next(position: int, applied: int) -> bool:  # noqa: ARG001
    """Whether what a peer sends is looked at: whatever its position, it may be known or not."""
    return True


def latest_stamp(now_s: int) -> int:
    """The latest `created_at` that is taken: stamps may run ahead of the clock."""
    return now_s + AHEAD_LIMIT_S


def is_same(stored: Event, event: Event) -> bool:
    """Whether an event is the one that is stored already."""
    return stored.id == event.id


def replayed(shown: tuple[Row, ...], row: Row, in_backlog: bool) -> tuple[Row, ...]:  # noqa: ARG001
    """The table's rows of one id after a version of it that was known already came again."""
    return shown


def keeps_event(case_shows: bool) -> bool:  # noqa: ARG001
    """Whether an event from elsewhere is kept: always; without its case it waits."""
    return True


def keeps_tombstone(row_known: bool) -> bool:  # noqa: ARG001
    """Whether a tombstone from elsewhere is kept: always; what it deletes may come after it."""
    return True


def purges(told: Mapping[str, str], mine: Mapping[str, str]) -> Collection[str]:
    """Which deletes a node forgets that is told to: those of them that it has so, and no others."""
    return [name for name, digest in told.items() if mine.get(name) == digest]


# --- who is told, and who is asked again ---------------------------------------------------------


def wakes(changes_table: bool) -> bool:  # noqa: ARG001
    """Whether a new entry is pushed to those who follow the log: also one that changes no table.

    Else they never learn that the log has grown.
    """
    return True


def forwards(is_own: bool, all_connected: Callable[[], bool]) -> bool:  # noqa: ARG001
    """Whether a new entry is pushed on: another node's too, and whatever peer is out of reach."""
    return True


def dials_again(had_backlog: bool) -> bool:  # noqa: ARG001
    """Whether a peer whose connection broke is dialled again: also if that was in mid-backlog."""
    return True


def gives_up(silent: bool) -> bool:
    """Whether a connection is given up, and the peer dialled again, where nothing is heard."""
    return silent


# --- what stays ----------------------------------------------------------------------------------


def falls(key: RowKey, rows: tuple[Row, ...], table: Table) -> Sequence[RowKey]:  # noqa: ARG001
    """Which other rows leave the table when it holds `rows` under `key` from now on: none."""
    return ()


def commit(durables: Sequence[Durable]) -> tuple[tuple[Durable, ...], tuple[Durable, ...]]:
    """(what is committed now, in one transaction; what is left for the next read of the state)."""
    return tuple(durables), ()


def taken_up(stored: Iterable[Stored]) -> Iterable[Stored]:
    """Which of the stored entries a node that starts takes up: all."""
    return stored


def believes(is_own: bool, ahead_s: int) -> bool:  # noqa: ARG001
    """Whether a node that starts takes up an entry whose stamp is so far ahead of its clock: it
    does, as the clock may have gone back since."""
    return True


def waits_on(case_shows: bool) -> bool:  # noqa: ARG001
    """Whether an event is in the table of a node that starts: also when its case is not."""
    return True


# --- who may administer --------------------------------------------------------------------------


def administrators(keys: Container[str]) -> Container[str]:
    """Whose admin requests are carried out: those of the node's administrators."""
    return keys


def recalls(accepted: Mapping[str, int]) -> Mapping[str, int]:
    """Which of the admin requests that it accepted a node that starts knows, and refuses: all."""
    return accepted


# --- what a node that starts finds on its disk ---------------------------------------------------


def was_put_back(marked: Mark | None, found: Mark) -> bool:
    """Whether the log that a node finds is not the one that it had: see `mark`."""
    if marked is None:
        return True
    return marked.log_id != found.log_id or marked.position > found.position


def lets_go() -> bool:
    """Whether nothing counts as applied for a node whose log was put back."""
    return True


def is_elsewhere(a_peer_has_it: bool, silent: int) -> bool:  # noqa: ARG001
    """Whether a row is on another node too: if a peer says that it has it, whoever is silent."""
    return a_peer_has_it


def restamped(stamp: int, now_s: int) -> int:  # noqa: ARG001
    """The `created_at` of what a node wrote itself, once its log was put back: as it was."""
    return stamp


def refuses_damage(there: bool) -> bool:
    """Whether a node whose store is damaged does not start."""
    return there


@attrs.frozen
class Pieces:
    """The decisions of one node. Replace one with `attrs.evolve(pieces, wins=...)`."""

    wins: Callable[[Stored, Stored], bool] = wins
    row: Callable[[Stored, Iterable[Stored]], Row | None] = row
    base: Callable[[Stored, Stored | None], Stored] = base
    reads: Callable[[Any, Any], Any] = reads
    stamp: Callable[[int, int, int, bool], int] = stamp
    same_row: Callable[[RowKey, Mapping[RowKey, object]], RowKey] = same_row
    carried: Callable[[Content, int], Content] = carried
    told: Callable[[Value, Value | None, bool], Value] = told
    repeats: Callable[[bool], bool] = repeats
    store_takes: Callable[[Value], bool] = store_takes
    keeps_deletion: Callable[[bool], bool] = keeps_deletion
    read: Callable[[Rows, Iterable[Stored], str, int | None], Rows] = read
    stamped: Callable[[int, int | None], int] = stamped
    backlog: Callable[[Iterable[Stored], int], list[Stored]] = backlog
    resume: Callable[[str, str | None, int], int] = resume
    asks_after: Callable[[int, Iterable[int]], int] = asks_after
    restarts_from: Callable[[Cursor], Cursor] = restarts_from
    resyncs_from: Callable[[int], int] = resyncs_from
    resync_route: Callable[[Sequence[str]], str] = resync_route
    hangs_up: Callable[[bool], bool] = hangs_up
    drops_who_left: Callable[[], bool] = drops_who_left
    returns_at: Callable[[int], int] = returns_at
    served_to: Callable[[int, int | None], int] = served_to
    remembered: Callable[[Members, Members], Members] = remembered
    counts_anyway: Callable[[Event], bool] = counts_anyway
    shows_anew: Callable[[bool], bool] = shows_anew
    asks_again: Callable[[bool], bool] = asks_again
    at_end: Callable[[int, int], int] = at_end
    admits: Callable[[str, str, str], bool] = admits
    is_next: Callable[[int, int], bool] = is_next
    hears: Callable[[Callable[[], bool]], bool] = hears
    latest_stamp: Callable[[int], int] = latest_stamp
    is_same: Callable[[Event, Event], bool] = is_same
    replayed: Callable[[tuple[Row, ...], Row, bool], tuple[Row, ...]] = replayed
    keeps_event: Callable[[bool], bool] = keeps_event
    keeps_tombstone: Callable[[bool], bool] = keeps_tombstone
    purges: Callable[[Mapping[str, str], Mapping[str, str]], Collection[str]] = purges
    wakes: Callable[[bool], bool] = wakes
    forwards: Callable[[bool, Callable[[], bool]], bool] = forwards
    dials_again: Callable[[bool], bool] = dials_again
    gives_up: Callable[[bool], bool] = gives_up
    falls: Callable[[RowKey, tuple[Row, ...], Table], Sequence[RowKey]] = falls
    commit: Callable[[Sequence[Durable]], tuple[tuple[Durable, ...], tuple[Durable, ...]]] = commit
    taken_up: Callable[[Iterable[Stored]], Iterable[Stored]] = taken_up
    believes: Callable[[bool, int], bool] = believes
    waits_on: Callable[[bool], bool] = waits_on
    was_put_back: Callable[[Mark | None, Mark], bool] = was_put_back
    lets_go: Callable[[], bool] = lets_go
    administrators: Callable[[Container[str]], Container[str]] = administrators
    recalls: Callable[[Mapping[str, int]], Mapping[str, int]] = recalls
    is_elsewhere: Callable[[bool, int], bool] = is_elsewhere
    restamped: Callable[[int, int], int] = restamped
    refuses_damage: Callable[[bool], bool] = refuses_damage
