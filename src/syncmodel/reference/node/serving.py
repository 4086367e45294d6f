"""What a new subscriber is sent of what is there: a stream that its connection takes in turns.

It reads one state, a value: what comes later is sent after it. Finding the entries takes long where
there are many, so the stream also yields None, often: who takes it may do something else there.
"""

from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from operator import attrgetter
from typing import Any, Final, TypeAlias

from syncmodel.nostr.events import Event
from syncmodel.nostr.messages import Delivery, Eose, Filter
from syncmodel.reference.node.entries import Stored
from syncmodel.reference.node.state import Node, State, Subscription, entries, own_log

#: So many entries are looked at between two chances to do something else.
STRIDE: Final = 64
#: So many are put in order in one go.
_RUN: Final = 1024

_PLACE: Final = attrgetter("position", "event.id")

Served: TypeAlias = Iterator[Delivery | Eose | None]


def served(state: State, one: Subscription, node: Node) -> Served:
    """The stored events that `one` asks for, and the end of them."""
    sub = one.req.sub
    if one.follows:
        if state.plugin is not None:
            yield from _log(state, one, node)
        yield Eose(sub, *own_log(state))
        return
    if state.plugin is not None:
        yield from _matching(state, one)
    yield Eose(sub)


def _log(state: State, one: Subscription, node: Node) -> Served:
    first = one.req.filters[0]
    after = node.pieces.resume(state.log_id, first.log_id, first.after or 0)
    told_at = None if one.peer is None else state.link(one.peer).told_at
    last = node.pieces.served_to(state.position, told_at)
    known: list[Stored] = []
    in_order = sorted if len(state.rows) < STRIDE else _in_order
    for stored in in_order(entries(state), key=_PLACE):
        if stored is None:
            yield None
        elif stored.position <= last:
            known.append(stored)
    for number, stored in enumerate(node.pieces.backlog(known, after)):
        if number % STRIDE == 0:
            yield None
        yield Delivery(one.req.sub, stored.event, stored.position)


def _matching(state: State, one: Subscription) -> Served:
    sent: set[str] = set()
    for wanted in one.req.filters:
        left = wanted.limit
        if left == 0:
            continue
        for event in _in_order(_hits(state, wanted), _newest_first):
            if event is None:
                yield None
                continue
            if event.id not in sent:
                sent.add(event.id)
                yield Delivery(one.req.sub, event)
            left = None if left is None else left - 1
            if left == 0:
                break


def _hits(state: State, wanted: Filter) -> Iterator[Event | None]:
    for number, stored in enumerate(entries(state)):
        if number % STRIDE == 0:
            yield None
        if wanted.matches(stored.event):
            yield stored.event


def _newest_first(event: Event) -> tuple[int, str]:
    return (-event.created_at, event.id)


def _in_order(items: Iterable[Any], key: Callable[[Any], Any]) -> Iterator[Any]:
    """These items in order of `key`, with a None every now and then; Nones may be among them."""
    runs: list[list[Any]] = []
    run: list[Any] = []
    for number, item in enumerate(items):
        if item is not None:
            run.append(item)
        if item is None or number % STRIDE == 0:
            yield None
        if len(run) == _RUN:
            run.sort(key=key)
            runs.append(run)
            run = []
    run.sort(key=key)
    runs.append(run)
    for number, item in enumerate(merge(*runs, key=key) if len(runs) > 1 else run):
        if number % STRIDE == 0:
            yield None
        yield item
