"""Cores joined in memory and driven by hand: every message waits until a test delivers it.

For tests of the core, and of anything that must hold in whatever order messages come. The
simulated target is the one that a model is compared with; here the caller decides everything.
"""

import json
from collections import deque
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from msgspec.structs import replace

from syncmodel.nostr.events import Event
from syncmodel.nostr.messages import Delivery, Eose, Ok
from syncmodel.reference.node import core
from syncmodel.reference.node.disk import Disk, due
from syncmodel.reference.node.pieces import Pieces
from syncmodel.reference.node.ports import (
    Answer,
    Cursor,
    FromPeer,
    Input,
    Members,
    PeerDown,
    PeerUp,
    Purged,
    Put,
    Redial,
    Show,
    Subscribe,
    ToPeer,
    ToSubscriber,
    Unsubscribe,
    Write,
)
from syncmodel.reference.node.state import Node, Peer, State, own_log, reached, read

NOW_S = 1_000_000
DURABLE = (Put, Show, Cursor, Members, Purged)


def _seal(event: Event) -> Event:
    return replace(event, sig="0" * 128)


class Net:
    """Cores joined in memory. Messages wait in one queue for each directed link until `deliver`.

    `clock_s` and `plugin` (from the next boot on) may be set for each node; links in `cut` can't be
    dialled by their first address.
    """

    def __init__(self, names: Sequence[str], pieces: Pieces | None = None, plugin: int = 1) -> None:
        self.clock_s = dict.fromkeys(names, NOW_S)
        self.plugin: dict[str, int | None] = dict.fromkeys(names, plugin)
        self.nodes = {
            name: Node(name, pubkey(name), _seal, _peers(name, names), pieces or Pieces())
            for name in names
        }
        trusted = frozenset(map(pubkey, names))
        self.disks = {name: Disk(f"log-of-{name}", trusted) for name in names}
        self.pending: dict[str, tuple[Any, ...]] = dict.fromkeys(names, ())
        self.queues: dict[tuple[str, str], deque[Delivery | Eose]] = {}
        self.cut: set[tuple[str, str]] = set()
        self.states: dict[str, State] = {}
        for name in names:
            self.boot(name)

    def boot(self, name: str) -> None:
        """Start a node from its disk, with no connection."""
        self.states[name] = self.disks[name].boot(
            self.nodes[name], self.plugin[name], self.clock_s[name]
        )

    def up(self, source: str, dialler: str) -> None:
        """Link source -> dialler: `dialler` dials the relay of `source`."""
        self.queues[source, dialler] = deque()
        self.feed(dialler, PeerUp(source))

    def down(self, source: str, dialler: str) -> None:
        """End that connection; what was under way on it is lost."""
        if self.queues.pop((source, dialler), None) is not None:
            self.feed(source, Unsubscribe(self._conn(dialler)))
            self.feed(dialler, PeerDown(source))

    def crash(self, name: str) -> None:
        """Lose what is not stored, come back, and connect again to all previous peers."""
        links = [link for link in self.queues if name in link]
        for link in links:
            self.queues.pop(link)
            other = link[0] if link[1] == name else link[1]
            gone = PeerDown(name) if link[0] == name else Unsubscribe(self._conn(name))
            self.feed(other, gone)
        self.pending[name] = ()
        self.boot(name)
        for link in links:
            self.up(*link)

    def join_all(self) -> None:
        """Bring every link up."""
        for source in self.nodes:
            for dialler in self.nodes:
                if source != dialler:
                    self.up(source, dialler)

    def feed(self, name: str, given: Input) -> Answer | None:
        """Give one input to a node, store and queue its outputs, and return its answer."""
        state, outputs = core.step(self.states[name], given, self.nodes[name])
        durables = [one for one in outputs if isinstance(one, DURABLE)]
        if durables:
            now, self.pending[name] = due(self.pending[name], durables, self.nodes[name].pieces)
            self.disks[name] = self.disks[name].apply(now)
        self.states[name] = state
        answer = None
        for one in outputs:
            match one:
                case ToPeer(peer, req):
                    self.feed(peer, Subscribe(self._conn(name), req, name))
                case ToSubscriber(conn, message) if not isinstance(message, Ok):
                    dialler = list(self.nodes)[conn]
                    if (name, dialler) in self.queues:
                        self.queues[name, dialler].append(message)
                case Redial(peer, address):
                    self._redial(peer, name, address)
                case Answer():
                    answer = one
        return answer

    def _redial(self, source: str, dialler: str, address: str) -> None:
        self.down(source, dialler)
        if (source, dialler) not in self.cut or address == f"direct:{source}":
            self.up(source, dialler)

    def _conn(self, dialler: str) -> int:
        return list(self.nodes).index(dialler)

    def deliver(self, link: tuple[str, str]) -> None:
        """Deliver the oldest message of a link; raises IndexError if there is none."""
        source, dialler = link
        message = self.queues[link].popleft()
        self.feed(dialler, FromPeer(source, message, self.clock_s[dialler]))

    def settle(self) -> None:
        """Deliver everything; raises AssertionError if it never ends."""
        for _ in range(10_000):
            waiting = [link for link, queue in self.queues.items() if queue]
            if not waiting:
                return
            self.deliver(waiting[0])
        raise AssertionError("the nodes never come to rest")

    def write(self, name: str, method: str, path: str, **body: Any) -> Answer:
        """One request to a node's plugin API."""
        given = Write(method, path, json.dumps(body).encode(), self.clock_s[name])
        answer = self.feed(name, given)
        assert answer is not None
        return answer

    def case(self, name: str, case: str = "c1", title: str = "t", counter: int = 0) -> Answer:
        """Create a case of run "r"."""
        fields = {"id": f"r/{case}", "run_id": "r", "title": title, "counter": counter}
        return self.write(name, "POST", "cases", **fields)

    def event(self, name: str, event: str = "e1", case: str = "c1") -> Answer:
        """Create an event of run "r"."""
        fields = {"id": f"r/{event}", "run_id": "r", "case_id": f"r/{case}", "body": "b"}
        return self.write(name, "POST", "events", **fields)

    def shows(self, name: str) -> tuple[list[str], list[str]]:
        """(titles of the cases, ids of the events) that a node shows."""
        seen: Any = read(self.states[name], "r")
        return [one["title"] for one in seen["cases"]], [one["id"] for one in seen["events"]]

    def at_rest(self) -> bool:
        """The tester's criterion: every node has processed each connected peer's log to its end."""
        return all(
            reached(self.states[dialler], source, *own_log(self.states[source]))
            for source, dialler in self.queues
        )


def _peers(name: str, names: Sequence[str]) -> tuple[Peer, ...]:
    others = [one for one in names if one != name]
    return tuple(Peer(one, pubkey(one), (f"link:{one}", f"direct:{one}")) for one in others)


def pubkey(name: str) -> str:
    """The public key of a node here; nothing is signed."""
    return sha256(name.encode()).hexdigest()


def joined(*names: str, pieces: Pieces | None = None) -> Net:
    """These nodes, all connected to each other and at rest."""
    net = Net(names, pieces)
    net.join_all()
    net.settle()
    return net
