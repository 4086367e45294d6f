"""One run on one target: perform a step, let the system settle, compare it with the model.

Every engine (explore, replay, minimise) goes through here, so a step means the same everywhere.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import NoReturn

from attrs import field, frozen

from syncmodel.engine.alongside import alongside, on_a_loop
from syncmodel.engine.hanging import HangingError, bounded, let_go
from syncmodel.engine.history import (
    Began,
    Ended,
    Entry,
    Observer,
    Performed,
    Rested,
    Taken,
    Verdict,
    all_of,
    nobody,
)
from syncmodel.engine.invariant import Invariant
from syncmodel.engine.trouble import happened, sentence, short
from syncmodel.errors import InvalidRunError, SyncModelError, UsageError
from syncmodel.model.cases import Cases
from syncmodel.model.control import compare_control
from syncmodel.model.divergence import Divergence, DivergenceFound, Key, Kind
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net
from syncmodel.model.outcome import Outcome, checked
from syncmodel.model.plan import Plan
from syncmodel.model.rest import compare
from syncmodel.model.view import ControlView, Shown, View
from syncmodel.model.world import World, initial
from syncmodel.steps.base import Step
from syncmodel.steps.compound import Burst, Concurrently
from syncmodel.targets.base import Reusable, Settled, Target, Unsettled

#: How long a component may stay busy before the verdict is *unknown*.
SETTLE_LIMIT_S = 10.0
#: How many times that, under the same faults, before it is a divergence.
PATIENCE = 10
#: A target that gives up has waited if it took this share of the time that it had.
WAITED = 0.9
BEGINNING = "at the beginning of a run"
#: Steps that are made of steps.
HOLDING = (Burst, Concurrently)


@frozen
class Result:
    """How a run ended: its verdict, after which steps, and what decided it.

    `views` are what each node showed at the last rest, None before the first one. `history` has
    what was done and seen until then.
    """

    verdict: Verdict
    steps: tuple[Step, ...] = ()
    divergences: tuple[Divergence, ...] = ()
    reason: str = ""
    views: Mapping[str, View | None] | None = field(default=None, eq=False)
    history: tuple[Entry, ...] = field(default=(), eq=False, repr=False)

    @property
    def keys(self) -> frozenset[Key]:
        """The names (with the kind of row) of what diverged; empty if nothing did."""
        return frozenset(divergence.key for divergence in self.divergences)


class Session:
    """The state of one run. `over` is None until something decided it; then nothing is touched."""

    _numbers = 0

    def __init__(
        self,
        target: Target,
        net: Net,
        guarantees: Guarantees | None = None,
        observe: Observer = nobody,
        settle_limit_s: float = SETTLE_LIMIT_S,
        *,
        invariants: Sequence[Invariant] = (),
        number: int | None = None,
        another: Callable[[Target], Awaitable[Target]] | None = None,
    ) -> None:
        """A run on `target`, which starts from `net` and promises `guarantees`.

        `invariants` are checked at every rest, after the model's comparison. `number` is the run's
        in its history (default: the next one of this process). `another` makes a target in place of
        one that can't begin a run any more; `target` is then that one.
        """
        self.target, self.net = target, net
        self.world: World = initial(net, guarantees)
        self.steps: list[Step] = []
        self.over: Result | None = None
        self._history: list[Entry] = []
        self._observe = all_of(self._history.append, observe)
        self._settle_limit_s = settle_limit_s
        self._invariants, self._number, self._another = invariants, number, another
        self._views: Mapping[str, View | None] | None = None
        #: Each node's control plane, when it was seen first.
        self._control: dict[str, ControlView] = {}
        self._cases = Cases()
        #: What was seen of it at the rest after the last step; None where there was none.
        self._looked: Mapping[str, ControlView] | None = None

    @property
    def plan(self) -> Plan:
        """What follows from the steps so far."""
        return self.world.plan

    @property
    def views(self) -> Mapping[str, View | None]:
        """What each node showed at the last rest; empty before the first one.

        A table that there is not is refused, and not silently empty.
        """
        tables = tuple(self.net.schema.by_name)
        return {
            node: None if view is None else Shown(view.rows, tables)
            for node, view in (self._views or {}).items()
        }

    @property
    def history(self) -> tuple[Entry, ...]:
        """What was done and seen so far."""
        return tuple(self._history)

    async def begin(self) -> None:
        """A fresh start, compared like any other rest: what an earlier run left would show."""
        Session._numbers += 1
        net = self.world.belief.net
        number = Session._numbers if self._number is None else self._number
        self._observe(Began(number, net, self.world.belief.guarantees))
        try:
            await self._begin_clean(net)
        except DivergenceFound as found:
            self._end(Verdict.DIVERGED, found.divergences)
        except HangingError as error:
            self._end(Verdict.UNKNOWN, reason=str(error))
        except InvalidRunError as error:
            self._end(Verdict.INVALID, reason=str(error))

    async def _begin_clean(self, net: Net) -> None:
        """Begin; once more if that diverges: what an earlier run left is not this run's fault.

        A target that reuses its machines then makes new ones, as that run did not pass.
        """
        await self._fresh(net)
        try:
            await self._rest(self.world, control=True)
        except DivergenceFound:
            if not isinstance(self.target, Reusable):
                raise
            await self._boot(net)
            await self._rest(self.world, control=True)

    async def _fresh(self, net: Net) -> None:
        """Machines for this run; other ones where those of an earlier run can't begin it."""
        used = isinstance(self.target, Reusable) and self.target.used
        try:
            await self._boot(net)
        except UsageError:
            raise
        except Exception:
            if self._another is None and not used:
                raise
            await self._rebuilt(net, used=used)

    async def _rebuilt(self, net: Net, *, used: bool) -> None:
        """What broke between two runs says nothing of this one; twice, it can't be performed."""
        try:
            if self._another is not None and not used:
                self.target = await self._another(self.target)
            await self._boot(net)
        except SyncModelError:
            raise
        except Exception as error:
            raise InvalidRunError(sentence(error)) from error

    async def _boot(self, net: Net) -> None:
        self._control.clear()
        self._looked = None
        try:
            await bounded(self.target, self.target.begin(net), lambda: BEGINNING)
        except Exception as error:  # noqa: BLE001 (raised again)
            self._broken(error, "making the nodes ready for a run")

    async def take(self, step: Step, *, last: bool = False, after: Plan | None = None) -> None:
        """Perform the step, settle, compare. Sets `over` where that decides the run.

        `last`: no other one follows, so the control plane is looked at once more. `after`: the plan
        then, where that is known. After the run is over only the plan moves on, so that generation
        can go on from it.
        """
        before = self.world
        plan = step.advance(before.plan) if after is None else after
        self.world = World(plan, before.belief)
        self.steps.append(step)
        if self.over is not None:
            return
        self._looked = None
        try:
            self._observe(Taken(len(self.steps), step))
            started = time.perf_counter()
            try:
                performing = step.perform(self.target)
                doing = self._in_step
                outcome = checked(await bounded(self.target, performing, doing, anew=False))
            except Exception as error:  # noqa: BLE001 (raised again)
                self._broken(error, f"performing {self.last_step}")
            took = time.perf_counter() - started
            self._observe(Performed(len(self.steps), step, outcome, took))
            judge: Callable[[], None] | None = partial(self._judge, step, outcome)
            if self.world.plan.net is not before.plan.net or not on_a_loop():
                self._judge(step, outcome)
                judge = None
            control = last or _disturbs(step) or _disturbed(before, self.world)
            await self._rest(before, control=control, judge=judge)
        except DivergenceFound as found:
            self._end(Verdict.DIVERGED, found.divergences)
        except HangingError as error:
            self._end(Verdict.UNKNOWN, reason=str(error))
        except InvalidRunError as error:
            self._end(Verdict.INVALID, reason=str(error))

    def _judge(self, step: Step, outcome: Outcome) -> None:
        """What may be true now that the step has had this outcome."""
        before = self.world.belief
        belief = step.expect(before, outcome)
        self._cases = self._cases.taken(step, outcome, before, belief)
        self.world = World(self.world.plan, belief)

    def finish(self) -> Result:
        """The run's result; a run that nothing has decided yet has passed."""
        let_go()
        if self.over is None:
            self._end(Verdict.PASS)
            if isinstance(self.target, Reusable):
                self.target.passed()
        assert self.over is not None
        return self.over

    async def _rest(
        self, before: World, *, control: bool, judge: Callable[[], None] | None = None
    ) -> None:
        """`judge`: what is yet to be said of the step itself, which has left the net as it was."""
        started = time.perf_counter()
        limit_s, net = self._settle_limit_s, self.world.belief.net
        try:
            found = await self._settled(net, control=control, limit_s=limit_s, judge=judge)
            belief = self.world.belief
            if belief.net is not net:  # The outcome says otherwise.
                control = control or _disturbed(before, self.world)
                found = await self._settled(belief.net, control=control, limit_s=limit_s)
            _check_settled(found, belief.net)
        except Exception as error:  # noqa: BLE001 (raised again)
            self._unread(error)
        if isinstance(found, Unsettled):
            await self._unsettled(found)
            return
        self._views, self._looked = found.views, found.control
        if found.control:
            compare_control(belief, found.control, self._control)
            self._control = {**found.control, **self._control}
        belief = compare(belief, found.views)
        self._cases = self._cases.rested(found.views, belief)
        self.world = World(self.world.plan, belief)
        for invariant in self._invariants:
            invariant.hold(self)
        took = time.perf_counter() - started
        index = len(self.steps)
        about = (index, found.views, found.how.value, took, before, self.world, found.control)
        self._observe(Rested(*about))

    async def _settled(
        self,
        net: Net,
        *,
        control: bool,
        limit_s: float,
        judge: Callable[[], None] | None = None,
    ) -> Settled | Unsettled:
        settling = self.target.settle(net, control=control, limit_s=limit_s)
        settling = settling if judge is None else alongside(settling, judge)
        return await bounded(self.target, settling, self._at_rest, limit_s, anew=False)

    def _in_step(self) -> str:
        return f"in {self.last_step}"

    def _at_rest(self) -> str:
        return f"at rest {'after' if self.steps else 'before'} {self.last_step}"

    async def _unsettled(self, found: Unsettled) -> None:
        """Busy at the limit is *unknown*; busy at ten times the limit, or for ever, diverges.

        The faults stay as they are: to be behind until they are healed is not to be at rest.
        """
        if not found.final:
            net, limit_s = self.world.belief.net, PATIENCE * self._settle_limit_s
            started = time.perf_counter()
            try:
                again = await self._settled(net, control=False, limit_s=limit_s)
                _check_settled(again, net)
            except Exception as error:  # noqa: BLE001 (raised again)
                self._unread(error)
            # A target that gave up earlier has not shown that it takes for ever.
            gave_up = time.perf_counter() - started < limit_s * WAITED
            if isinstance(again, Settled) or (gave_up and not again.final):
                self._end(Verdict.UNKNOWN, reason=f"not settled in time: {found.reason}")
                return
            found = again
        divergence = Divergence(Kind.NOT_SETTLED, "the cluster", None, "rest", found.reason)
        self._end(Verdict.DIVERGED, (divergence,))

    def _unread(self, error: Exception) -> NoReturn:
        when = "after" if self.steps else "before"
        self._broken(error, f"settling and reading the nodes {when} {self.last_step}")

    def _broken(self, error: Exception, doing: str) -> NoReturn:
        """Raise the error again, with a note that says when it happened.

        One of ours says that the tester could not do its part, unless the request itself is wrong.
        """
        if isinstance(error, InvalidRunError | UsageError | DivergenceFound):
            raise error
        happened(error, doing)
        if isinstance(error, SyncModelError):
            raise InvalidRunError(sentence(error)) from error
        raise error

    @property
    def last_step(self) -> str:
        """The last step that was taken, with its number, in a few words."""
        return f"step {len(self.steps)} ({short(self.steps[-1])})" if self.steps else "any step"

    def _end(
        self, verdict: Verdict, divergences: tuple[Divergence, ...] = (), reason: str = ""
    ) -> None:
        looked = self._looked
        seen = (self._views, looked or {}, looked is not None)
        ended = Ended(len(self.steps), verdict, divergences, reason, *seen)
        about = (verdict, tuple(self.steps), divergences, reason, self._views)
        self.over = Result(*about, (*self.history, ended))
        self._observe(ended)


def _check_settled(found: object, net: Net) -> None:
    """Whether that is what `settle` gives. Raises `TypeError`, or `InvalidRunError` for nodes that
    there are not, or that show nothing though every generation has tables."""
    if isinstance(found, Unsettled):
        return
    if not isinstance(found, Settled):
        raise TypeError(f"settle gives Settled or Unsettled, and not {found!r:.80}")
    strange = [name for name in found.views if name not in net.up]
    if strange:
        raise InvalidRunError(
            f"There are views of {', '.join(map(repr, strange))}, which do not run."
        )
    if None in found.views.values() and None not in net.generations.values():
        lacks = ", ".join(name for name, view in found.views.items() if view is None)
        raise InvalidRunError(
            f"There is no view of {lacks}: None means that a node has no plugin, and each "
            f"generation of this schema has its tables."
        )


def _disturbs(step: Step) -> bool:
    """Whether it stops or restarts a node's application, or a step inside of it does; or whether
    the look after it is what it is for."""
    if isinstance(step, HOLDING):
        return any(map(_disturbs, step.steps))
    return bool(step.disturbs()) or step.inspects()


def _disturbed(before: World, after: World) -> bool:
    """Whether lives, generations, members or trust changed, or all links healed."""
    old, new = before.belief.net, after.belief.net
    if old is new:
        return False
    healed = bool(old.cut) and not new.cut
    told = old.away != new.away or old.distrusts != new.distrusts
    return old.lives != new.lives or told or healed
