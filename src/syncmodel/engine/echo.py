"""Whether a live failure comes back on the simulator: is it the protocol, or what is around it?

The simulated cluster runs the same core without sockets, storage and processes. A failure that
shows there too is deterministic and can be stepped through; one that does not is a matter of
sockets, storage, processes or the supervisor, or of an order that these tries did not hit.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from syncmodel.engine.drive import Straight
from syncmodel.engine.minimize import Key
from syncmodel.engine.run import run
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net
from syncmodel.steps.base import Step
from syncmodel.targets.simulated import SimulatedCluster

#: Networks that are tried: messages in order first, then one for each seed.
SEEDS: tuple[int | None, ...] = (None, *range(20))


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


def echo(
    net: Net, steps: Sequence[Step], key: Key, bugs: Sequence[str], guarantees: Guarantees
) -> Echo:
    """Run the steps on simulated nodes until they fail in the same way. Raises `UsageError` where
    the simulator lacks an ability that a step needs."""
    names = tuple(f"n{i}" for i in range(1, len(net.nodes) + 1))
    if net.nodes != names:
        return Echo(heard=False, tries=0)
    for number, seed in enumerate(SEEDS, 1):
        cluster = SimulatedCluster(len(names), bugs, seed)
        result = Straight().run(run(cluster, net, steps, guarantees))
        if key in result.keys:
            return Echo(heard=True, seed=seed, tries=number)
    return Echo(heard=False)
