"""The protocol that the peers are compared on: a replicated register with tombstones.

One row, on every node. A version is one number, and the greater one wins everywhere: stamp, then
writer, then whether it is a tombstone. A node may send what it has over a directed link; a message
may be lost, a link may be cut one way (what is under way on it is lost) and mended again.

Planted bug: a node that learns of a deletion forgets the row, tombstone and all, so that an older
copy that comes later brings it back. The same, action by action: register.pml (SPIN), register.qnt
(Quint).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import NamedTuple, TypeVar

import attrs

from syncmodel.checker import Property, always, sometimes

Action = tuple[str, int, int]
Item = TypeVar("Item")


class Register(NamedTuple):
    """What each node has (0: nothing) and the newest tombstone it ever took; what is under way on
    each link (0: nothing) and which are cut; how many writes and cuts there were."""

    have: tuple[int, ...]
    buried: tuple[int, ...]
    wire: tuple[int, ...]
    cut: tuple[bool, ...]
    writes: int
    cuts: int


@attrs.frozen
class Replicas:
    """The register on this many nodes, with this many writes and cuts in all."""

    nodes: int
    writes: int
    cuts: int
    forgets: bool = False
    links: tuple[tuple[int, int], ...] = attrs.field(init=False)

    @links.default
    def _all_pairs(self) -> tuple[tuple[int, int], ...]:
        return tuple(permutations(range(self.nodes), 2))

    def initial(self) -> tuple[Register, ...]:
        nothing, links = (0,) * self.nodes, len(self.links)
        return (Register(nothing, nothing, (0,) * links, (False,) * links, 0, 0),)

    def actions(self, state: Register) -> Iterator[Action]:
        """Those that are possible, and no others; the last number is a node or a link."""
        have, _, wire, cut, writes, cuts = state
        if writes < self.writes:
            for node in range(self.nodes):
                yield ("write", node, node)
                if have[node] and not have[node] % 2:
                    yield ("delete", node, node)
        for number, (sender, _) in enumerate(self.links):
            if wire[number]:
                yield ("deliver", sender, number)
                yield ("lose", sender, number)
            elif have[sender] and not cut[number]:
                yield ("send", sender, number)
            if cut[number]:
                yield ("mend", sender, number)
            elif cuts < self.cuts:
                yield ("cut", sender, number)

    def next(self, state: Register, action: Action) -> Register:
        have, buried, wire, cut, writes, cuts = state
        verb, node, at = action
        match verb:
            case "write":
                have = _put(have, node, self._version(have[node], node, dead=False))
                writes += 1
            case "delete":
                have = _put(have, node, self._version(have[node], node, dead=True))
                buried = _put(buried, node, max(buried[node], have[node]))
                writes += 1
            case "send":
                wire = _put(wire, at, have[node])
            case "deliver":
                have, buried = self._taken(have, buried, self.links[at][1], wire[at])
                wire = _put(wire, at, 0)
            case "lose":
                wire = _put(wire, at, 0)
            case "cut":
                wire, cut, cuts = _put(wire, at, 0), _put(cut, at, True), cuts + 1
            case "mend":
                cut = _put(cut, at, False)
        return Register(have, buried, wire, cut, writes, cuts)

    def _version(self, had: int, node: int, *, dead: bool) -> int:
        """A version by this node, later than the one it had."""
        stamp = had // (2 * self.nodes) + 1
        return 2 * (stamp * self.nodes + node) + dead

    def _taken(
        self, have: tuple[int, ...], buried: tuple[int, ...], node: int, version: int
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        if version <= have[node]:
            return have, buried
        if version % 2:
            buried = _put(buried, node, max(buried[node], version))
            version = 0 if self.forgets else version
        return _put(have, node, version), buried

    def properties(self) -> list[Property[Register]]:
        """A deletion is final; and the dangerous case does occur."""
        return [
            always("nothing older than a deletion shows", nothing_old_shows),
            sometimes("an old copy meets a tombstone", _an_old_copy_arrives),
        ]


def nothing_old_shows(state: Register) -> bool:
    """No node shows a version that is older than a deletion that it took."""
    return all(
        have == 0 or have % 2 or have > buried
        for have, buried in zip(state.have, state.buried, strict=True)
    )


def _an_old_copy_arrives(state: Register) -> bool:
    newest = max(state.buried)
    return any(0 < message < newest for message in state.wire)


def _put(values: tuple[Item, ...], at: int, value: Item) -> tuple[Item, ...]:
    return (*values[:at], value, *values[at + 1 :])
