"""A path that a search found, as a corpus file that `syncmodel replay` takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import evolve

from syncmodel.checker import Violated
from syncmodel.corpus.format import Confirmed, Expected, Reproduction, nodes_of
from syncmodel.engine.pool import Pool
from syncmodel.engine.run import run
from syncmodel.engine.script import length
from syncmodel.exhaustive.cores import Moment
from syncmodel.exhaustive.messagewise import Rest
from syncmodel.exhaustive.replayed import Performed, Replayed
from syncmodel.exhaustive.stepwise import Then, as_run
from syncmodel.model.divergence import Divergence
from syncmodel.model.net import Net
from syncmodel.reference.kinds import SIMULATED
from syncmodel.steps import Step


def counterexample(verdict: Violated[Any, Any], bugs: Sequence[str]) -> Reproduction | None:
    """The steps of the path, run again on a `SimulatedCluster`: what is seen there is `confirmed`.

    None for a search of the model (no system does what the abstract one did) and for a property
    that is not about a divergence. A path at the grain of messages may depend on the order in which
    these came, which no file holds: it may then pass there.
    """
    end = verdict.path.end
    if not isinstance(end, Moment) or not end.found:
        return None
    steps, net = as_run(_thens(verdict.path.actions)), verdict.path.start.model.plan.net
    with Pool(SIMULATED) as pool:
        return _again(pool, net, steps, end.found[0], bugs)


def counterexample_of(system: Replayed, verdict: Violated[Performed, Any]) -> Reproduction | None:
    """The same for a target's own run, performed again there, on new machines if it has any."""
    end = verdict.path.end
    if not end.found:
        return None
    return _again(system.pool, system.limits.net, end.steps, end.found[0], system.bugs)


def _again(
    pool: Pool, net: Net, steps: tuple[Step, ...], divergence: Divergence, bugs: Sequence[str]
) -> Reproduction:
    """The reproduction, with the outcome of performing its steps once more."""
    target, kind = pool.target(len(net.nodes), bugs), pool.kind
    again = pool.driver.run(run(target, net, steps, kind.guarantees, alone=True))
    return Reproduction(
        title=f"{divergence.kind.value}: {divergence.kind.explained}",
        nodes=nodes_of(net),
        steps=steps,
        expected=Expected(divergence.key),
        found={"by": "exhaustive search", "length": length(steps)},
        bug=bugs[0] if len(bugs) == 1 else None,
        confirmed=Confirmed(int(divergence.key in again.keys), 1),
        system=kind,
    )


def _thens(actions: Sequence[Any]) -> list[Then]:
    """Steps with and without a rest after them, from a path of either grain."""
    found: list[Then] = []
    for action in actions:
        match action:
            case Then():
                found.append(action)
            case Step():
                found.append(Then(action, rests=False))
            case Rest() if found:
                found[-1] = evolve(found[-1], rests=True)
    return [*found[:-1], evolve(found[-1], rests=True)] if found else []
