"""A minimised run made shorter still, on the simulator, where a run costs next to nothing.

First delta debugging with many more candidates than live nodes could afford, then every run that is
shorter, exhaustively, as far as that goes in seconds. The divergence that is kept is the same. What
comes of it is a run on the simulator: whoever asks for it sees whether it fails where the failure
came from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from attrs import define, evolve, field, frozen

from syncmodel.checker import Progress as Searching
from syncmodel.engine.drive import Straight
from syncmodel.engine.run import run
from syncmodel.engine.script import Script, leaves, length
from syncmodel.exhaustive.limits import OPS, Limits, of_families
from syncmodel.exhaustive.shortest import (
    NoneShorter,
    Shortest,
    anything,
    beginnings,
    shortest,
)
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.shrink.echo import Failing, echo
from syncmodel.shrink.minimize import Budget, Minimizer, Progress
from syncmodel.shrink.simpler import cost
from syncmodel.shrink.swaps import SWAPS, WITHOUT_BURSTS, scope_of
from syncmodel.steps import Crash, CreateCase
from syncmodel.targets.base import SEEDS

#: A few seconds' worth of runs.
BUDGET = Budget(executions=4_000, live_steps=80_000)
#: A run that needs a certain network is tried on so many, whatever is changed in it.
NETWORKS = 8
#: Families of steps: see `Step.family`.
DATA, LIFECYCLE = CreateCase.family(), Crash.family()
#: Moments that one exhaustive search may look at: some ten seconds' worth.
MOMENTS = 20_000


@frozen
class Searched:
    """An exhaustive search for a shorter run that found none.

    On so many `nodes` no run of up to `length` steps fails in this way; `states` were looked at.
    `some`: only some runs were tried: without bursts, or made of few kinds of steps. `begin_alike`:
    only such as begin with the usual generation on every node.
    """

    nodes: int
    length: int
    states: int
    some: bool = False
    begin_alike: bool = False


@frozen
class Sharper:
    """The shortest run that the simulator knows to fail in the same way.

    `runs` of the simulator led to it; `searched` are the exhaustive searches that found nothing
    shorter. `otherwise`: a run that is shorter still and fails in another way, if one was seen.
    `unconfirmed`: a run of so few steps fails on the simulator, and not where the failure is from.
    """

    failing: Failing
    runs: int
    searched: tuple[Searched, ...] = ()
    otherwise: Failing | None = None
    unconfirmed: int | None = None

    @property
    def length(self) -> int:
        """The number of steps; those inside a burst count one each."""
        return length(self.failing.script.steps)

    @property
    def none_shorter(self) -> bool:
        """Whether every shorter run was tried, on as many nodes as it has and on fewer."""
        short = self.length - 1
        proved = {one.nodes for one in self.searched if one.length >= short and not one.some}
        return not short or set(range(1, len(self.failing.script.net.nodes) + 1)) <= proved


class _Networks(SimulatedCluster):
    """Each run is on the next of several networks, round and round."""

    def __init__(self, count: int, bugs: Sequence[str], networks: Sequence[int | None]) -> None:
        super().__init__(count, bugs)
        self._networks, self._runs = networks, 0

    async def begin(self, net: Net) -> None:
        self.on_network(self._networks[self._runs % len(self._networks)])
        self._runs += 1
        await super().begin(net)


@frozen
class Exhaustive:
    """One search of every run within `limits` up to a length, that begins on one of these `nets`.

    `partly`: messages may come inside of bursts.
    """

    limits: Limits
    length: int
    nets: tuple[Net, ...]
    partly: bool = False


@define
class Sharpening:
    """The further search for one failure. `best` is the shortest so far, at any time."""

    failing: Failing
    progress: Callable[[Progress], None]
    bursts: bool = True
    runs: int = 0
    searched: list[Searched] = field(factory=list)
    otherwise: Failing | None = None

    @property
    def best(self) -> Script:
        """The shortest so far."""
        return self.failing.script

    def run(self) -> Sharper:
        """Search; the same steps come of the same failure, on every machine."""
        self._minimize()
        if self.failing.guarantees == Guarantees() and not self.failing.invariants:
            self._exhaust()
        other = self.otherwise
        if other is not None and length(other.script.steps) >= length(self.best.steps):
            other = None
        return Sharper(self.failing, self.runs, tuple(self.searched), other)

    def _minimize(self) -> None:
        """Delta debugging with everything there is, on the network where it fails."""
        net, bugs, guarantees = self.best.net, self.failing.bugs, self.failing.guarantees
        network, invariants = self.failing.network, self.failing.invariants
        networks = (None,) if network is None else _others(network)
        first = SimulatedCluster(len(net.nodes), bugs, network)
        steps = self.best.steps
        seen = Straight().run(run(first, net, steps, guarantees, invariants=invariants))
        minimizer = Minimizer(
            _Networks(len(net.nodes), bugs, networks),
            net,
            seen,
            guarantees=guarantees,
            key=self.failing.key,
            budget=BUDGET,
            tries=len(networks),
            confirmations=0,
            further=SWAPS if self.bursts else WITHOUT_BURSTS,
            progress=self._report,
            invariants=invariants,
        )
        self._take(Straight().run(minimizer.run()).script)
        self.runs += minimizer.minimized.executions

    def _take(self, script: Script) -> bool:
        """Make it the best if it is smaller and fails on some network."""
        if cost(script) >= cost(self.best):
            return False
        shorter = self._heard(evolve(self.failing, script=script))
        self.failing = shorter or self.failing
        return shorter is not None

    def _heard(self, failing: Failing) -> Failing | None:
        """The same on a network where it fails, if there is one; in order is tried first."""
        heard = echo(failing, tuple(dict.fromkeys((None, failing.network, *SEEDS))))
        self.runs += heard.tries
        return evolve(failing, network=heard.seed) if heard.heard else None

    def _exhaust(self) -> None:
        """Every shorter run, on few nodes; then longer ones, with few kinds of steps."""
        for one in self._searches():
            limits, partly = one.limits, one.partly
            most = min(one.length, length(self.best.steps) - 1)
            if most < 1 or (most <= self._done(limits.nodes) and not partly):
                continue
            said = shortest(
                self.failing.bugs,
                limits if self.bursts else evolve(limits, burst=1),
                most,
                key=self.failing.key,
                nets=one.nets,
                partly=partly,
                max_states=MOMENTS,
                progress=self._searching,
            )
            self._hear(said.otherwise)
            if isinstance(said, NoneShorter):
                if not partly:
                    some = limits.ops != OPS or not self.bursts
                    told = (limits.nodes, said.length, said.states)
                    self.searched.append(Searched(*told, some, begin_alike=len(one.nets) == 1))
            elif self._take(Script(said.net, said.steps)):
                self._minimize()

    def _done(self, nodes: int) -> int:
        """Up to which length every run on so many nodes was tried."""
        done = (one.length for one in self.searched if one.nodes == nodes and not one.some)
        return max(done, default=0)

    def _hear(self, other: Shortest | None) -> None:
        """A run that fails in another way, if there is a network on which it does."""
        known = self.otherwise
        if other is None or (known and length(known.script.steps) <= other.length):
            return
        script = Script(other.net, other.steps)
        failing = self._heard(evolve(self.failing, script=script, key=other.divergence))
        self.otherwise = failing or known

    def _searches(self) -> Iterator[Exhaustive]:
        """From cheap to dear; a later one takes into account what an earlier one found."""
        for nodes, most in ((1, 4), (2, 2), (3, 2)):
            yield Exhaustive(anything(nodes), most, beginnings(nodes))
        usual = beginnings(2)[:1]
        yield Exhaustive(anything(2), 3, usual)
        if self.bursts and self.failing.network is not None:
            yield Exhaustive(anything(2), 2, usual, partly=True)
        if self.bursts:
            # A crash in the middle of what it should not be in the middle of.
            yield Exhaustive(self._family(2, LIFECYCLE), 3, usual, partly=True)
        for nodes, most in ((2, 4), (3, 3)):
            if nodes <= len(self.best.net.nodes):
                for family in self._families():
                    yield Exhaustive(self._family(nodes, family), most, beginnings(nodes)[:1])
        yield Exhaustive(self._alike(), length(self.best.steps) - 1, (self.best.net,))

    def _families(self) -> list[str]:
        """Of steps beside writes: those that there are, and such as stop a node."""
        there = {leaf.family() for _, leaf in leaves(self.best.steps)} - {DATA}
        return sorted(there | {LIFECYCLE})

    def _family(self, nodes: int, family: str) -> Limits:
        """Writes of one case, with one family of other steps."""
        events = min(1, len(scope_of(self.best).events))
        return evolve(anything(nodes), cases=1, events=events, ops=of_families(DATA, family))

    def _alike(self) -> Limits:
        """Limits within which the steps are of the kinds that the best run has."""
        scope = scope_of(self.best)
        ops = frozenset(leaf.op for _, leaf in leaves(self.best.steps)) & OPS
        limits = anything(len(self.best.net.nodes))
        return evolve(limits, ops=ops, cases=len(scope.cases), events=len(scope.events))

    def _report(self, progress: Progress) -> None:
        self.progress(evolve(progress, executions=self.runs + progress.executions, further=True))

    def _searching(self, progress: Searching) -> None:
        nodes = len(self.best.net.nodes)
        self.progress(Progress(self.runs, progress.states, length(self.best.steps), nodes, True))


def _others(network: int | None) -> tuple[int | None, ...]:
    return tuple(dict.fromkeys((network, None, *range(NETWORKS - 2))))


def sharpened(
    failing: Failing,
    progress: Callable[[Progress], None] = lambda _: None,
    *,
    bursts: bool = True,
) -> Sharper:
    """The shortest run that fails like this one, which is known to fail on the simulator.

    Without `bursts` no new one is tried: what comes between two steps of a burst is decided by the
    nodes. Takes seconds. Raises `UsageError` if the run does not fail there.
    """
    return Sharpening(failing, progress, bursts).run()
