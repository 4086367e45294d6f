"""The shortest run that fails on a cluster with a planted bug, and the proof that none is shorter.

Breadth first at the grain of steps, so the first run that fails has the fewest steps, those inside
a burst counted one each. What that proof leaves out is in docs/checking.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from json import loads

from attrs import frozen

from syncmodel.checker import Bound, Bounds, Holds, Progress, Unknown, Violated, check
from syncmodel.engine.exhaustive.cores import Moment, cluster, never_wrong
from syncmodel.engine.exhaustive.limits import UNLIMITED, Limits
from syncmodel.engine.exhaustive.stepwise import Stepwise, Then, as_run
from syncmodel.errors import SyncModelError
from syncmodel.model.net import Net, fully_connected
from syncmodel.steps import Step

FILE = "shortest.json"
#: The latest and the earliest generation, beside the usual one.
NEWER, BARE = 3, 1


@frozen
class Shortest:
    """A failing run than which none is shorter, within the bounds of its search.

    `states` is how many moments were looked at before it.
    """

    net: Net
    steps: tuple[Step, ...]
    length: int
    divergence: tuple[str, str]
    states: int


@frozen
class NoneShorter:
    """No run of up to `length` steps fails; `states` moments were looked at.

    `whole`: there is no longer one either, within the limits.
    """

    length: int
    states: int
    whole: bool


def anything(nodes: int) -> Limits:
    """Every kind of step as often as you like, on few rows: the depth alone bounds the search."""
    return Limits(
        nodes=nodes,
        cases=2,
        events=1,
        writes=UNLIMITED,
        cuts=UNLIMITED,
        crashes=UNLIMITED,
        restarts=UNLIMITED,
        rollbacks=UNLIMITED,
        rollouts=UNLIMITED,
        resyncs=UNLIMITED,
        burst=UNLIMITED,
    )


def beginnings(nodes: int) -> tuple[Net, ...]:
    """The nets that runs begin from: all alike, one node newer, one without the plugin."""
    net = fully_connected(nodes)
    first = net.nodes[:1]
    return (net, net.deploy(first, NEWER), net.deploy(first, BARE))


def shortest(
    bug: str | None,
    limits: Limits,
    most: int,
    *,
    nets: tuple[Net, ...] = (),
    coins: int = 1,
    partly: bool = False,
    max_seconds: float | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Shortest | NoneShorter:
    """The shortest failing run of at most `most` steps, or how far there is none.

    `nets` default to `limits.net`; `coins`: see `cores.Cluster`;
    `partly`: see `Stepwise`. Raises `UsageError` for an unknown
    bug, and `SyncModelError` if it was not done in time.
    """
    planted = () if bug is None else (bug,)
    system = Stepwise(cluster(limits, planted, nets, symmetric=False, coins=coins), partly)
    bounds = Bounds(max_states=None, max_depth=most, max_seconds=max_seconds)
    verdict = check(system, [never_wrong()], bounds, progress=progress)
    match verdict:
        case Violated(path=path, statistics=statistics):
            return found(path.start, path.actions, path.end, statistics.states)
        case Holds(statistics=statistics):
            return NoneShorter(most, statistics.states, whole=True)
        case Unknown(bound=Bound.DEPTH, statistics=statistics):
            return NoneShorter(most, statistics.states, whole=False)
        case _:
            raise SyncModelError(f"The search ended before it knew: {verdict}. Give it more time.")


def found(start: Moment, actions: tuple[Then, ...], end: Moment, states: int) -> Shortest:
    """What a path at the grain of steps says."""
    return Shortest(
        net=start.model.plan.net,
        steps=as_run(actions),
        length=len(actions),
        divergence=end.found[0].key,
        states=states,
    )


def known_lengths() -> Mapping[str, int]:
    """The length of the shortest failing run by the bug's name: minimisers are measured by it."""
    text = (files("syncmodel.node.bugs") / FILE).read_text(encoding="utf-8")
    lengths: dict[str, int] = loads(text)
    return lengths
