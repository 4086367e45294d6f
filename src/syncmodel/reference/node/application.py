"""A running node: the core's state, its store, and the waiters for a change.

Every input goes through `submit`, in one piece and without awaiting: step, store, adopt, carry out.
So the state never runs ahead of the store, and nothing is sent that is not stored. `relay` and
`dialler` own the sockets, and register here how to reach them.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import attrs

from syncmodel.nostr.events import verify
from syncmodel.nostr.messages import Delivery, Eose, Ok
from syncmodel.reference.node import bugs, core
from syncmodel.reference.node.config import Config
from syncmodel.reference.node.disk import Durables, due
from syncmodel.reference.node.mark import Mark, Marks
from syncmodel.reference.node.ports import (
    Answer,
    Cursor,
    Drop,
    Hangup,
    Input,
    Members,
    Output,
    Purged,
    Put,
    Redial,
    Show,
    Subscribe,
    ToPeer,
    ToSubscriber,
)
from syncmodel.reference.node.put_back import rewritten
from syncmodel.reference.node.serving import Served
from syncmodel.reference.node.state import Node, State
from syncmodel.reference.node.store import DamagedStoreError, Loaded, Store, StoreError

_DURABLE = (Put, Show, Cursor, Members, Purged)


class Connection(Protocol):
    """A subscriber's connection to our relay."""

    def send(self, message: Delivery | Eose | Ok) -> None: ...
    def drop(self, reason: str) -> None: ...


class Dialling(Protocol):
    """Our side of the link to one peer."""

    def send(self, text: str) -> None: ...
    def dial_now(self, address: str | None) -> None: ...
    def hang_up(self) -> None: ...


class Application:
    """One node between its sockets and its store. `clock` gives Unix seconds; without `marks` it
    does not notice that its store was put back."""

    def __init__(
        self,
        config: Config,
        store: Store,
        clock: Callable[[], float] = time.time,
        marks: Marks | None = None,
    ) -> None:
        self.config = config
        self.store = store
        self.node = Node(
            name=config.name,
            pubkey=config.key.public,
            seal=config.key.sign,
            peers=config.peers,
            pieces=bugs.pieces(config.bugs),
        )
        self._clock = clock
        self._marks = marks
        self.state = self._boot()
        self.connections: dict[int, Connection] = {}
        self.diallers: dict[str, Dialling] = {}
        self._pending: Durables = ()
        self._waiters: set[_Waiter] = set()

    def _boot(self) -> State:
        held = self._own(self._whole(self.store.load()))
        members = held.members or Members(self.config.trusted, frozenset())
        state = core.boot(
            self.node,
            now_s=self.now_s(),
            log_id=held.log_id,
            plugin=self.config.plugin,
            stored=held.stored,
            position=held.position,
            cursors=held.cursors,
            trusted=members.trusted,
            inactive=members.inactive,
        )
        self.store.mend(state.table)
        return state

    def _whole(self, held: Loaded) -> Loaded:
        """What the store holds, each entry of it as it was signed. Raises DamagedStoreError.

        Pages may fit together, and hold a row of which a bit was turned over: its id and signature
        tell.
        """
        hurt = [one for one in held.stored if not verify(one.event)]
        if not hurt:
            return held
        if self.node.pieces.refuses_damage(True):
            raise DamagedStoreError(f"{len(hurt)} of its entries are not as they were signed")
        return attrs.evolve(held, stored=tuple(one for one in held.stored if one not in hurt))

    def _own(self, held: Loaded) -> Loaded:
        """What the store holds, in a log of its own: one that was put back gets another name."""
        pieces, marks = self.node.pieces, self._marks
        if marks is None or not pieces.was_put_back(marks.read(), _mark(held)):
            return held
        lets_go = pieces.lets_go()
        self.store.renew_log(lets_go=lets_go)
        anew = [Put(one) for one in rewritten(held.stored, self.node, self.now_s())]
        if anew:
            self.store.apply(anew)
        held = self.store.load()
        marks.move(_mark(held))
        return held

    def now_s(self) -> int:
        """The clock, in whole Unix seconds."""
        return int(self._clock())

    def shown_s(self) -> float:
        """What the clock shows, in Unix seconds, to a thousandth."""
        return round(self._clock(), 3)

    def submit(self, given: Input) -> Answer | None:
        """Take one step; the answer if there is one.

        Raises StoreError: then nothing has changed, and nothing was sent.
        """
        state, outputs = core.step(self.state, given, self.node)
        durables = [one for one in outputs if isinstance(one, _DURABLE)]
        if durables:
            now, pending = due(self._pending, durables, self.node.pieces)
            self._move_mark(now)
            self.store.apply(now)
            self._pending = pending
        self.state = state
        answer = self._carry_out(outputs)
        for waiter in [one for one in self._waiters if one.satisfied(state)]:
            waiter.wake()
        return answer

    def subscribe(self, given: Subscribe) -> Served:
        """Take that step, with the stream of what is stored left to whoever sends it, in turns."""
        self.state, stream = core.opened(self.state, given, self.node)
        return stream

    def flush(self) -> None:
        """Store what was left behind. Raises StoreError."""
        if self._pending:
            self._move_mark(self._pending)
            self.store.apply(self._pending)
            self._pending = ()

    def _move_mark(self, durables: Durables) -> None:
        """Before a transaction: if it fails, the log is behind its mark, and gets another name."""
        last = max((one.stored.position for one in durables if isinstance(one, Put)), default=0)
        if last and self._marks is not None:
            try:
                self._marks.move(Mark(self.state.log_id, last))
            except OSError as error:
                raise StoreError(f"the mark of the log can't be moved: {error}") from error

    def _carry_out(self, outputs: tuple[Output, ...]) -> Answer | None:
        answer = None
        for one in outputs:
            match one:
                case ToSubscriber(conn, message):
                    if conn in self.connections:
                        self.connections[conn].send(message)
                case ToPeer(peer, message):
                    self.diallers[peer].send(message.to_text())
                case Redial(peer, address):
                    self.diallers[peer].dial_now(address)
                case Hangup(peer):
                    self.diallers[peer].hang_up()
                case Drop(conn):
                    if conn in self.connections:
                        self.connections[conn].drop("restricted: you are no member of this cluster")
                case Answer():
                    answer = one
                case _:
                    pass  # durable: stored already
        return answer

    def peer_calls(self, pubkey: str) -> None:
        """A peer has dialled us, so it is alive: if we are not connected to it, now is the time."""
        peer = self.node.peer_of(pubkey)
        if peer is not None and not self.state.link(peer.name).connected:
            self.diallers[peer.name].dial_now(None)

    async def wait_until(self, satisfied: Callable[[State], bool], limit_s: float) -> bool:
        """Return as soon as the state satisfies this, or at the limit; whether it does."""
        if satisfied(self.state) or limit_s <= 0:
            return satisfied(self.state)
        with self._waiting(satisfied) as waiter:
            try:
                async with asyncio.timeout(limit_s):
                    await waiter.done
            except TimeoutError:
                return False
        return True

    @contextmanager
    def _waiting(self, satisfied: Callable[[State], bool]) -> Iterator["_Waiter"]:
        waiter = _Waiter(satisfied)
        self._waiters.add(waiter)
        try:
            yield waiter
        finally:
            self._waiters.discard(waiter)


def _mark(held: Loaded) -> Mark:
    return Mark(held.log_id, held.position)


class _Waiter:
    def __init__(self, satisfied: Callable[[State], bool]) -> None:
        self.satisfied = satisfied
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake(self) -> None:
        if not self.done.done():
            self.done.set_result(None)
