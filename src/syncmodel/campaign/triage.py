"""A failing run on its way to a file: minimised, confirmed, and saved as a reproduction.

Whoever interrupts it loses nothing: the best so far is saved. Not here: where failing runs come
from (`campaign`, a recorded file).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from attrs import evolve, field, frozen

from syncmodel.corpus import NETWORK, Confirmed, Expected, Reproduction, nodes_of, save
from syncmodel.engine.fitting import fitted
from syncmodel.engine.history import Ended, Entry
from syncmodel.engine.invariant import Invariant
from syncmodel.engine.pool import Stage
from syncmodel.engine.run import Result, run
from syncmodel.engine.script import leaves, length
from syncmodel.errors import SyncModelError
from syncmodel.model.divergence import Divergence, Kind
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net
from syncmodel.shrink.echo import Echo, Failing
from syncmodel.shrink.further import Further
from syncmodel.shrink.minimize import NO_SEARCH, Budget, Minimized, Minimizer, Progress
from syncmodel.shrink.sharpen import Sharper
from syncmodel.steps import vocabulary
from syncmodel.targets.base import Networked, Target


@frozen
class Found:
    """A failure as it is reported: the run that can be performed again, and how it ended.

    `ended` has the last sight of the nodes. `minimized` is None where nothing was run again. `file`
    is where it was saved; None with `unsaved`, which says why it could not be. `length_before` is
    the length of the run that was found, with the steps inside of bursts. `echo`: whether a failure
    of live nodes comes back on the simulator; `sharper` is what a further search there came to, and
    `otherwise` a shorter run that fails in another way, seen in that search and confirmed, with a
    file of its own.
    """

    reproduction: Reproduction
    ended: Ended
    length_before: int
    minimized: Minimized | None = None
    file: Path | None = None
    unsaved: str = ""
    echo: Echo | None = None
    sharper: Sharper | None = None
    otherwise: Reproduction | None = None
    otherwise_file: Path | None = None


@frozen
class Origin:
    """Where a reproduction comes from, and where it goes.

    `network`: on which simulated one, where it was found on the simulator. `invariants` are checked
    in every run.
    """

    folder: Path
    target: str
    bugs: tuple[str, ...] = ()
    guarantees: Guarantees = Guarantees()
    facts: Mapping[str, str | int] = field(factory=dict)
    network: int | None = None
    invariants: tuple[Invariant, ...] = ()


class Work:
    """A failing run on its way to a file: minimised, confirmed, saved. Interruptible anywhere."""

    def __init__(
        self, stage: Stage, origin: Origin, net: Net, failing: Result, ended: Ended
    ) -> None:
        """`failing` is a run from `net` that diverged, and `ended` the end of its history."""
        self._stage, self._origin = stage, origin
        self._net, self._failing, self._ended = net, failing, ended
        self._key = failing.divergences[0].key
        self._minimizer: Minimizer | None = None
        #: The planted bugs that it takes to fail like this, as far as is known.
        self._culprits = origin.bugs
        self._further: Further | None = None

    def minimize(self, progress: Callable[[Progress], None], budget: Budget | None = None) -> None:
        """Cut the run down as far as the budget goes, and confirm it."""
        self._minimizer = Minimizer(
            self._target(self._origin.bugs, self._origin.network),
            self._net,
            self._failing,
            guarantees=self._origin.guarantees,
            budget=budget,
            progress=progress,
            observe=self._see,
            invariants=self._origin.invariants,
        )
        self._stage.driver.run(self._minimizer.run())
        if len(self._origin.bugs) > 1:
            self._find_culprit()
        if budget is not NO_SEARCH and self._can_be_simulated:
            self._search_further(self._minimizer.minimized, progress)

    @property
    def _can_be_simulated(self) -> bool:
        """Whether there is a simulator that knows every step of the run."""
        kind, ours = self._stage.kind, set(vocabulary())
        known = {step.op for _, step in leaves(self._failing.steps)} <= ours
        return kind.twin == kind.name or (kind.twin is not None and known)

    def saved(self) -> Found:
        """The best so far, in a file of its own; and so what is shorter and fails otherwise."""
        found = self._found()
        try:
            # The one that was asked for last, so that it is the newest file.
            if found.otherwise is not None:
                other = save(self._origin.folder, found.otherwise)
                found = evolve(found, otherwise_file=other)
            found = evolve(found, file=save(self._origin.folder, found.reproduction))
        except SyncModelError as error:
            return evolve(found, unsaved=str(error))
        return found

    @property
    def _best(self) -> Minimized | None:
        if self._further is not None:
            return self._further.smallest
        return None if self._minimizer is None else self._minimizer.minimized

    def _target(self, bugs: Sequence[str], network: int | None) -> Target:
        """Such a target as it failed on; on that network, if it has several."""
        target = self._stage.target(len(self._net.nodes), bugs)
        if isinstance(target, Networked):
            target.on_network(network)
        return target

    def _see(self, entry: Entry) -> None:
        """The last run that failed in the same way is the best one."""
        if isinstance(entry, Ended) and self._key in {each.key for each in entry.divergences}:
            self._ended = entry

    def _find_culprit(self) -> None:
        """Which of several planted bugs fails like that by itself."""
        best = self._best
        assert best is not None
        for bug in self._origin.bugs:
            target = self._target((bug,), self._origin.network)
            there = fitted(best.script, target.nodes)
            once = run(
                target,
                there.net,
                there.steps,
                self._origin.guarantees,
                alone=True,
                invariants=self._origin.invariants,
            )
            result = self._stage.driver.run(once)
            if self._key in result.keys:
                self._culprits = (bug,)
                return

    def _search_further(self, best: Minimized, progress: Callable[[Progress], None]) -> None:
        origin = self._origin
        target = partial(self._target, origin.bugs)
        self._further = Further(target, self._stage.driver, best)
        failing = Failing(
            best.script,
            self._key,
            self._culprits,
            origin.guarantees,
            invariants=origin.invariants,
        )
        self._further.search(failing, (None, origin.network), progress)

    # --- the end -------------------------------------------------------------------------------

    def _found(self) -> Found:
        best, further = self._best, self._further
        if further is None:
            reproduction = self._reproduction(best, self._origin.network)
            return Found(reproduction, self._ended, length(self._failing.steps), best)
        heard, other = further.echo, further.otherwise
        network = heard.seed if heard is not None and heard.heard else self._origin.network
        return Found(
            self._reproduction(best, network),
            self._ended if further.adopted is None else further.adopted[1],
            length(self._failing.steps),
            best,
            echo=heard if self._stage.kind.twin != self._stage.kind.name else None,
            sharper=further.sharper,
            otherwise=None if other is None else self._reproduction(*other),
        )

    def _reproduction(self, best: Minimized | None, network: int | None) -> Reproduction:
        """The run as a file has it; without anything that was run again, as it was found."""
        key = best.key if best else self._key
        divergences = best.divergences if best else self._ended.divergences
        return Reproduction(
            title=title(_headline(divergences, key)),
            nodes=nodes_of(best.net if best else self._net),
            steps=best.steps if best else self._failing.steps,
            expected=Expected(key),
            guarantees=self._origin.guarantees,
            # Also on which simulated network it fails, where that is not the one in order.
            found={**self._origin.facts, **({} if network is None else {NETWORK: network})},
            bug=self._culprits[0] if self._culprits else None,
            confirmed=Confirmed(best.failed, best.runs) if best else Confirmed(),
        )


def title(divergence: Divergence) -> str:
    """A divergence as the title of a file: its name, and what that means."""
    what = divergence.table.removesuffix("s") or "node"
    if divergence.kind is Kind.INVARIANT:
        what = divergence.expected
    return f"{divergence.kind.value} {what}: {divergence.kind.explained}"


def _headline(divergences: Sequence[Divergence], key: tuple[str, str]) -> Divergence:
    return next((each for each in divergences if each.key == key), divergences[0])
