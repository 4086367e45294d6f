"""Any target at the grain of steps: every sequence, performed from the beginning.

The inside of a black box is unknown, so no two runs are one state: a run is its own steps.
Breadth first, the first run that fails has the fewest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import evolve, field, frozen

from syncmodel.checker import Holds, Property, Unreached, Verdict, always, sometimes
from syncmodel.engine.history import Verdict as Ended
from syncmodel.engine.pool import Pool
from syncmodel.engine.run import run
from syncmodel.exhaustive.limits import OPS, Left, Limits, choices
from syncmodel.exhaustive.stepwise import Then, as_run
from syncmodel.model.divergence import Divergence
from syncmodel.model.net import Net
from syncmodel.model.plan import Plan
from syncmodel.model.view import View
from syncmodel.model.world import promised
from syncmodel.steps import Data, Step


@frozen(cache_hash=True)
class Performed:
    """A run so far: equal if its actions are.

    `found` is what the model calls wrong, `undecided` why it had no verdict, `apart` whether a row
    was written during a cut. `views` are what the nodes showed at the last rest.
    """

    actions: tuple[Then, ...]
    plan: Plan = field(eq=False, repr=False)
    left: Left = field(eq=False, repr=False)
    since_rest: int = field(default=0, eq=False)
    found: tuple[Divergence, ...] = field(default=(), eq=False)
    undecided: str = field(default="", eq=False)
    apart: bool = field(default=False, eq=False)
    views: Mapping[str, View | None] = field(factory=dict, eq=False, repr=False)

    @property
    def net(self) -> Net:
        """The net as it is after these steps."""
        return self.plan.net

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps, those without a rest between them as bursts."""
        return as_run(self.actions)


@frozen
class Replayed:
    """The system that is searched; see `syncmodel.checker.System`.

    `pool` has the target. `performed` has the length of each run, `undecided` why runs had no
    verdict: what follows these is not searched.
    """

    limits: Limits
    pool: Pool
    bugs: tuple[str, ...] = ()
    performed: list[int] = field(factory=list, init=False, eq=False)
    undecided: list[str] = field(factory=list, init=False, eq=False)
    #: Every run that was performed: a path is asked for again, and might end otherwise then.
    _known: dict[Performed, Performed] = field(factory=dict, init=False, eq=False)

    @property
    def net(self) -> Net:
        """Where runs begin."""
        return promised(self.limits.net, self.pool.kind.guarantees)

    def initial(self) -> tuple[Performed, ...]:
        """A run of no step, at its first rest."""
        return (self._rested(Performed((), Plan(self.net), self.limits.left)),)

    def actions(self, now: Performed) -> Iterator[Then]:
        """Every step, with a rest after it and, in a burst, without one."""
        if now.found or now.undecided:
            return
        for step, _ in choices(self.limits, now.plan, now.left):
            yield Then(step)
            if now.since_rest + 1 < self.limits.burst:
                yield Then(step, rests=False)

    def next(self, now: Performed, action: Then) -> Performed:
        """The run with one step more. It is performed where it rests."""
        step, cut = action.step, now.net.cut
        left = next(after for one, after in choices(self.limits, now.plan, now.left) if one == step)
        longer = evolve(
            now,
            actions=(*now.actions, action),
            plan=step.advance(now.plan),
            left=left,
            since_rest=self.limits.steps_after(now.since_rest),
            apart=now.apart or (isinstance(step, Data) and bool(cut)),
        )
        return self._rested(longer) if action.rests else longer

    def _rested(self, asked: Performed) -> Performed:
        """The run, performed from the beginning to its rest."""
        known = self._known.get(asked)
        if known is not None:
            return known
        pool, limits = self.pool, self.limits
        target = pool.target(limits.nodes, self.bugs)
        result = pool.driver.run(run(target, limits.net, asked.steps, pool.kind.guarantees))
        self.performed.append(len(asked.actions))
        views = result.views or {}
        now = evolve(asked, since_rest=0, found=result.divergences, views=views)
        if result.verdict in (Ended.UNKNOWN, Ended.INVALID):
            self.undecided.append(result.reason)
            now = evolve(now, undecided=result.reason)
        self._known[asked] = now
        return now


# --- properties ----------------------------------------------------------------------------------


def properties(system: Replayed) -> list[Property[Performed]]:
    """The target agrees with the model, and what must also have been seen."""
    limits, ops = system.limits, system.limits.ops
    asked = [
        always("the target agrees with the model", lambda now: not now.found),
        sometimes("a row shows on every node", _shows_everywhere),
    ]
    if limits.cuts and limits.writes and ops & {"cut", "partition"}:
        asked.append(sometimes("all is healed after a write during a cut", _healed))
    if limits.crashes and "crash" in ops:
        asked.append(sometimes("a node is down", lambda now: bool(now.net.down)))
    return asked


def _shows_everywhere(now: Performed) -> bool:
    return bool(now.views) and all(view is not None and view.rows for view in now.views.values())


def _healed(now: Performed) -> bool:
    return now.apart and not now.net.cut and not now.since_rest


# --- words ---------------------------------------------------------------------------------------


def covered(system: Replayed, verdict: Verdict[Performed, Then]) -> str:
    """What the search has seen of the target, and what it has not."""
    runs, steps = len(system.performed), sum(system.performed)
    return (
        f"Covered on {system.pool.kind.title}: {_every(verdict)}; {_count(runs, 'run')} of "
        f"{_count(steps, 'step')}, each from the beginning.\n"
        f"Not covered: {'; '.join(_missing(system, verdict))}."
    )


def _every(verdict: Verdict[Performed, Then]) -> str:
    found = verdict.statistics
    if isinstance(verdict, Holds | Unreached):
        return f"every sequence within these limits, of up to {_count(found.depth, 'step')}"
    return f"every sequence of up to {_count(found.whole_depth, 'step')}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _missing(system: Replayed, verdict: Verdict[Performed, Then]) -> Iterator[str]:
    if not isinstance(verdict, Holds | Unreached):
        yield "longer sequences"
    lacking = sorted(OPS - system.limits.ops)
    if lacking:
        yield f"the steps {', '.join(lacking)}"
    if system.undecided:
        runs = f"{_count(len(system.undecided), 'run')} without a verdict"
        yield f"what follows {runs} (the first: {system.undecided[0]})"
    yield "other orders and times than those that the target itself chose"
