"""The reference node's cores joined in memory: no sockets, no clock, no processes.

The same `step` function as on the wire, a store that survives a crash, and a network in which this
file alone decides what is delivered when; thousands of steps a second. With one seed the same steps
give the same run, byte for byte. Public: the model's own tests and yours can run on it.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Awaitable, Mapping, Sequence
from itertools import permutations
from random import Random

from attrs import define, evolve, field
from immutables import Map

from syncmodel.model.net import Link, Net
from syncmodel.model.outcome import Outcome, accepted, refused
from syncmodel.model.view import ControlView, View
from syncmodel.node import bugs, core, migrations
from syncmodel.node.entries import Row as TableRow
from syncmodel.node.entries import RowKey, Stored
from syncmodel.node.ports import (
    Answer,
    Cursor,
    Durable,
    FromPeer,
    Input,
    Members,
    Output,
    PeerDown,
    PeerUp,
    Put,
    Redial,
    Resync,
    Show,
    Subscribe,
    ToPeer,
    ToSubscriber,
    Unsubscribe,
    Write,
)
from syncmodel.node.state import Node, Peer, State, read
from syncmodel.node.supervisor_pieces import SupervisorPieces
from syncmodel.nostr.messages import Delivery, Eose, Req
from syncmodel.steps.base import Request
from syncmodel.targets.base import Settled, Unsettled
from syncmodel.targets.wire import to_outcome, to_view, to_wire

#: Virtual time starts here and moves by a tenth of a second with every request.
EPOCH_S = 1_700_000_000
TICKS_A_SECOND = 10
#: More deliveries than this in one settling means that the nodes never come to rest.
DELIVERIES_LIMIT = 100_000
DIRECT = "direct:"

Message = Req | Delivery | Eose


@define
class Store:
    """What survives a crash: the log, the plugin's tables, the cursors. Written in transactions."""

    log_id: str
    position: int = 0
    entries: dict[tuple[RowKey, str], Stored] = field(factory=dict)
    tables: dict[RowKey, tuple[TableRow, ...]] = field(factory=dict)
    cursors: dict[str, Cursor] = field(factory=dict)
    applied: dict[str, None] = field(factory=dict)

    def commit(self, durables: Sequence[Durable]) -> None:
        """One transaction."""
        for durable in durables:
            match durable:
                case Put(stored):
                    self.entries[stored.key, stored.event.pubkey] = stored
                    self.position = max(self.position, stored.position)
                case Show(key, rows):
                    self.tables.pop(key, None)
                    if rows:
                        self.tables[key] = rows
                case Cursor(peer):
                    self.cursors[peer] = durable
                case Members():
                    pass

    def drop(self, migration: migrations.Migration) -> None:
        """A down migration: its tables' rows go, and their entries in the log with them."""
        self.applied.pop(migration.name)
        for key in [key for key in self.tables if key[0] in migration.kinds]:
            del self.tables[key]
        for entry in [entry for entry in self.entries if entry[0][0] in migration.kinds]:
            del self.entries[entry]


@define
class Machine:
    """One node: what its disk holds, what it runs, and its core's state while it runs."""

    node: Node
    supervisor: SupervisorPieces
    store: Store
    running: int
    state: State | None = None
    behind: list[Durable] = field(factory=list)
    last_rollout: int | None = None


class SimulatedCluster:
    """Nodes n1, n2, ... in memory; a `Target` with every ability of a live cluster.

    `seed` None delivers messages in the order they were sent, between rests none at all; a number
    makes a random network of it: any link's next message next, and some before a burst is over.
    """

    def __init__(self, count: int = 3, bug_names: Sequence[str] = (), seed: int | None = None):
        """Nothing runs yet: see `begin`. Raises `UsageError` for an unknown bug."""
        self.nodes = tuple(f"n{i}" for i in range(1, count + 1))
        self.cut: frozenset[Link] = frozenset()
        self._pieces = bugs.pieces(bug_names)
        self._supervisor = bugs.supervisor_pieces(bug_names)
        self._seed = seed
        self._runs = 0
        self._reset()

    def _reset(self) -> None:
        self._rng = Random(self._seed)
        self._tick = 0
        self._logs = 0
        self._machines: dict[str, Machine] = {}
        #: (dialling node, relay): what the dialler asked and what the relay sent, in order.
        self._asked: dict[Link, deque[Message]] = {}
        self._sent: dict[Link, deque[Message]] = {}
        #: The links that are connected, as (relay, dialler); True: by the direct address.
        self._connected: dict[Link, bool] = {}

    # --- Target --------------------------------------------------------------------------------

    async def begin(self, net: Net) -> None:
        """Fresh machines, with links, lives and generations as `net` has them."""
        self._reset()
        self._run_id = "run"
        self.cut = net.cut
        self._generations = net.generations
        for name in self.nodes:
            self._machines[name] = self._machine(name, net.running[name])
        for name in net.up:
            self._boot(name)

    async def request(self, node: str, request: Request) -> Outcome:
        """One request to the node's core; some messages may travel first."""
        self._some_deliveries()
        machine = self._machines[node]
        if machine.state is None:
            return refused("unreachable")
        method, path, body = to_wire(request, self._run_id)
        content = b"" if body is None else json.dumps(body).encode()
        answer = self._input(node, Write(method, path, content, self._now_s()))
        assert answer is not None
        return to_outcome(answer.status, dict(answer.body), self._run_id)

    async def together(self, calls: Sequence[Awaitable[Outcome]]) -> list[Outcome]:
        """One after another, in an order of the seed's."""
        order = list(range(len(calls)))
        if self._seed is not None:
            self._rng.shuffle(order)
        outcomes: dict[int, Outcome] = {}
        for position in order:
            outcomes[position] = await calls[position]
        return [outcomes[position] for position in range(len(calls))]

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        """Deliver until nothing is under way, then read every node."""
        self._reconnect()
        for _ in range(DELIVERIES_LIMIT):
            if not self._deliver_one():
                break
        else:
            return Unsettled(f"messages still travel after {DELIVERIES_LIMIT} deliveries")
        views = {name: self._view(name) for name in net.up}
        return Settled(views, {n: self._control(n) for n in net.up} if control else {})

    async def close(self) -> None:
        """Nothing is left."""
        self._reset()

    # --- abilities -----------------------------------------------------------------------------

    async def set_cut(self, cut: frozenset[Link]) -> None:
        """Exactly these links are cut; what was under way on them is lost."""
        self._some_deliveries()
        self.cut = cut
        for (relay, dialler), direct in list(self._connected.items()):
            if (relay, dialler) in cut and not direct:
                self._disconnect((relay, dialler))
        self._reconnect()

    async def resync(self, node: str, *, full: bool) -> Outcome:
        """The node asks its peers again."""
        if self._machines[node].state is None:
            return refused("unreachable")
        self._input(node, Resync(full))
        return accepted({"full": full})

    async def crash(self, node: str) -> None:
        """Whatever was not stored is gone."""
        self._some_deliveries()
        machine = self._machines[node]
        machine.state = None
        machine.behind.clear()
        for link in [link for link in self._connected if node in link]:
            self._disconnect(link)

    async def restart(self, node: str) -> None:
        """Stop in order (which stores what is written behind), then start."""
        if self._machines[node].state is not None:
            self._flush(node)
            await self.crash(node)
        self._boot(node)

    async def deploy(self, nodes: Sequence[str], generation: int, *, back: bool) -> Outcome:
        """One node after another; the application restarts on each."""
        for node in nodes:
            problem = await self._deploy(node, generation, back=back)
            if problem is not None:
                return refused(problem)
        return accepted()

    # --- machines ------------------------------------------------------------------------------

    def _machine(self, name: str, generation: int) -> Machine:
        peers = tuple(Peer(n, _pubkey(n), (n, DIRECT + n)) for n in self.nodes if n != name)
        node = Node(name, _pubkey(name), seal=lambda event: event, peers=peers, pieces=self._pieces)
        machine = Machine(node, self._supervisor, Store(self._new_log(name)), running=1)
        self._migrate(machine, generation)
        machine.running = generation
        return machine

    def _new_log(self, name: str) -> str:
        self._logs += 1
        return f"log-{name}-{self._logs}"

    def _boot(self, name: str) -> None:
        machine = self._machines[name]
        store = machine.store
        machine.state = core.boot(
            machine.node,
            log_id=store.log_id,
            plugin=self._generations[machine.running],
            stored=store.entries.values(),
            position=store.position,
            cursors=store.cursors.values(),
            trusted=frozenset(_pubkey(n) for n in self.nodes),
        )
        machine.state = evolve(machine.state, table=Map(store.tables))
        self._reconnect()

    def _plugins(self, generation: int) -> dict[str, int]:
        version = self._generations[generation]
        return {} if version is None else {"supertest": version}

    async def _deploy(self, name: str, generation: int, *, back: bool) -> str | None:
        machine = self._machines[name]
        if machine.state is None:
            return "unreachable"
        if not back:
            machine.last_rollout = generation
        self._flush(name)
        await self.crash(name)
        problem = self._migrate(machine, generation)
        if problem is None:
            machine.running = generation
        again = (
            machine.supervisor.after_rollback(generation, machine.last_rollout) if back else None
        )
        if again is not None and problem is None:
            problem = self._migrate(machine, again)
            machine.running = again
        self._boot(name)
        return problem

    def _migrate(self, machine: Machine, generation: int) -> str | None:
        """Run the migrations between two generations; the name of a failure, with nothing done."""
        before, after = self._plugins(machine.running), self._plugins(generation)
        steps = migrations.plan(before, after)
        by_name = {migration.name: migration for migration in migrations.MIGRATIONS}
        store = machine.store
        down = tuple(step for step in steps if step[0] == "down")
        up = [name for direction, name in steps if direction == "up"]
        if any(name in store.applied for name in up):
            return "migration_failed"
        for _, name in machine.supervisor.rollback_migrations(down):
            store.drop(by_name[name])
        store.applied.update(dict.fromkeys(up))
        if any(by_name[name].tables for _, name in down):
            store.log_id, store.position = self._new_log(machine.node.name), 0
        store.cursors.clear()
        return None

    def _now_s(self) -> int:
        self._tick += 1
        return EPOCH_S + self._tick // TICKS_A_SECOND

    # --- the network ---------------------------------------------------------------------------

    def _input(self, name: str, given: Input) -> Answer | None:
        """One input to one core, and everything that comes of it."""
        machine = self._machines[name]
        assert machine.state is not None
        machine.state, outputs = core.step(machine.state, given, machine.node)
        durables = [output for output in outputs if isinstance(output, Durable)]
        now, later = machine.node.pieces.commit(durables)
        machine.store.commit(now)
        machine.behind += later
        answer = None
        for output in outputs:
            if isinstance(output, Answer):
                answer = output
            else:
                self._output(name, output)
        return answer

    def _output(self, name: str, output: Output) -> None:
        match output:
            case ToPeer(peer, message):
                self._asked[peer, name].append(message)
            case ToSubscriber(conn, message) if isinstance(message, Delivery | Eose):
                link = (name, self.nodes[conn])
                if link in self._sent:
                    self._sent[link].append(message)
            case Redial(peer, address):
                if (peer, name) in self._connected:
                    self._disconnect((peer, name))
                direct = address.startswith(DIRECT)
                if direct or (peer, name) not in self.cut:
                    self._connect((peer, name), direct=direct)
            case _:
                pass

    def _reconnect(self) -> None:
        """Every link that is up and not connected is dialled, in a fixed order."""
        for link in permutations(self.nodes, 2):
            if link not in self._connected and link not in self.cut:
                self._connect(link, direct=False)

    def _connect(self, link: Link, *, direct: bool) -> None:
        relay, dialler = link
        if self._state(relay) is None or self._state(dialler) is None:
            return
        self._connected[link] = direct
        self._asked[link], self._sent[link] = deque(), deque()
        self._input(dialler, PeerUp(relay))

    def _disconnect(self, link: Link) -> None:
        relay, dialler = link
        del self._connected[link], self._asked[link], self._sent[link]
        if self._state(dialler) is not None:
            self._input(dialler, PeerDown(relay))
        if self._state(relay) is not None:
            self._input(relay, Unsubscribe(self.nodes.index(dialler)))

    def _state(self, name: str) -> State | None:
        machine = self._machines.get(name)
        return None if machine is None else machine.state

    def _some_deliveries(self) -> None:
        """Between the requests of a burst: as many messages as the seed says."""
        if self._seed is not None:
            for _ in range(self._rng.choice((0, 0, 1, 3, 8))):
                self._deliver_one()

    def _deliver_one(self) -> bool:
        """Deliver one message; False if none is under way."""
        waiting = [
            (queue, link, asked)
            for queues, asked in ((self._asked, True), (self._sent, False))
            for link, queue in sorted(queues.items())
            if queue
        ]
        if not waiting:
            return False
        chosen = 0 if self._seed is None else self._rng.randrange(len(waiting))
        queue, (relay, dialler), asked = waiting[chosen]
        message = queue.popleft()
        if asked:
            assert isinstance(message, Req)
            conn = self.nodes.index(dialler)
            self._input(relay, Subscribe(conn, message, dialler))
        else:
            assert isinstance(message, Delivery | Eose)
            self._input(dialler, FromPeer(relay, message, self._now_s()))
        return True

    # --- sights --------------------------------------------------------------------------------

    def _flush(self, name: str) -> None:
        machine = self._machines[name]
        machine.store.commit(machine.behind)
        machine.behind.clear()

    def _view(self, name: str) -> View | None:
        """The plugin's tables, joined as the plugin API joins them."""
        self._flush(name)
        machine = self._machines[name]
        assert machine.state is not None
        if machine.state.plugin is None:
            return None
        shown = evolve(machine.state, table=Map(machine.store.tables))
        return to_view(name, read(shown, self._run_id), self._run_id)

    def _control(self, name: str) -> ControlView:
        machine = self._machines[name]
        running, plugin = machine.running, self._generations[machine.running]
        tables = () if plugin is None else ("supertest_cases", "supertest_events")
        return ControlView(running, running, (running, running), plugin, tables, healthy=True)

    def states(self) -> Mapping[str, State | None]:
        """The core states, for whoever wants to look inside."""
        return {name: machine.state for name, machine in self._machines.items()}


def _pubkey(name: str) -> str:
    """A public key that nobody signs with: the simulated network has no forgers."""
    return name.encode().hex().rjust(64, "0")
