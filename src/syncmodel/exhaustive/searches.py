"""A search by its grain and its limits: which system, which properties, and how states look.

The systems themselves are in `knowledge`, `stepwise` and `messagewise`; the searches that
`make check-model` goes through are in `scenes`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

from attrs import evolve, frozen

from syncmodel.checker import (
    Bounds,
    Progress,
    Property,
    System,
    Verdict,
    check,
    converges,
    eventually,
)
from syncmodel.engine.pool import Pool
from syncmodel.errors import UsageError
from syncmodel.exhaustive import knowledge_properties
from syncmodel.exhaustive.abstract import Situation
from syncmodel.exhaustive.cores import Moment, cluster, never_wrong, seen
from syncmodel.exhaustive.coverage import USUAL
from syncmodel.exhaustive.knowledge import Knowledge
from syncmodel.exhaustive.knowledge_symmetry import symmetry
from syncmodel.exhaustive.limits import COUNTED, UNLIMITED, Limits
from syncmodel.exhaustive.messagewise import Deliver, Messagewise
from syncmodel.exhaustive.replayed import Performed, Replayed, properties
from syncmodel.exhaustive.stepwise import Stepwise
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net
from syncmodel.model.view import View
from syncmodel.reference.simulated import sights
from syncmodel.reference.simulated.world import deliverables


class Grain(Enum):
    """What is searched, and how finely."""

    MODEL = "model"
    STEPS = "steps"
    MESSAGES = "messages"


@frozen
class Search:
    """One search, ready to be run or drawn."""

    system: System[Any, Any]
    properties: tuple[Property[Any], ...]
    canonical: Callable[[Any], Any] | None

    def run(
        self, bounds: Bounds, progress: Callable[[Progress], None] | None = None
    ) -> Verdict[Any, Any]:
        """Look at every state, as far as the bounds allow."""
        return check(
            self.system, self.properties, bounds, symmetry=self.canonical, progress=progress
        )


def search(
    grain: Grain,
    limits: Limits,
    bugs: Sequence[str] = (),
    *,
    guarantees: Guarantees = USUAL,
    symmetric: bool = True,
    wanted: Sequence[str] = (),
) -> Search:
    """The search of that grain within these limits, for the `wanted` properties or for all.

    Steps and messages are searched on the reference system's cores, which promise the default
    `guarantees`. Planted bugs are looked for without symmetry, so that what is found fails on a
    `SimulatedCluster` too. Raises `UsageError` for what does not go together.
    """
    _require_sense(grain, limits, bugs)
    if grain is Grain.MODEL:
        of = (limits, guarantees)
        safe, live = knowledge_properties.safety(*of), knowledge_properties.liveness(*of)
        canonical = symmetry(*of) if symmetric else None
        return Search(Knowledge(*of), _picked([*safe, *live], wanted), canonical)
    found = cluster(limits, bugs, symmetric=symmetric and not bugs)
    asked = [never_wrong()] if bugs else [never_wrong(), *seen(limits), *alive(grain, limits)]
    system = Stepwise(found) if grain is Grain.STEPS else Messagewise(found)
    return Search(system, _picked(asked, wanted), None)


def replaying(
    pool: Pool,
    limits: Limits,
    bounds: Bounds,
    bugs: Sequence[str] = (),
    *,
    wanted: Sequence[str] = (),
) -> Search:
    """The search of a target of any kind, by performing every sequence of steps on it.

    Only the kinds of steps that the target can take are taken. Raises `UsageError` for a search
    without an end, and for options that do not go together.
    """
    _require_sense(Grain.STEPS, limits, bugs)
    endless = any(getattr(limits, name) >= UNLIMITED for name in (*COUNTED, "burst"))
    if endless and bounds.max_depth is None:
        raise UsageError("A target's runs have no end with `any` in the limits: give --max-depth.")
    system = Replayed(evolve(limits, ops=limits.ops & pool.kind.ops), pool, tuple(bugs))
    return Search(system, _picked(properties(system), wanted), None)


def _require_sense(grain: Grain, limits: Limits, bugs: Sequence[str]) -> None:
    if grain is Grain.MODEL and bugs:
        raise UsageError("Bugs are planted in nodes, and a search of the model has none of these.")
    if grain is not Grain.MODEL and (limits.timeouts or limits.together):
        raise UsageError(
            "Timeouts and steps at the same time are for searches of the model: the simulated "
            "cluster answers every request, one after another."
        )
    if grain is not Grain.STEPS and limits.burst >= UNLIMITED:
        raise UsageError("Only at the grain of steps may bursts be without a bound.")


def _picked(
    properties: Sequence[Property[Any]], wanted: Sequence[str]
) -> tuple[Property[Any], ...]:
    """The properties whose names contain one of the words; all, if there are none."""
    known = ", ".join(repr(one.name) for one in properties)
    for word in wanted:
        if not any(word in one.name for one in properties):
            raise UsageError(f"No property's name has {word!r} in it; there are: {known}.")
    picked = [p for p in properties if not wanted or any(word in p.name for word in wanted)]
    return tuple(picked)


def alive(grain: Grain, limits: Limits) -> list[Property[Moment]]:
    """Whatever went wrong, the cluster comes to rest on its own and can converge again."""
    wanted: list[Property[Moment]] = []
    if grain is Grain.MESSAGES:
        name = "left alone, the cluster comes to rest"
        wanted.append(converges(name, _quiet, by=_is_delivery))
    # At the grain of steps a run may end in the middle of a burst, and then nothing more comes.
    if not limits.generations and (grain is Grain.MESSAGES or limits.burst == 1):
        wanted.append(eventually("a converged cluster can be reached", _converged))
    return wanted


def _quiet(now: Moment) -> bool:
    return bool(now.found) or not deliverables(now.virtual)


def _is_delivery(action: Any) -> bool:
    return isinstance(action, Deliver)


def _converged(now: Moment) -> bool:
    net = now.model.belief.net
    whole = not net.cut and len(net.carriers) == len(net.nodes)
    if now.found or now.since_rest or not whole or deliverables(now.virtual):
        return False
    shown = list(sights.views(now.virtual).values())
    return all(one == shown[0] for one in shown)


def label(state: Any) -> str:
    """A state as a graph shows it: what each node shows (or really knows), and what is wrong."""
    if isinstance(state, Situation):
        known = [f"{n} knows {_numbers(state, n)}" for n in state.net.nodes]
        return "\n".join([*known, *_troubles(state.net, state.alarm)])
    assert isinstance(state, Moment | Performed)
    wrong = str(state.found[0]) if state.found else ""
    if isinstance(state, Performed):
        shown, net = state.views, state.net
    else:
        shown, net = sights.views(state.virtual), state.model.belief.net
    rows = [f"{node} shows {_rows(view)}" for node, view in shown.items()]
    return "\n".join([*rows, *_troubles(net, wrong)])


def _numbers(state: Situation, node: str) -> str:
    return " ".join(f"{row}#{number}" for row, number in sorted(state.knows(node))) or "nothing"


def _rows(view: View | None) -> str:
    if view is None:
        return "no plugin"
    return "; ".join(f"{row} ({value})" for row, value in view.rows) or "nothing"


def _troubles(net: Net, wrong: str) -> list[str]:
    cut = ", ".join(f"{a}->{b}" for a, b in sorted(net.cut))
    facts = {"cut: ": cut, "down: ": " ".join(sorted(net.down)), "wrong: ": wrong}
    return [name + fact for name, fact in facts.items() if fact]
