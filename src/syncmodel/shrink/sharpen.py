"""A minimised counterexample made shorter still on the twin, where a run costs next to nothing.

First delta debugging with many more candidates than live nodes could afford, then every shorter
run, exhaustively, as far as a few seconds allow. The divergence is kept. The result is a run of the
twin: `further` checks whether it fails on the original target.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from attrs import define, evolve, field, frozen

from syncmodel.checker import Progress as Searching
from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.drive import Straight
from syncmodel.engine.script import Script, leaves
from syncmodel.exhaustive.limits import OPS, Limits, of_families
from syncmodel.exhaustive.shortest import (
    NoneShorter,
    Shortest,
    anything,
    beginnings,
    shortest,
)
from syncmodel.model.net import Net
from syncmodel.shrink.minimize import Budget, Minimizer, Progress
from syncmodel.shrink.simpler import cost
from syncmodel.shrink.swaps import scope_of, swaps
from syncmodel.shrink.twin import Twin
from syncmodel.steps import Crash, Create, Read
from syncmodel.steps.membership import Told
from syncmodel.targets.base import SEEDS, Searchable

#: A few seconds' worth of runs.
BUDGET = Budget(executions=4_000, steps=80_000)
#: A run that needs a certain network is tried on this many, however it is changed.
NETWORKS = 8
#: Families of steps: see `Step.family`.
DATA, LIFECYCLE = Create.family(), Crash.family()
#: Moments that one exhaustive search may look at: some ten seconds' worth.
MOMENTS = 20_000


@frozen
class Searched:
    """An exhaustive search for a shorter run that found none.

    On this many `nodes`, with these `rows` (in words), no run of up to `length` steps fails in this
    way; `states` were looked at. `some`: only some runs were tried: without bursts, or made of few
    kinds of steps. `begin_alike`: only such as begin with the usual generation on every node.
    """

    nodes: int
    rows: str
    length: int
    states: int
    some: bool = False
    begin_alike: bool = False


@frozen
class Sharpened:
    """The shortest counterexample that the twin knows to fail in the same way.

    `runs` of the twin led to it; `searched` are the exhaustive searches that found nothing shorter.
    `otherwise`: one that is shorter still and fails in another way, if one was seen.
    `unconfirmed`: a run of this few steps fails on the twin, but not on the original target.
    """

    best: Counterexample
    runs: int
    searched: tuple[Searched, ...] = ()
    otherwise: Counterexample | None = None
    unconfirmed: int | None = None

    @property
    def none_shorter(self) -> bool:
        """Whether every shorter run was tried, on as many nodes as it has and on fewer."""
        short = self.best.length - 1
        proved = {one.nodes for one in self.searched if one.length >= short and not one.some}
        return not short or set(range(1, len(self.best.script.net.nodes) + 1)) <= proved


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

    best: Counterexample
    twin: Twin
    progress: Callable[[Progress], None]
    bursts: bool = True
    runs: int = 0
    searched: list[Searched] = field(factory=list)
    otherwise: Counterexample | None = None

    def run(self) -> Sharpened:
        """Search; the same failure gives the same steps, on every machine."""
        self._minimize()
        if self._is_searchable:
            self._exhaust()
        other = self.otherwise
        if other is not None and other.length >= self.best.length:
            other = None
        return Sharpened(self.best, self.runs, tuple(self.searched), other)

    @property
    def _is_searchable(self) -> bool:
        """Whether the exhaustive search knows these nodes, and judges them by the same promises."""
        kind = self.twin.kind
        return issubclass(kind.abilities, Searchable) and self.best.guarantees == kind.guarantees

    def _minimize(self) -> None:
        """Delta debugging with all passes, on the network where it fails."""
        network = self.best.network
        minimizer = Minimizer(
            self.twin.target(self.best),
            self.best,
            budget=BUDGET,
            networks=(None,) if network is None else _others(network),
            confirmations=0,
            fewer_nodes=self.twin.fewer_nodes,
            further=swaps(self.twin.kind.ops, joined=self.bursts),
            invariants=self.twin.invariants,
            progress=self._report,
        )
        self._take(Straight().run(minimizer.run()).script)
        self.runs += minimizer.effort.executions

    def _take(self, script: Script) -> bool:
        """Make it the best if it is smaller and fails on some network."""
        if cost(script) >= cost(self.best.script):
            return False
        shorter = self._heard(evolve(self.best, script=script))
        self.best = shorter or self.best
        return shorter is not None

    def _heard(self, found: Counterexample) -> Counterexample | None:
        """The same on a network where it fails, if there is one; in order is tried first."""
        echo = self.twin.echo(found, tuple(dict.fromkeys((None, found.network, *SEEDS))))
        self.runs += echo.tries
        return echo.heard

    def _exhaust(self) -> None:
        """Every shorter run, on few nodes; then longer ones, with few kinds of steps."""
        for number, one in enumerate(self._searches(), 1):
            limits, partly = one.limits, one.partly
            most = min(one.length, self.best.length - 1)
            if most < 1 or (most <= self._done(limits.nodes) and not partly):
                continue
            said = shortest(
                self.best.bugs,
                limits if self.bursts else evolve(limits, burst=1),
                most,
                key=self.best.key,
                nets=one.nets,
                partly=partly,
                max_states=MOMENTS,
                progress=partial(self._searching, f"search {number} of {self._count()}"),
            )
            self._hear(said.otherwise)
            if isinstance(said, NoneShorter):
                if not partly:
                    some = limits.ops != OPS or not self.bursts
                    told = (limits.nodes, _words(limits.rows), said.length, said.states)
                    self.searched.append(Searched(*told, some, begin_alike=len(one.nets) == 1))
            elif self._take(Script(said.net, said.steps)):
                self._minimize()

    def _done(self, nodes: int) -> int:
        """Up to which length every run on this many nodes was tried."""
        done = (one.length for one in self.searched if one.nodes == nodes and not one.some)
        return max(done, default=0)

    def _hear(self, other: Shortest | None) -> None:
        """A run that fails in another way, if there is a network on which it does."""
        known = self.otherwise
        if other is None or (known and known.length <= other.length):
            return
        script = Script(other.net, other.steps)
        self.otherwise = (
            self._heard(evolve(self.best, script=script, key=other.divergence)) or known
        )

    def _searches(self) -> Iterator[Exhaustive]:
        """From cheap to expensive; a later one takes into account what an earlier one found."""
        for nodes, most in ((1, 4), (2, 2), (3, 2)):
            yield Exhaustive(self._anything(nodes), most, beginnings(nodes))
        usual = beginnings(2)[:1]
        yield Exhaustive(self._anything(2), 3, usual)
        if self.bursts and self.best.network is not None:
            yield Exhaustive(self._anything(2), 2, usual, partly=True)
        if self.bursts:
            # A crash in the middle of something else.
            yield Exhaustive(self._family(2, LIFECYCLE), 3, usual, partly=True)
        for nodes, most in ((2, 4), (3, 3)):
            if nodes <= len(self.best.script.net.nodes):
                for family in self._families():
                    yield Exhaustive(self._family(nodes, family), most, beginnings(nodes)[:1])
        yield Exhaustive(self._alike(), self.best.length - 1, (self.best.script.net,))

    def _families(self) -> list[str]:
        """Of the steps besides writes: those of the best run, and those that stop a node."""
        there = {leaf.family() for _, leaf in leaves(self.best.script.steps)} - {DATA}
        return sorted(there | {LIFECYCLE})

    def _anything(self, nodes: int) -> Limits:
        """Every kind of step; reads, changes of members or of trust where the best run has some."""
        taken = [leaf for _, leaf in leaves(self.best.script.steps)]
        reads = any(isinstance(leaf, Read) for leaf in taken)
        return anything(nodes, reads=reads, members=any(isinstance(leaf, Told) for leaf in taken))

    def _family(self, nodes: int, family: str) -> Limits:
        """Writes of one row of the first table, with one family of other steps."""
        rows = self._rows()
        first = self.best.script.net.schema.tables[0].name
        few = {table: min(1, count) for table, count in rows.items()} | {first: 1}
        return evolve(self._anything(nodes), rows=few, ops=of_families(DATA, family))

    def _alike(self) -> Limits:
        """Limits within which the steps are of the kinds that the best run has."""
        ops = frozenset(leaf.op for _, leaf in leaves(self.best.script.steps)) & OPS
        return evolve(self._anything(len(self.best.script.net.nodes)), ops=ops, rows=self._rows())

    def _rows(self) -> dict[str, int]:
        """How many rows of each table the best run has."""
        scope = scope_of(self.best.script, OPS)
        return {table: len(names) for table, names in scope.rows.items()}

    def _report(self, progress: Progress) -> None:
        self.progress(evolve(progress, executions=self.runs + progress.executions, further=True))

    def _count(self) -> int:
        """How many exhaustive searches there are, as far as is known by now."""
        return sum(1 for _ in self._searches())

    def _searching(self, which: str, progress: Searching) -> None:
        nodes = len(self.best.script.net.nodes)
        states = f"{progress.states:,} situation{'s' * (progress.states != 1)}"
        doing = f"trying every shorter run on the simulator ({which}: {states})"
        about = (self.runs, progress.states, self.best.length, nodes, True)
        self.progress(Progress(*about, doing=doing, share=progress.states / MOMENTS))


def _words(rows: Mapping[str, int]) -> str:
    """How many rows of each table: 2 rows of cases and 1 row of events."""
    some = sorted((table, count) for table, count in rows.items() if count)
    return " and ".join(f"{count} row{'s' * (count > 1)} of {table}" for table, count in some)


def _others(network: int | None) -> tuple[int | None, ...]:
    return tuple(dict.fromkeys((network, None, *range(NETWORKS - 2))))


def sharpened(
    found: Counterexample,
    twin: Twin,
    progress: Callable[[Progress], None] = lambda _: None,
    *,
    bursts: bool = True,
) -> Sharpened:
    """The shortest run that fails like this one, which is known to fail on the twin.

    Without `bursts` no new one is tried: the nodes decide what comes between two steps of a burst.
    Takes seconds.
    """
    return Sharpening(found, twin, progress, bursts).run()
