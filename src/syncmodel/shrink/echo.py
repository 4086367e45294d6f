"""Whether a live failure comes back on the simulator: is it the protocol, or what is around it?

The simulated cluster runs the same core without sockets, storage and processes. A failure that
shows there too is deterministic and can be stepped through; one that does not is a matter of
sockets, storage, processes or the supervisor, or of an order that these tries did not hit.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from syncmodel.engine.drive import Straight
from syncmodel.engine.invariant import Invariant
from syncmodel.engine.run import run
from syncmodel.engine.script import Script
from syncmodel.model.divergence import Key
from syncmodel.model.guarantees import Guarantees
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.targets.base import SEEDS


@frozen
class Failing:
    """A run, the way in which it fails, on nodes with which bugs planted and which promises.

    `invariants` are checked beside them.

    `network`: on which simulated one, where it was seen to fail there; None: messages in order.
    """

    script: Script
    key: Key
    bugs: tuple[str, ...] = ()
    guarantees: Guarantees = Guarantees()
    network: int | None = None
    invariants: tuple[Invariant, ...] = ()


@frozen
class Echo:
    """`seed` of the simulated network on which it came back; `heard` is false if it never did."""

    heard: bool
    seed: int | None = None
    tries: int = len(SEEDS)

    def __str__(self) -> str:
        if not self.heard:
            return (
                f"Only live: {self.tries} simulated networks did not show it, so look at sockets, "
                "storage, processes and the supervisor first."
            )
        network = "messages in order" if self.seed is None else f"network seed {self.seed}"
        return f"On the simulator too ({network}): the protocol itself is wrong, deterministically."


def echo(failing: Failing, seeds: Sequence[int | None] = SEEDS) -> Echo:
    """Run it on simulated nodes until it fails in the same way. Raises `UsageError` where the
    simulator lacks an ability that a step needs."""
    net, steps = failing.script.net, failing.script.steps
    names = tuple(f"n{i}" for i in range(1, len(net.nodes) + 1))
    if net.nodes != names:
        return Echo(heard=False, tries=0)
    for number, seed in enumerate(seeds, 1):
        cluster = SimulatedCluster(len(names), failing.bugs, seed)
        once = run(cluster, net, steps, failing.guarantees, invariants=failing.invariants)
        result = Straight().run(once)
        if failing.key in result.keys:
            return Echo(heard=True, seed=seed, tries=number)
    return Echo(heard=False, tries=len(seeds))
