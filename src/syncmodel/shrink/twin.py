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
    """Whether a failure came back on the twin, on which of its networks, after how many tries."""

    heard: Counterexample | None
    tries: int

    def __str__(self) -> str:
        if self.heard is None:
            return (
                f"Only live: {self.tries} simulated networks did not show it, so look at sockets, "
                "storage, processes and the supervisor first."
            )
        seed = self.heard.network
        network = "messages in order" if seed is None else f"network seed {seed}"
        return f"On the simulator too ({network}): the protocol itself is wrong, deterministically."


@frozen
class Twin:
    """The twin kind of a target, and what it takes to run there."""

    kind: TargetKind
    invariants: Sequence[Invariant] = ()

    def target(self, found: Counterexample) -> Target:
        """Such nodes as the counterexample needs, on its network."""
        target = self.kind.make(len(found.script.net.nodes), found.bugs)
        if isinstance(target, Networked):
            target.on_network(found.network)
        return target

    def echo(self, found: Counterexample, networks: Sequence[int | None] = SEEDS) -> Echo:
        """Run it until it fails in the same way, on one network after another.

        Raises `UsageError` where the twin lacks an ability that a step needs.
        """
        script, target = found.script, self.target(found)
        if script.net.nodes != target.nodes:
            return Echo(None, tries=0)
        for number, network in enumerate(networks, 1):
            if isinstance(target, Networked):
                target.on_network(network)
            once = run(
                target, script.net, script.steps, found.guarantees, invariants=self.invariants
            )
            result = Straight().run(once)
            if found.key in result.keys:
                seen = evolve(found, divergences=result.divergences, views=result.views)
                return Echo(evolve(seen, network=network), number)
        return Echo(None, len(networks))
