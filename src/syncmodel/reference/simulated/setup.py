"""What never changes in a virtual world: its nodes, their decisions, and the deployment list.

Not here: anything that a node remembers (`machine`) or that is under way (`world`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations

from attrs import field, frozen
from immutables import Map

from syncmodel.model.net import Link
from syncmodel.nostr.events import Event
from syncmodel.reference.node import bugs
from syncmodel.reference.node.state import Node, Peer
from syncmodel.reference.node.supervisor_pieces import SupervisorPieces
from syncmodel.reference.simulated.coming import Places, places
from syncmodel.targets.wire import DROPPING, PLUGIN

#: What the address of a peer begins with that leads round the link to it.
DIRECT = "direct:"
#: All runs of a virtual world are one run on its nodes' wire.
RUN_ID = "run"


@frozen(eq=False)
class Setup:
    """One cluster's constants. Two setups are equal only if they are one and the same.

    `names` are in order; `number` is each one's place, by which relays call their diallers;
    `places` are those of what can happen on the links.
    """

    names: tuple[str, ...]
    nodes: Mapping[str, Node]
    supervisor: SupervisorPieces
    generations: Map[int, int | None] = DROPPING.deployment
    #: Every directed link (relay, dialler), in a fixed order.
    links: tuple[Link, ...] = field(init=False)
    #: Those of each node, in that order.
    links_of: Mapping[str, tuple[Link, ...]] = field(init=False)
    number: Mapping[str, int] = field(init=False)
    places: Places = field(init=False)

    @links.default
    def _links(self) -> tuple[Link, ...]:
        return tuple(permutations(self.names, 2))

    @links_of.default
    def _links_of(self) -> Mapping[str, tuple[Link, ...]]:
        return {name: tuple(link for link in self.links if name in link) for name in self.names}

    @number.default
    def _number(self) -> Mapping[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    @places.default
    def _places(self) -> Places:
        return places(self.links)

    def plugins(self, generation: int) -> dict[str, int]:
        """The plugins of a generation, each with its version."""
        version = self.generations[generation]
        return {} if version is None else {PLUGIN: version}

    @property
    def bare(self) -> int:
        """The generation without the plugin."""
        return next(number for number, version in self.generations.items() if version is None)

    @property
    def trusted(self) -> frozenset[str]:
        """Every node's key: here all trust all from the beginning."""
        return frozenset(node.pubkey for node in self.nodes.values())


def setup(
    count: int,
    bug_names: Sequence[str] = (),
    generations: Map[int, int | None] = DROPPING.deployment,
) -> Setup:
    """The constants of nodes n1, n2, ...; raises `UsageError` for an unknown bug."""
    names = tuple(f"n{i}" for i in range(1, count + 1))
    pieces = bugs.pieces(bug_names)
    nodes = {
        name: Node(name, pubkey(name), _unsealed, _peers(name, names), pieces) for name in names
    }
    return Setup(names, nodes, bugs.supervisor_pieces(bug_names), generations)


def pubkey(name: str) -> str:
    """The public key of a node here: nothing is signed, so any name will do."""
    return name.encode().hex().rjust(64, "0")


def _unsealed(event: Event) -> Event:
    return event


def _peers(name: str, names: Sequence[str]) -> tuple[Peer, ...]:
    return tuple(Peer(n, pubkey(n), (n, DIRECT + n)) for n in names if n != name)
