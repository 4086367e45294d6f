"""The further search for a failure, where a run costs next to nothing; then back to where it was.

What the simulator comes to counts once it failed on the target too. Whoever interrupts it loses
nothing: what was confirmed by then stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from attrs import define, evolve

from syncmodel.engine.drive import Driver
from syncmodel.engine.fitting import fitted
from syncmodel.engine.history import Ended, Entry
from syncmodel.engine.run import run
from syncmodel.engine.script import at_once, length
from syncmodel.shrink.echo import Echo, Failing, echo
from syncmodel.shrink.minimize import NO_SEARCH, Minimized, Minimizer, Progress
from syncmodel.shrink.sharpen import Sharper, sharpened
from syncmodel.shrink.simpler import cost
from syncmodel.targets.base import SEEDS, Target

#: How often what was found on the simulator may pass on the target before it counts for nothing.
CHANCES = 3


@define
class Further:
    """The further search for one failure that was minimised to `best`.

    `target` makes such a target as it failed on, on a simulated network if it has several. What the
    search knows at any time: `echo`, whether it fails on the simulator too; `sharper`, what came of
    the search there; `adopted`, a smaller run that was confirmed on the target, with its end; and
    `otherwise`, a shorter run that fails in another way, confirmed, with its network.
    """

    target: Callable[[int | None], Target]
    driver: Driver
    best: Minimized
    echo: Echo | None = None
    sharper: Sharper | None = None
    adopted: tuple[Minimized, Ended] | None = None
    otherwise: tuple[Minimized, int | None] | None = None

    @property
    def smallest(self) -> Minimized:
        """What was adopted, if anything was, else what the search began with."""
        return self.best if self.adopted is None else self.adopted[0]

    def search(
        self, failing: Failing, networks: Sequence[int | None], progress: Callable[[Progress], None]
    ) -> None:
        """Search, first of all on these networks. Takes seconds."""
        self.echo = echo(failing, tuple(dict.fromkeys((*networks, *SEEDS))))
        if not self.echo.heard:
            return
        failing = evolve(failing, network=self.echo.seed)
        sharper = sharpened(failing, progress)
        if not self._adopt(sharper.failing) and sharper.length < length(failing.script.steps):
            # What comes between two steps of a burst is the nodes' to decide: perhaps it was that.
            plain = sharpened(failing, progress, bursts=False)
            self._adopt(plain.failing)
            runs = sharper.runs + plain.runs
            sharper = evolve(sharper, unconfirmed=sharper.length, runs=runs)
        failing = evolve(sharper.failing, script=self.smallest.script)
        self.sharper = evolve(sharper, failing=failing)
        for other in () if sharper.otherwise is None else _forms(sharper.otherwise):
            again = self._confirmed(other)
            if again is not None and again[0].failed:
                self.otherwise = (again[0], other.network)
                return

    def _adopt(self, found: Failing) -> bool:
        """What was found on the simulator is the best if it fails on the target, as often."""
        for form in _forms(found):
            if cost(form.script) < cost(self.best.script):
                again = self._confirmed(form)
                if again is not None and _is_as_sure(again[0], self.best):
                    self._take(*again, form.network)
                    return True
        return False

    def _take(self, found: Minimized, ended: Ended, network: int | None) -> None:
        """It is the best from now on."""
        found = evolve(
            found,
            executions=self.best.executions + found.executions,
            live_steps=self.best.live_steps + found.live_steps,
            exhausted=self.best.exhausted,
        )
        self.adopted, self.echo = (found, ended), Echo(heard=True, seed=network)

    def _confirmed(self, failing: Failing) -> tuple[Minimized, Ended] | None:
        """The run as often as it takes to know how often it fails on the target; None: it does
        not."""
        target, ends = self.target(failing.network), list[Ended]()

        def see(entry: Entry) -> None:
            if isinstance(entry, Ended) and failing.key in {one.key for one in entry.divergences}:
                ends.append(entry)

        script, runs = failing.script, 0
        there = fitted(script, target.nodes)
        while not ends:
            if runs == CHANCES:
                return None
            runs += 1
            once = run(
                target,
                there.net,
                there.steps,
                failing.guarantees,
                see,
                alone=True,
                invariants=failing.invariants,
            )
            result = self.driver.run(once)
        minimizer = Minimizer(
            target,
            script.net,
            evolve(result, steps=script.steps[: len(result.steps)]),
            guarantees=failing.guarantees,
            key=failing.key,
            budget=NO_SEARCH,
            observe=see,
            invariants=failing.invariants,
        )
        found = self.driver.run(minimizer.run())
        steps = found.live_steps + runs * length(result.steps)
        return evolve(found, executions=found.executions + runs, live_steps=steps), ends[-1]


def _forms(found: Failing) -> Iterator[Failing]:
    """The run, and with what it has in bursts at the same time, if that fails on the simulator too.

    The simulator lets nothing travel inside of a burst. Live nodes come close to that where the
    steps are taken at the same time.
    """
    yield found
    together = evolve(found, script=at_once(found.script))
    if together != found:
        again = echo(together, tuple(dict.fromkeys((found.network, *SEEDS))))
        if again.heard:
            yield evolve(together, network=again.seed)


def _is_as_sure(found: Minimized, best: Minimized) -> bool:
    """Whether it fails, and at least as often."""
    return found.failed > 0 and found.failed * best.runs >= best.failed * found.runs
