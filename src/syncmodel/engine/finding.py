"""A failing run on its way to a file: minimised, confirmed, and saved as a reproduction.

Whoever interrupts it loses nothing: the best so far is saved. Not here: where failing runs come
from (`campaign`, a recorded file).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from attrs import evolve, field, frozen

from syncmodel.corpus import NETWORK, Confirmed, Expected, Reproduction, nodes_of, save
from syncmodel.engine.echo import SEEDS, Echo, Failing, echo
from syncmodel.engine.fitting import fitted
from syncmodel.engine.history import Ended, Entry
from syncmodel.engine.minimize import Budget, Minimized, Minimizer, Progress
from syncmodel.engine.run import Result, run
from syncmodel.engine.script import Script, at_once, length
from syncmodel.engine.sharpen import Sharper, sharpened
from syncmodel.engine.simpler import cost
from syncmodel.engine.stage import Stage
from syncmodel.errors import SyncModelError
from syncmodel.model.divergence import Divergence
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net
from syncmodel.targets.base import Networked, Target
from syncmodel.targets.registry import EMBEDDED, SIMULATED

#: No search at all: the run is only confirmed.
NO_SEARCH = Budget(executions=0, live_steps=0)
#: How often what was found on the simulator may pass on the target before it counts for nothing.
CHANCES = 3


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

    `network`: on which simulated one, where it was found on the simulator.
    """

    folder: Path
    target: str
    bugs: tuple[str, ...] = ()
    guarantees: Guarantees = Guarantees()
    facts: Mapping[str, str | int] = field(factory=dict)
    network: int | None = None


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
        self._echo: Echo | None = None
        self._sharper: Sharper | None = None
        #: What the simulator found and the target confirmed: in the same way; in another way, and
        #: on which network.
        self._adopted: Minimized | None = None
        self._otherwise: tuple[Minimized, int | None] | None = None

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
        )
        self._stage.driver.run(self._minimizer.run())
        if len(self._origin.bugs) > 1:
            self._find_culprit()
        if budget is not NO_SEARCH and self._minimizer.minimized.failed:
            self._search_further(progress)

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
        if self._adopted is not None:
            return self._adopted
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
            result = self._stage.driver.run(run(target, there.net, there.steps))
            if self._key in result.keys:
                self._culprits = (bug,)
                return

    # --- further, on the simulator -------------------------------------------------------------

    def _search_further(self, progress: Callable[[Progress], None]) -> None:
        """Where a run costs next to nothing; what comes of it counts once it failed on the target.

        Only for the reference node: nobody else's core is on the simulator.
        """
        best = self._best
        assert best is not None
        if self._stage.kind not in (EMBEDDED, SIMULATED):
            return
        failing = self._failing_like(best.script)
        seeds = dict.fromkeys((None, self._origin.network, *SEEDS))
        self._echo = echo(failing, tuple(seeds))
        if not self._echo.heard:
            return
        failing = evolve(failing, network=self._echo.seed)
        sharper = sharpened(failing, progress)
        if not self._adopt(sharper, best) and sharper.length < best.length:
            # What comes between two steps of a burst is the nodes' to decide: perhaps it was that.
            plain = sharpened(failing, progress, bursts=False)
            self._adopt(plain, best)
            runs = sharper.runs + plain.runs
            sharper = evolve(sharper, unconfirmed=sharper.length, runs=runs)
        adopted = evolve(sharper.failing, script=(self._adopted or best).script)
        self._sharper = evolve(sharper, failing=adopted)
        if sharper.otherwise is not None:
            again = self._confirmed(sharper.otherwise)
            self._otherwise = again and (again[0], sharper.otherwise.network)

    def _failing_like(self, script: Script) -> Failing:
        return Failing(script, self._key, self._culprits, self._origin.guarantees)

    def _adopt(self, sharper: Sharper, best: Minimized) -> bool:
        """What was found on the simulator is the best if it fails on the target, as often.

        The simulator lets nothing travel inside of a burst. Live nodes come close to that where
        the steps are taken at the same time.
        """
        found = sharper.failing
        for script in dict.fromkeys((found.script, at_once(found.script))):
            if cost(script) < cost(best.script):
                again = self._confirmed(evolve(found, script=script))
                if again is not None and _is_as_sure(again[0], best):
                    self._take(*again, best, found.network)
                    return True
        return False

    def _take(self, found: Minimized, ended: Ended, best: Minimized, network: int | None) -> None:
        """It is the best from now on."""
        self._adopted = evolve(
            found,
            executions=best.executions + found.executions,
            live_steps=best.live_steps + found.live_steps,
            exhausted=best.exhausted,
        )
        self._ended, self._echo = ended, Echo(heard=True, seed=network)

    def _confirmed(self, failing: Failing) -> tuple[Minimized, Ended] | None:
        """The run as often as it takes to know how often it fails on the target; None: it does
        not."""
        target, ends = self._target(self._origin.bugs, failing.network), list[Ended]()

        def see(entry: Entry) -> None:
            if isinstance(entry, Ended) and failing.key in {one.key for one in entry.divergences}:
                ends.append(entry)

        script, runs = failing.script, 0
        there = fitted(script, target.nodes)
        while not ends:
            if runs == CHANCES:
                return None
            runs += 1
            once = run(target, there.net, there.steps, failing.guarantees, see)
            result = self._stage.driver.run(once)
        minimizer = Minimizer(
            target,
            script.net,
            evolve(result, steps=script.steps[: len(result.steps)]),
            guarantees=failing.guarantees,
            key=failing.key,
            budget=NO_SEARCH,
            observe=see,
        )
        found = self._stage.driver.run(minimizer.run())
        steps = found.live_steps + runs * length(result.steps)
        return evolve(found, executions=found.executions + runs, live_steps=steps), ends[-1]

    # --- the end -------------------------------------------------------------------------------

    def _found(self) -> Found:
        best = self._best
        echo_of = self._echo if self._stage.kind is EMBEDDED else None
        network = self._origin.network if self._echo is None else self._echo.seed
        return Found(
            self._reproduction(best, network),
            self._ended,
            length(self._failing.steps),
            best,
            echo=echo_of,
            sharper=self._sharper,
            otherwise=self._otherwise and self._reproduction(*self._otherwise),
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


def _is_as_sure(found: Minimized, best: Minimized) -> bool:
    """Whether it fails at least as often."""
    return found.failed * best.runs >= best.failed * found.runs


def title(divergence: Divergence) -> str:
    """A divergence as the title of a file: its name, and what that means."""
    what = divergence.table.removesuffix("s") or "node"
    return f"{divergence.kind.value} {what}: {divergence.kind.explained}"


def _headline(divergences: Sequence[Divergence], key: tuple[str, str]) -> Divergence:
    return next((each for each in divergences if each.key == key), divergences[0])
