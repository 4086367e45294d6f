"""Small scenes beside every search: each run of a few steps on two nodes, on the simulator.

A random search seldom takes the very steps that a mistake needs, and an exhaustive one of a few
situations has them all. It is bounded by situations and not by seconds, so that the same search
looks at the same ones. Which scenes prove what of the reference system is in `exhaustive.scenes`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from attrs import evolve, frozen

from syncmodel.checker import Progress as Searching
from syncmodel.engine.findings import Settings
from syncmodel.exhaustive.limits import Limits
from syncmodel.exhaustive.shortest import NoneShorter, Shortest, shortest
from syncmodel.targets import registry
from syncmodel.targets.base import Searchable
from syncmodel.targets.registry import TargetKind

#: Situations that are looked at beside a whole search: some seconds' worth.
MOST = 4_000
#: Beside a short search fewer, for each of its sequences; more where these take long anyway.
A_SEQUENCE, A_LIVE_SEQUENCE = 25, 250
#: No run of these scenes has more steps.
STEPS = 14


def _ops(names: str) -> frozenset[str]:
    return frozenset(names.split())


#: By what they are about, cheap ones first.
BESIDE: dict[str, Limits] = {
    "a node crashes amid writes": Limits(
        writes=2, crashes=1, burst=2, ops=_ops("create delete crash restart")
    ),
    "a resync after a cut": Limits(
        writes=2, cuts=1, resyncs=1, ops=_ops("create delete partition heal resync")
    ),
    "a log is lost": Limits(
        writes=2, rollbacks=1, burst=2, ops=_ops("create delete rollback rollout")
    ),
    "a row that names another one": Limits(
        rows={table.name: 1 for table in Limits().schema.tables},
        writes=3,
        cuts=1,
        ops=_ops("create delete partition heal"),
    ),
    "writes during a cut": Limits(
        writes=2, cuts=1, burst=2, ops=_ops("create set add delete partition cut mend heal")
    ),
    "more writes and a crash": Limits(
        writes=3, crashes=1, burst=2, ops=_ops("create set delete crash restart")
    ),
    "more writes and a cut": Limits(
        writes=3, cuts=1, ops=_ops("create set add delete partition heal")
    ),
}


@frozen
class Looked:
    """How far it came: `whole` of `scenes` scenes, `situations` in all.

    `failing` is the run that fails, with what its scene is `about`.
    """

    scenes: int = 0
    whole: int = 0
    situations: int = 0
    failing: Shortest | None = None
    about: str = ""


def possible(kind: TargetKind, settings: Settings) -> bool:
    """Whether such targets have a twin whose nodes are values, and are judged as it is."""
    twin = None if kind.twin is None else registry.get(kind.twin)
    return (
        twin is not None
        and issubclass(twin.abilities, Searchable)
        and settings.guarantees == twin.guarantees
        and settings.ours
    )


def look(
    settings: Settings,
    bugs: Sequence[str],
    *,
    waits: bool,
    progress: Callable[[str, float], None] = lambda _, __: None,
) -> Looked:
    """Look at each scene with the kinds of steps that the search has, up to the first failure.

    `waits`: each sequence of the search takes long. `progress` is told what is looked at, and how
    much of all that may be looked at is done.
    """
    most = left = min(MOST, settings.sequences * (A_LIVE_SEQUENCE if waits else A_SEQUENCE))
    looked = Looked(len(BESIDE))

    def tell(which: str, now: Searching | None = None) -> None:
        states = looked.situations + (0 if now is None else now.states)
        progress(f"{which}: {states:,} situation{'s' * (states != 1)}", states / most)

    for number, (about, limits) in enumerate(BESIDE.items(), 1):
        ops = limits.ops if settings.scope is None else limits.ops & settings.scope.ops
        if left <= 0:
            break
        telling = partial(tell, f"small scene {number} of {len(BESIDE)} on the simulator ({about})")
        telling()
        few = evolve(limits, ops=ops)
        said = shortest(bugs, few, STEPS, max_states=left, progress=telling)
        left -= said.states
        looked = evolve(looked, situations=looked.situations + said.states)
        if not isinstance(said, NoneShorter):
            return evolve(looked, failing=said, about=about)
        looked = evolve(looked, whole=looked.whole + said.whole)
    return looked
