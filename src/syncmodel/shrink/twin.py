"""A target's simulated twin: the same nodes without sockets, storage and processes.

A failure that shows there too is deterministic and can be stepped through; one that does not is a
matter of sockets, storage, processes or the supervisor, or of an order that these tries missed. A
run there costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve, frozen

from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.drive import Straight
from syncmodel.engine.invariant import Invariant
from syncmodel.engine.run import run
from syncmodel.targets.base import SEEDS, Networked, Target
from syncmodel.targets.registry import TargetKind


@frozen
class Echo:
    """Whether a failure came back on the twin, on which of its networks, after how many tries.

    `same`: it is the same in all that can be compared, and not only its name and kind of row.
    """

    heard: Counterexample | None
    tries: int
    same: bool = True

    def __str__(self) -> str:
        if self.heard is None:
            return (
                f"Only live: {self.tries} simulated networks did not show it, so look at sockets, "
                "storage, processes and the supervisor first."
            )
        seed = self.heard.network
        network = "messages in order" if seed is None else f"network seed {seed}"
        if self.same:
            wrong = "the protocol itself is wrong, deterministically"
            return f"On the simulator too ({network}): {wrong}."
        return (
            f"The simulator fails alike ({network}), but not in the same place: there it is "
            f"{self.heard.headline}. These may be two failures, so nothing is said of the protocol."
        )


def is_same(one: Counterexample, other: Counterexample) -> bool:
    """Whether both fail at the same step, in the same row and column, and on the same nodes."""
    return _place(one) == _place(other)


def _place(found: Counterexample) -> tuple[object, ...]:
    first = found.headline
    if first is None:
        return ()
    alike = [one for one in found.divergences if one.key == first.key and one.row == first.row]
    nodes = frozenset(one.node for one in alike)
    # What is about a whole node is told apart by what was expected of it.
    about = first.row or frozenset(one.expected for one in alike)
    return first.key, about, nodes, len(found.script.steps)


@frozen
class Twin:
    """The twin kind of a target, and what it takes to run there.

    `fewer_nodes`: nodes that are not needed may be left out.
    """

    kind: TargetKind
    invariants: Sequence[Invariant] = ()
    fewer_nodes: bool = True

    def target(self, found: Counterexample) -> Target:
        """Such nodes as the counterexample needs, on its network."""
        target = self.kind.make(len(found.script.net.nodes), found.bugs)
        if isinstance(target, Networked):
            target.on_network(found.network)
        return target

    def echo(
        self,
        found: Counterexample,
        networks: Sequence[int | None] = SEEDS,
        *,
        same: bool = False,
    ) -> Echo:
        """Run it until it fails in the same way, on one network after another.

        `same`: until it fails in the same place (see `is_same`), else the first that fails alike.
        Raises `UsageError` where the twin lacks an ability that a step needs.
        """
        script, target = found.script, self.target(found)
        if script.net.nodes != target.nodes:
            return Echo(None, tries=0)
        alike: Echo | None = None
        for number, network in enumerate(networks, 1):
            if isinstance(target, Networked):
                target.on_network(network)
            once = run(
                target, script.net, script.steps, found.guarantees, invariants=self.invariants
            )
            result = Straight().run(once)
            if found.key not in result.keys:
                continue
            cut = evolve(script, steps=result.steps)
            seen = evolve(found.seen(cut, result), network=network)
            is_it = is_same(seen, found)
            heard = Echo(evolve(seen, script=script), number, is_it)
            if is_it or not same:
                return heard
            alike = alike or heard
        return alike or Echo(None, len(networks))
