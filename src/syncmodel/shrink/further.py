"""The further search for a failure on the twin; then back to the original target.

What the twin finds counts once it failed on the target too. An interruption loses nothing: whatever
was confirmed by then stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from attrs import define, evolve

from syncmodel.engine.again import performed
from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.drive import Driver
from syncmodel.engine.script import at_once
from syncmodel.shrink.minimize import NO_SEARCH, Effort, Minimizer, Progress
from syncmodel.shrink.sharpen import Sharpened, sharpened
from syncmodel.shrink.simpler import cost
from syncmodel.shrink.twin import Echo, Twin, is_same
from syncmodel.targets.base import SEEDS, Target

#: How often a find of the twin may pass on the target before it is discarded.
CHANCES = 3


@define
class Further:
    """The further search for one failure. `best` is the shortest that was confirmed, at any time.

    `target` makes such a target as it failed on. `echo`: whether it fails on the twin too;
    `sharpened`: the outcome of the search there; `effort`: what confirming on the target cost;
    `otherwise`: a shorter run that fails in another way, confirmed.
    """

    target: Callable[[Counterexample], Target]
    driver: Driver
    twin: Twin
    best: Counterexample
    effort: Effort = Effort()
    echo: Echo | None = None
    sharpened: Sharpened | None = None
    otherwise: Counterexample | None = None
    progress: Callable[[Progress], None] = lambda _: None

    def search(self, networks: Sequence[int | None], progress: Callable[[Progress], None]) -> None:
        """Search, first of all on these networks. Takes seconds, on live nodes more of them."""
        self.progress = progress
        self._tell("performing it on the simulator")
        self.echo = self.twin.echo(self.best, tuple(dict.fromkeys((*networks, *SEEDS))), same=True)
        start = self.echo.heard
        if start is None:
            return
        found = sharpened(start, self.twin, progress)
        if not self._adopt(found.best) and found.best.length < start.length:
            # The nodes decide what comes between two steps of a burst: perhaps that was the cause.
            plain = sharpened(start, self.twin, progress, bursts=False)
            self._adopt(plain.best)
            runs = found.runs + plain.runs
            found = evolve(found, unconfirmed=found.best.length, runs=runs)
        self.sharpened = evolve(found, best=evolve(found.best, script=self.best.script))
        self._tell("looking whether a shorter run fails in another way")
        for other in () if found.otherwise is None else self._forms(found.otherwise):
            confirmed = self._confirmed(other)
            if confirmed is not None and confirmed.failed:
                self.otherwise = confirmed
                return

    def _adopt(self, found: Counterexample) -> bool:
        """Make the twin's find the best if it fails on the target, at least as often."""
        for form in self._forms(found):
            if cost(form.script) < cost(self.best.script):
                confirmed = self._confirmed(form)
                if confirmed is not None and confirmed.is_as_sure_as(self.best):
                    self.best, self.echo = confirmed, Echo(confirmed, 1, is_same(confirmed, form))
                    return True
        return False

    def _confirmed(self, found: Counterexample) -> Counterexample | None:
        """Run it until its failure rate on the target is known; None: it does not fail."""
        target, script, invariants = self.target(found), found.script, self.twin.invariants
        for chance in range(1, CHANCES + 1):
            self._tell(f"performing on the nodes what is shorter (chance {chance} of {CHANCES})")
            result = performed(target, self.driver, found, invariants)
            self.effort = self.effort.with_runs(1, len(result.steps))
            if found.key not in result.keys:
                continue
            shorter = evolve(script, steps=script.steps[: len(result.steps)])
            shown = found.seen(shorter, result)
            minimizer = Minimizer(
                target, shown, budget=NO_SEARCH, invariants=invariants, progress=self._confirming
            )
            confirmed = self.driver.run(minimizer.run())
            spent = minimizer.effort
            self.effort = self.effort.with_runs(spent.executions, spent.steps)
            return confirmed
        return None

    def _tell(self, doing: str) -> None:
        script = self.best.script
        effort, nodes = self.effort, len(script.net.nodes)
        about = (effort.executions, effort.steps, self.best.length, nodes, True)
        self.progress(Progress(*about, doing=doing))

    def _confirming(self, made: Progress) -> None:
        self._tell(made.doing or "confirming it")

    def _forms(self, found: Counterexample) -> Iterator[Counterexample]:
        """The run, and with its bursts taken at the same time, if that fails on the twin too.

        The twin lets nothing travel inside of a burst. Live nodes come close to that where the
        steps are taken at the same time.
        """
        yield found
        together = evolve(found, script=at_once(found.script))
        if together != found:
            again = self.twin.echo(together, tuple(dict.fromkeys((found.network, *SEEDS))))
            if again.heard is not None:
                yield again.heard
