"""A failing run on its way to a file: minimised, confirmed, and saved as a reproduction.

Whoever interrupts it loses nothing: the best so far is saved. Not here: where failing runs come
from (`campaign`, a recorded file).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from attrs import evolve, field, frozen

from syncmodel.corpus import Confirmed, Expected, Reproduction, nodes_of, save
from syncmodel.engine.echo import Echo, echo
from syncmodel.engine.history import Ended, Entry
from syncmodel.engine.minimize import Budget, Minimized, Minimizer, Progress
from syncmodel.engine.run import Result, run
from syncmodel.engine.script import length
from syncmodel.engine.stage import Stage
from syncmodel.errors import SyncModelError
from syncmodel.model.divergence import Divergence
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net
from syncmodel.targets.registry import EMBEDDED

#: No search at all: the run is only confirmed.
NO_SEARCH = Budget(executions=0, live_steps=0)


@frozen
class Found:
    """A failure as it is reported: the run that can be performed again, and how it ended.

    `ended` has the last sight of the nodes. `minimized` is None where nothing was run again. `file`
    is where it was saved; None with `unsaved`, which says why it could not be. `length_before` is
    the length of the run that was found, with the steps inside of bursts. `echo`: whether a failure
    of live nodes comes back on the simulator.
    """

    reproduction: Reproduction
    ended: Ended
    length_before: int
    minimized: Minimized | None = None
    file: Path | None = None
    unsaved: str = ""
    echo: Echo | None = None


@frozen
class Origin:
    """Where a reproduction comes from, and where it goes."""

    folder: Path
    target: str
    bugs: tuple[str, ...] = ()
    guarantees: Guarantees = Guarantees()
    facts: Mapping[str, str | int] = field(factory=dict)


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
        self._culprit = origin.bugs[0] if origin.bugs else None

    def minimize(self, progress: Callable[[Progress], None], budget: Budget | None = None) -> None:
        """Cut the run down as far as the budget goes, and confirm it."""
        count = len(self._net.nodes)
        self._minimizer = Minimizer(
            self._stage.target(count, self._origin.bugs),
            self._net,
            self._failing,
            guarantees=self._origin.guarantees,
            budget=budget,
            progress=progress,
            observe=self._see,
        )
        self._stage.driver.run(self._minimizer.run())
        if len(self._origin.bugs) > 1:
            self._find_culprit()

    def saved(self) -> Found:
        """The best so far, in a file of its own."""
        found = self._found()
        if self._stage.kind is EMBEDDED:
            best = found.reproduction
            told = (self._key, self._origin.bugs, self._origin.guarantees)
            found = evolve(found, echo=echo(best.net, best.steps, *told))
        try:
            return evolve(found, file=save(self._origin.folder, found.reproduction))
        except SyncModelError as error:
            return evolve(found, unsaved=str(error))

    def _see(self, entry: Entry) -> None:
        """The last run that failed in the same way is the best one."""
        if isinstance(entry, Ended) and self._key in {each.key for each in entry.divergences}:
            self._ended = entry

    def _find_culprit(self) -> None:
        """Which of several planted bugs fails like that by itself."""
        assert self._minimizer is not None
        best = self._minimizer.minimized
        for bug in self._origin.bugs:
            target = self._stage.target(len(best.net.nodes), (bug,))
            result = self._stage.driver.run(run(target, best.net, best.steps))
            if self._key in result.keys:
                self._culprit = bug
                return

    def _found(self) -> Found:
        minimized = None if self._minimizer is None else self._minimizer.minimized
        net = minimized.net if minimized else self._net
        reproduction = Reproduction(
            title=title(_headline(self._ended.divergences, self._key)),
            nodes=nodes_of(net),
            steps=minimized.steps if minimized else self._failing.steps,
            expected=Expected(self._key),
            guarantees=self._origin.guarantees,
            found=dict(self._origin.facts),
            bug=self._culprit,
            confirmed=Confirmed(minimized.failed, minimized.runs) if minimized else Confirmed(),
        )
        return Found(reproduction, self._ended, length(self._failing.steps), minimized)


def title(divergence: Divergence) -> str:
    """A divergence as the title of a file: its name, and what that means."""
    what = divergence.table.removesuffix("s") or "node"
    return f"{divergence.kind.value} {what}: {divergence.kind.explained}"


def _headline(divergences: Sequence[Divergence], key: tuple[str, str]) -> Divergence:
    return next((each for each in divergences if each.key == key), divergences[0])
