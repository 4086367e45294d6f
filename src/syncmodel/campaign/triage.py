"""A counterexample on its way to a file: minimised, confirmed, and saved as a reproduction.

It is saved before anything is tried with it, and again whenever it gets shorter: whatever ends this
loses nothing. Not here: where counterexamples come from (`machine`, a recorded file).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import evolve, frozen

from syncmodel.campaign import evidence
from syncmodel.campaign.evidence import Evidence
from syncmodel.campaign.keeping import Kept, Origin
from syncmodel.corpus import NETWORK, Confirmed, Expected, Reproduction, nodes_of
from syncmodel.engine.again import performed
from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.invariant import Invariant
from syncmodel.engine.pool import Pool
from syncmodel.engine.rename import without_node
from syncmodel.engine.script import leaves, repaired
from syncmodel.engine.session import Result
from syncmodel.model.divergence import Divergence, Kind
from syncmodel.shrink.further import Further
from syncmodel.shrink.minimize import NO_SEARCH, Budget, Effort, Minimizer, Progress
from syncmodel.shrink.odds import Odds
from syncmodel.shrink.sharpen import Sharpened
from syncmodel.shrink.twin import Echo, Twin
from syncmodel.steps import vocabulary
from syncmodel.targets import registry
from syncmodel.targets.base import Networked, Target
from syncmodel.targets.inside import Traces
from syncmodel.targets.registry import TargetKind


@frozen
class Finding:
    """A failure as it is reported: its best counterexample, and the file that has it.

    `unsaved` says why the best could not be saved; `file` then has a longer one, or is None.
    `length_before` is the
    length of the run that was found, with the steps inside of bursts; `effort` is what shortening
    it cost, None where nothing was run again. `echo`: whether a failure of live nodes comes back on
    their twin; `sharpened` is the outcome of the further search there, and `otherwise` a shorter
    run that fails in another way, seen in that search, confirmed and saved in its own file.
    `original` is the counterexample as it was found. `evidence`: what the target said of itself
    when it failed once more.
    """

    counterexample: Counterexample
    reproduction: Reproduction
    length_before: int
    effort: Effort | None = None
    file: Path | None = None
    unsaved: str = ""
    echo: Echo | None = None
    sharpened: Sharpened | None = None
    otherwise: Reproduction | None = None
    otherwise_file: Path | None = None
    original: Counterexample | None = None
    evidence: Evidence = Evidence()


class Triage:
    """A counterexample on its way to a file. `finding` has the best so far, at any time."""

    def __init__(
        self,
        pool: Pool,
        origin: Origin,
        found: Counterexample,
        invariants: Sequence[Invariant] = (),
        kept: Kept | None = None,
        *,
        gathers: bool = False,
    ) -> None:
        """Save it as it is; nothing is run yet.

        `invariants` are checked in every run; `kept` has what was saved of it before, if it was.
        `gathers`: once it is confirmed, it is performed once more for its evidence.
        """
        self._pool, self._origin, self._found = pool, origin, found
        self._invariants = tuple(invariants)
        self._minimizer: Minimizer | None = None
        #: What an earlier search cost, whose best needed nodes that it had left out.
        self._spent = Effort()
        self._further: Further | None = None
        #: The planted bugs that it takes to fail like this, as far as is known.
        self._culprits = found.bugs
        self._kept = kept or Kept(origin.folder)
        self._otherwise = Kept(origin.folder)
        self._held: Counterexample | None = None
        self._gathers, self._evidence = gathers, Evidence()
        #: The best as it was seen when the evidence was gathered.
        self._seen: Counterexample | None = None
        self._hold()

    def minimize(self, progress: Callable[[Progress], None], budget: Budget | None = None) -> None:
        """Shrink the run as far as the budget goes, and confirm it; each shorter one is saved."""

        def look(made: Progress) -> None:
            self._hold()
            progress(made)

        fewer_nodes = self._shrink(look, budget)
        if len(self._found.bugs) > 1:
            self._find_culprit(progress)
        twin = self._twin(fewer_nodes)
        if budget is not NO_SEARCH and twin is not None:
            start = evolve(self._best, bugs=self._culprits)
            self._further = Further(self._own_target, self._pool.driver, twin, start)
            self._further.search((None, self._found.network), look)
        self._hold()
        if self._gathers and self._best.failed:
            self._gather(progress)

    def _shrink(self, look: Callable[[Progress], None], budget: Budget | None) -> bool:
        """Search for the smallest; whether nodes that it does not need may be left out for good.

        While it searches they are there, and down. A replay has none of them: where it would not
        fail so, the search keeps them, and then leaves each out as a replay does.
        """
        self._search(self._target(self._found), self._found, look, budget)
        best = self._best
        few = len(best.script.net.nodes) < len(self._found.script.net.nodes)
        if not few or not best.failed or self._alone(best, look) is not None:
            return True
        self._search(self._target(self._found), self._found, look, budget, fewer_nodes=False)
        while (start := self._with_one_node_fewer(look)) is not None:
            self._search(self._own_target(start), start, look, budget, fewer_nodes=False)
        return False

    def _search(
        self,
        target: Target,
        start: Counterexample,
        look: Callable[[Progress], None],
        budget: Budget | None,
        *,
        fewer_nodes: bool = True,
    ) -> None:
        self._spent = self._minimizer_effort
        self._minimizer = Minimizer(
            target,
            start,
            budget=budget,
            fewer_nodes=fewer_nodes,
            invariants=self._invariants,
            progress=look,
        )
        self._pool.driver.run(self._minimizer.run())

    def _with_one_node_fewer(self, look: Callable[[Progress], None]) -> Counterexample | None:
        best = self._best
        names = best.script.net.nodes
        for gone in reversed(names if len(names) > 1 and not best.script.net.quorum else ()):
            script = repaired(without_node(best.script, gone))
            found = self._alone(evolve(best, script=script), look)
            if found is not None:
                return found
        return None

    def _alone(
        self, found: Counterexample, look: Callable[[Progress], None]
    ) -> Counterexample | None:
        """How it fails on as many nodes as it has, run as often as it may take; None: it passes."""
        effort, target = self._minimizer_effort, self._own_target(found)
        about = (effort.executions, effort.steps, found.length, len(found.script.net.nodes))
        look(Progress(*about, doing="performing it on as many nodes as it needs"))
        for _ in range(Odds(found.failed, found.runs).tries):
            result = self._performed(target, found)
            self._spent = self._spent.with_runs(1, len(result.steps))
            if found.key in result.keys:
                kept = evolve(found.script, steps=found.script.steps[: len(result.steps)])
                return found.seen(kept, result)
        return None

    def _performed(self, target: Target, found: Counterexample) -> Result:
        return performed(target, self._pool.driver, found, self._invariants)

    def _gather(self, progress: Callable[[Progress], None]) -> None:
        best, effort, driver = self._best, self._minimizer_effort, self._pool.driver
        culprits = evolve(best, bugs=self._culprits)
        target = self._target(culprits)
        if not evidence.offers(target):
            return
        about = (effort.executions, effort.steps, best.length, len(best.script.net.nodes))
        progress(Progress(*about, doing="performing it once more, to see what its nodes say"))
        # Not one of the pool's where it notes messages: it would note them for ever.
        own = isinstance(target, Traces)
        target = self._prepared(self._pool.kind.make, culprits) if own else target
        seen = evidence.gathered(target, driver, best, self._kept.file, self._invariants)
        self._seen, self._evidence = seen
        if own:
            driver.run(target.close())

    def _hold(self) -> None:
        """Save the best so far, unless it is the one that was saved last."""
        best = self._best
        if best is not self._held:
            self._kept.put(self.finding.reproduction)
            self._held = best

    def save(self) -> Finding:
        """Save the best so far, and a shorter run that fails otherwise, each in its own file."""
        finding = self.finding
        # The one that was asked for last, so that it is the newest file.
        if finding.otherwise is not None:
            self._otherwise.put(finding.otherwise)
        self._kept.put(finding.reproduction)
        return self.finding

    @property
    def finding(self) -> Finding:
        """What is known by now."""
        minimizer, further, best = self._minimizer, self._further, self._seen or self._best
        effort = None if minimizer is None else self._minimizer_effort
        file, unsaved = self._kept.file, self._kept.unsaved
        if further is None or effort is None:
            reproduction = self._reproduction(best, best.network)
            return Finding(
                best,
                reproduction,
                self._found.length,
                effort,
                file,
                unsaved,
                original=self._found,
                evidence=self._evidence,
            )
        kind, other = self._pool.kind, further.otherwise
        heard = None if further.echo is None else further.echo.heard
        return Finding(
            best,
            self._reproduction(best, best.network if heard is None else heard.network),
            self._found.length,
            effort.with_runs(further.effort.executions, further.effort.steps),
            file,
            unsaved,
            echo=further.echo if _is_heard(kind) else None,
            sharpened=further.sharpened,
            otherwise=None if other is None else self._reproduction(other, other.network),
            otherwise_file=self._otherwise.file,
            original=self._found,
            evidence=self._evidence,
        )

    @property
    def _minimizer_effort(self) -> Effort:
        if self._minimizer is None:
            return self._spent
        effort = self._minimizer.effort
        return effort.with_runs(self._spent.executions, self._spent.steps)

    @property
    def _best(self) -> Counterexample:
        if self._further is not None:
            return self._further.best
        return self._found if self._minimizer is None else self._minimizer.best

    def _target(self, found: Counterexample) -> Target:
        """Such a target as it failed on; on its network, if it has several."""
        return self._prepared(self._pool.target, found)

    def _own_target(self, found: Counterexample) -> Target:
        """One of as many nodes as the run has, as a replay makes it."""
        # Readers keep their names, and so all nodes theirs.
        count = None if found.script.net.readers else len(found.script.net.nodes)
        return self._prepared(self._pool.target, found, count)

    def _prepared(
        self,
        make: Callable[[int, Sequence[str]], Target],
        found: Counterexample,
        count: int | None = None,
    ) -> Target:
        target = make(count or len(self._found.script.net.nodes), found.bugs)
        if isinstance(target, Networked):
            target.on_network(found.network)
        return target

    def _twin(self, fewer_nodes: bool) -> Twin | None:
        """The kind's twin, if it has one that can take every step that is left of the run."""
        kind = self._pool.kind
        if kind.twin is None:
            return None
        taken = {step.op for _, step in leaves(self._best.script.steps)}
        twin = registry.get(kind.twin)
        can = twin is kind or taken <= twin.ops & vocabulary().keys()
        return Twin(twin, self._invariants, fewer_nodes) if can else None

    def _find_culprit(self, progress: Callable[[Progress], None]) -> None:
        """Which of several planted bugs alone fails like that."""
        best = self._best
        nodes, effort = len(best.script.net.nodes), self._minimizer_effort
        for bug in self._found.bugs:
            about = (effort.executions, effort.steps, best.length, nodes)
            progress(Progress(*about, doing=f"looking whether {bug} alone fails so"))
            target = self._target(evolve(best, bugs=(bug,)))
            if best.key in self._performed(target, best).keys:
                self._culprits = (bug,)
                return

    def _reproduction(self, found: Counterexample, network: int | None) -> Reproduction:
        """The run as a file has it, with the simulated network that it needs."""
        headline = found.headline
        assert headline is not None, "a counterexample has seen its divergence"
        return Reproduction(
            title=title(headline),
            nodes=nodes_of(found.script.net),
            steps=found.script.steps,
            expected=Expected(found.key),
            system=self._pool.kind,
            guarantees=found.guarantees,
            found={**self._origin.facts, **({} if network is None else {NETWORK: network})},
            bug=self._culprits[0] if self._culprits else None,
            confirmed=Confirmed(found.failed, found.runs),
        )


def _is_heard(kind: TargetKind) -> bool:
    """Whether its twin says something of it: it is another kind, which runs the same nodes.

    Where the two are not made by one package, the twin is of another system.
    """
    if kind.twin is None or kind.twin == kind.name:
        return False
    return _package(kind) == _package(registry.get(kind.twin))


def _package(kind: TargetKind) -> str:
    return str(getattr(kind.make, "__module__", "")).partition(".")[0]


def title(divergence: Divergence) -> str:
    """A divergence as the title of a file: its name, and what that means."""
    what = f"in {divergence.table}" if divergence.table else "on a node"
    if divergence.kind is Kind.INVARIANT:
        what = divergence.expected
    return f"{divergence.kind.value} {what}: {divergence.kind.explained}"
