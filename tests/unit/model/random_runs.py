"""Random runs of a simulated system under the model's eyes; what the soundness tests are made of.

Steps are drawn from the plan alone. At every moment the system's real knowledge is held against the
belief's bounds; at every rest, sight against belief. `sometimes` counts what really happened, so
that an empty pass shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random

from attrs import define, field
from correct_rows import Stored
from correct_system import CorrectSystem

from syncmodel.errors import InvalidRunError
from syncmodel.model.beaten import landed, travelled
from syncmodel.model.belief import Belief
from syncmodel.model.cascades import with_cascades
from syncmodel.model.cases import Cases
from syncmodel.model.columns import REQUIRED, Column, Ref
from syncmodel.model.divergence import DivergenceFound
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net, fully_connected
from syncmodel.model.outcome import Answer, Outcome, accepted, compound, refused
from syncmodel.model.plan import Plan
from syncmodel.model.rest import compare
from syncmodel.model.rows import RowBelief
from syncmodel.model.schema import Schema, Table
from syncmodel.model.values import Row, Scalar, Value, Write
from syncmodel.model.view import View
from syncmodel.model.world import initial
from syncmodel.steps import (
    Add,
    Backup,
    Burst,
    Clock,
    Concurrently,
    Crash,
    Create,
    Cut,
    Data,
    Delete,
    Distrust,
    Hang,
    Heal,
    Join,
    Leave,
    Mend,
    Partition,
    Pause,
    Purge,
    Reactivate,
    Read,
    Refused,
    Restart,
    Restore,
    Resume,
    Resync,
    Rollback,
    Rollout,
    Set,
    Step,
    Trust,
)
from syncmodel.steps.compound import PROOFS
from syncmodel.targets.wire import SUPERTEST

WHYS = tuple(PROOFS)
#: How many rows of each table there are: few, so that steps meet on them.
ROWS = 2
TRIES = 60
#: No version has this number.
UNHEARD_OF = -1


@define
class Draw:
    """Steps drawn at random from what a plan enables; tokens and amounts are used once."""

    rng: Random
    tokens: int = 0
    amounts: int = 0
    rows: int = ROWS
    #: Whether nodes stand still, clocks jump and links hang: then there is less of all else.
    stalls: bool = True
    #: Whether nodes leave, and trust changes.
    members: bool = False
    #: Whether disks are copied and put back.
    restores: bool = False
    #: Whether deletes are purged.
    purges: bool = False

    def step(self, plan: Plan) -> Step:
        """Any enabled step. Heals and restarts come often enough for a run to stay alive."""
        kinds = [self.simple, self.simple, self.burst, self.concurrently, self.refused]
        return self.enabled(plan, [*kinds, self.purge] if self.purges else kinds)

    def enabled(self, plan: Plan, kinds: Sequence[Callable[[Plan], Step | None]]) -> Step:
        """An enabled step of one of these kinds."""
        for _ in range(TRIES):
            step = self.rng.choice(kinds)(plan)
            if step is not None and step.enabled(plan):
                return step
        return Restart(self.rng.choice(plan.net.nodes))

    def simple(self, plan: Plan) -> Step | None:
        """No compound."""
        kinds = [self.data, self.links, self.life, self.deployment, self.read]
        weights = [8, 3, 2, 1, 2]
        if self.members:
            kinds.append(self.told)
            weights.append(5)
        return self.rng.choices(kinds, weights)[0](plan)

    def told(self, plan: Plan) -> Step:
        """Who is a member, and who is trusted; first what brings nodes together again."""
        rng, net = self.rng, plan.net
        if net.away and rng.random() < 0.5:
            _, node = rng.choice(sorted(net.away))
            return Reactivate(node) if plan.may_show(node) else Join(node)
        if net.distrusts and rng.random() < 0.5:
            return Trust(*rng.choice(sorted(net.distrusts)))
        a, b = rng.sample(net.nodes, 2)
        return rng.choice((Leave(a), Distrust(a, b)))

    def read(self, plan: Plan) -> Read:
        """A node is asked for a row, or for a whole table."""
        table = self.rng.choice(plan.net.schema.tables)
        name = self.rng.choice((None, *plan.net.schema.names(table.name, self.rows)))
        return Read(self.rng.choice(plan.net.nodes), table.name, name)

    def data(self, plan: Plan) -> Data | None:
        """A write of one of a few rows, in any table."""
        rng, node = self.rng, self.rng.choice(plan.net.nodes)
        table = rng.choice(plan.net.schema.tables)
        name = rng.choice(plan.net.schema.names(table.name, self.rows))
        shown = Row(table.name, name) in plan.may_show(node)
        match rng.choices(range(4), (3, 4, 4, 3) if shown else (8, 1, 1, 1))[0]:
            case 0:
                return Create(node, table.name, name, self.values(plan, node, table, name))
            case 1:
                for column in self.some(table.changing("set", plan.net.plugin(node) or 1)):
                    return Set(node, table.name, name, column.name, self.fresh(column))
            case 2 if self.amounts < 40:
                for column in self.some(table.changing("add", plan.net.plugin(node) or 1)):
                    self.amounts += 1
                    return Add(node, table.name, name, column.name, 2 ** (self.amounts - 1))
        return Delete(node, table.name, name)

    def some(self, columns: Sequence[Column]) -> Sequence[Column]:
        """One of the columns, if there are any."""
        return self.rng.sample(columns, 1) if columns else ()

    def values(
        self, plan: Plan, node: str, table: Table, name: str
    ) -> tuple[tuple[str, Scalar], ...]:
        """What a create gives: what it must, and now and then what it may."""
        schema, given = plan.net.schema, list[tuple[str, Scalar]]()
        refs = iter(plan.refs.get(Row(table.name, name), ()))
        for column in table.columns:
            if isinstance(column, Ref):
                free = self.rng.choice(schema.names(column.table, self.rows))
                given.append((column.name, next(refs, free)))
            elif column.start is REQUIRED or (
                column.OP == "set"
                and column.there(plan.net.plugin(node) or 0)
                and self.rng.random() < 0.3
            ):
                given.append((column.name, self.fresh(column)))
        return tuple(given)

    def fresh(self, column: Column) -> Scalar:
        """A value that no other write uses."""
        self.tokens += 1
        return f"t{self.tokens}" if column.shows("") else self.tokens

    def purge(self, plan: Plan) -> Step | None:
        """Deletes are forgotten; of a plan's rows any may be deleted."""
        return Purge() if plan.rows else None

    def links(self, plan: Plan) -> Step:
        """A fault of the network, or the end of one."""
        nodes = plan.net.nodes
        a, b = self.rng.sample(nodes, 2)
        groups = tuple(tuple(n for n in nodes if self.rng.random() < 0.6) for _ in range(2))
        other = Hang(a, b) if self.stalls else Cut(a, b)
        steps = (Cut(a, b), other, Mend(a, b), Partition(groups), Heal(), Heal())
        return self.rng.choice(steps)

    def life(self, plan: Plan) -> Step:
        """Crash, restart, resync or standstill; first the end of what lasts."""
        node = self.rng.choice(plan.net.nodes)
        if self.restores and self.rng.random() < 0.4:
            return self.disk(plan)
        if plan.net.paused and self.rng.random() < 0.4:
            return Resume(self.rng.choice(sorted(plan.net.paused)))
        if plan.net.down and self.rng.random() < 0.5:
            return Restart(self.rng.choice(sorted(plan.net.down)))
        if not self.stalls:
            return self.rng.choice((Crash(node), Restart(node), Resync(node, True)))
        clock = Clock(node, self.rng.choice((-3, 0, 3)))
        kinds = (Crash(node), Restart(node), Resync(node, True), Pause(node), clock)
        return self.rng.choices(kinds, (3, 3, 3, 2, 1))[0]

    def disk(self, plan: Plan) -> Step:
        """Disks are copied, or put back."""
        nodes, copied = plan.net.nodes, sorted(plan.net.backups)
        if copied and self.rng.random() < 0.6:
            some = self.rng.sample(copied, self.rng.choice((1, 1, len(copied))))
            return Restore(tuple(some), self.rng.random() < 0.5)
        return Backup(tuple(self.rng.sample(nodes, self.rng.choice((1, 1, len(nodes))))))

    def deployment(self, plan: Plan) -> Step:
        """A rollback of some nodes, or a rollout of all that lack the plugin."""
        nodes = plan.net.nodes
        last = len(plan.net.schema.generations)
        bare = tuple(n for n in nodes if plan.net.plugin(n) is None and n in plan.net.up)
        if bare and self.rng.random() < 0.7:
            return Rollout(bare, self.rng.choice((last, max(last - 1, 1))))
        some = tuple(self.rng.sample(nodes, self.rng.choice((1, 1, 1, 2))))
        if self.rng.random() < 0.4:
            return Rollout(some, last)
        return Rollback(some, self.rng.choice((1, 1, max(last - 1, 1))))

    def burst(self, plan: Plan) -> Step | None:
        """Up to five steps, each enabled after those before it."""
        steps: list[Step] = []
        for _ in range(self.rng.randint(2, 5)):
            kind = self.rng.choices((self.simple, self.concurrently, self.refused), (8, 1, 1))[0]
            step = kind(plan)
            if step is not None and step.enabled(plan):
                steps.append(step)
                plan = step.advance(plan)
        return Burst(tuple(steps))

    def concurrently(self, plan: Plan) -> Step:
        """Two to four siblings, mostly writes."""
        kinds = self.rng.choices((self.data, self.read), (4, 1), k=self.rng.randint(1, 3))
        steps = [kind(plan) for kind in kinds]
        return Concurrently((*(s for s in steps if s and s.enabled(plan)), self.sibling(plan)))

    def sibling(self, plan: Plan) -> Step:
        return self.simple(plan) or Heal()

    def refused(self, plan: Plan) -> Step | None:
        """A request that the plan proves to be bad."""
        step = self.data(plan)
        return None if step is None else Refused(step, self.rng.choice(WHYS))


@define
class Run:
    """One run: a system, the belief about it, and the numbers of the versions it really stored."""

    system: CorrectSystem
    plan: Plan
    belief: Belief
    sometimes: Counter[str]
    #: Whether to look inside the system too, or only at what it shows and answers.
    inside: bool = True
    #: The number of the version of each register that a request wrote, by its serial number.
    numbers: dict[tuple[int, Row], int] = field(factory=dict)
    #: What the belief leaves open, assumed one way and the other.
    cases: Cases = field(factory=Cases)
    #: (row, node, version) that may have been known at an earlier rest and need not have been.
    stale: set[tuple[Row, str, int]] = field(factory=set)

    @classmethod
    def begin(
        cls,
        system: CorrectSystem,
        net: Net,
        guarantees: Guarantees,
        sometimes: Counter[str],
        inside: bool = True,
    ) -> Run:
        """Nothing was written yet."""
        world = initial(net, guarantees)
        return cls(system, world.plan, world.belief, sometimes, inside)

    def take(self, step: Step) -> None:
        """Perform, judge, rest, compare; raises `DivergenceFound` or `AssertionError`."""
        assert step.enabled(self.plan)
        self.plan = step.advance(self.plan)
        parts = step.steps if isinstance(step, Burst) else (step,)
        before, outcomes = self.belief, list[Outcome]()
        for part in parts:
            outcomes.append(self.system.run(part.perform(self.system)))
            self._note_races(part, outcomes[-1])
            self._number(part, outcomes[-1])
            known = self.belief
            self.belief = part.expect(known, outcomes[-1])
            self.cases = self.cases.taken(part, outcomes[-1], known, self.belief)
            self.sometimes["requests in cases"] += any(case.late for case in self.cases.cases)
            self.check_bounds()
        if isinstance(step, Burst):
            assert step.expect(before, compound(tuple(outcomes))) == self.belief
        self.check_plan()
        self.rest()

    def rest(self) -> None:
        """The system settles; sight is held against belief, and the bounds once more."""
        views = self._answered(self.system.rest())
        self.check_sights(views)
        before = self.belief
        self.belief = compare(before, views)
        self.cases = self.cases.rested(views, self.belief)
        self.sometimes["rests"] += 1
        self.sometimes["rests in cases"] += len(self.cases.cases) > 1
        self.check_bounds()
        self.check_order()
        self._note_rest(before)

    def _answered(self, views: Mapping[str, View | None]) -> Mapping[str, View | None]:
        """Two times in three a node that may lack a quorum does not show anything."""
        net, turn = self.belief.net, self.sometimes["rests"]
        answered = {
            node: view
            for place, (node, view) in enumerate(views.items())
            if net.must_answer(node) or (turn + place) % 3 == 0
        }
        self.sometimes["silent without a quorum"] += len(answered) < len(views)
        return answered

    # --- properties ----------------------------------------------------------------------------

    def check_bounds(self) -> None:
        """What a node knows lies between *must* and *may*."""
        if not self.inside:
            return
        for node, known in self.system.known.items():
            real: dict[Row, set[int]] = {}
            for stored in known.values():
                for register in self.registers(stored):
                    real.setdefault(register, set()).add(self.number(stored.serial, register))
            for row, belief in self.belief.rows.items():
                actual = real.get(row, set())
                assert belief.known_by(node) <= actual, (node, row, "must is too much")
                assert actual <= belief.perhaps_known_by(node), (node, row, "may is too little")

    def number(self, serial: int, register: Row) -> int:
        """The number of the version that this request made of the register, itself or along."""
        if (serial, register) not in self.numbers:
            taken = self.belief.taken.items()
            along = [(row, deleted, mine) for (row, deleted, one), mine in taken if one == register]
            for row, deleted, mine in along:
                if self.number(serial, row) == deleted:
                    self.numbers[serial, register] = mine
        return self.numbers.get((serial, register), UNHEARD_OF)

    def registers(self, stored: Stored) -> list[Row]:
        """What a write is of: its row, or each column by itself."""
        if not self.belief.guarantees.by_field:
            return [stored.row]
        columns = self.belief.net.schema.table(stored.row.table).columns
        fields = {c.name for c in columns if c.op} if stored.creates else set(stored.fields)
        there = {""} if stored.creates or stored.cells is None else set[str]()
        return [stored.row._replace(column=column) for column in sorted(fields | there)]

    def check_order(self) -> None:
        """*Loses to* is a strict partial order, and part of the hidden one."""
        if not self.inside:
            return
        real = {
            (register, self.number(stored.serial, register)): stored
            for known in self.system.known.values()
            for stored in known.values()
            if stored.key not in self.system.purged
            for register in self.registers(stored)
            if not register.column or register.column in stored.fields
        }
        for name, belief in self.belief.rows.items():
            policy = self.belief.policy(name)
            if policy.leaves:
                self._check_leaves(name, belief, real)
            elif not policy.sums:
                self._check_ranks(name, belief, real)

    def _check_ranks(
        self, name: Row, belief: RowBelief, real: Mapping[tuple[Row, int], Stored]
    ) -> None:
        for loser, winners in belief.order.above.items():
            assert loser not in winners
            for winner in winners:
                if (name, loser) in real and (name, winner) in real:
                    assert real[name, loser].rank < real[name, winner].rank
        for loser, winners in belief.order.among:
            ranks = [real[name, w].rank for w in winners if (name, w) in real]
            if (name, loser) in real and len(ranks) == len(winners):
                assert real[name, loser].rank < max(ranks)

    def _check_leaves(
        self, name: Row, belief: RowBelief, real: Mapping[tuple[Row, int], Stored]
    ) -> None:
        rank = self.system.rank
        for version, bases in belief.order.parents.items():
            for base in bases:
                if (name, version) in real and (name, base) in real:
                    assert real[name, base].serial in real[name, version].over
        for loser, winner in belief.order.seen:
            if (name, loser) in real and (name, winner) in real:
                assert rank(real[name, loser]) < rank(real[name, winner])

    def check_plan(self) -> None:
        """Whatever a node may know, the plan says that it may show."""
        for row, belief in self.belief.rows.items():
            for node in self.belief.net.nodes:
                may = belief.present(belief.perhaps_known_by(node))
                assert not may or row.whole in self.plan.may_show(node)

    def check_sights(self, views: Mapping[str, View | None]) -> None:
        """Whatever a node shows, the plan says that it may."""
        for node, view in views.items():
            if view is not None and self.inside:
                assert {row for row, _ in view.rows} <= self.plan.may_show(node)

    # --- what really happened ------------------------------------------------------------------

    def _number(self, step: Step, outcome: Outcome) -> None:
        """Which version of the model each write of a request is."""
        calls = [*_calls(step, outcome, self.belief.net.schema)]
        after = step.becomes(self.belief.net, outcome)
        during = self.belief.net.either(after)
        before = travelled(self.belief, during)
        entered, entries = before.entered(calls, after)
        _, entries = with_cascades(before, landed(entered, during), calls, entries, after)
        for (_, answer), mine in zip(calls, entries, strict=True):
            for entry in mine:
                assert answer.code is not None
                self.numbers[int(answer.code), entry.register] = entry.number

    def _note_races(self, step: Step, outcome: Outcome) -> None:
        """A request whose opposite answer was possible too."""
        if not isinstance(step, Create | Delete) or outcome.answer is Answer.UNKNOWN:
            return
        change = step.change(self.belief.net.schema)
        row = dict(change.cells) if isinstance(change, Value) else None
        no = refused("exists" if row else "no_such_row")
        try:
            step.expect(self.belief, no if outcome.ok else accepted(row))
        except DivergenceFound:
            return
        self.sometimes[f"race {outcome.answer.value}"] += 1

    def _note_rest(self, before: Belief) -> None:
        for name, row in self.belief.rows.items():
            old = before.row(name)
            self.sometimes["conflicts"] += len(row.order.seen) > len(old.order.seen)
            self.sometimes["one of several"] += len(row.order.among) > len(old.order.among)
            self.sometimes["unknown shown"] += sum(
                new.sure > was.sure for new, was in zip(row.versions, old.versions, strict=True)
            )
        stale = {
            (name, node, version)
            for name, row in self.belief.rows.items()
            for node in self.belief.net.nodes
            for version in row.perhaps_known_by(node) - row.known_by(node)
        }
        self.sometimes["stale shown"] += sum(
            version in self.belief.row(name).known_by(node)
            for name, node, version in self.stale - stale
        )
        self.stale = stale


def _calls(step: Step, outcome: Outcome, schema: Schema) -> Iterator[tuple[Write, Outcome]]:
    if isinstance(step, Data):
        yield step.asks(schema), outcome
    elif isinstance(step, Concurrently):
        for part, answer in zip(step.steps, outcome.parts, strict=True):
            yield from _calls(part, answer, schema)


@define
class Failure:
    """A run that raised: the steps up to it, and what it raised."""

    steps: tuple[Step, ...]
    error: DivergenceFound | AssertionError

    @property
    def kinds(self) -> set[str]:
        """The names of the divergences."""
        if isinstance(self.error, AssertionError):
            return {f"assertion {self.error}"}
        return {divergence.kind.value for divergence in self.error.divergences}


def some_net(rng: Random, schema: Schema, count: int) -> Net:
    """Mostly whole and with the plugin; now and then a link is cut, a node down or bare."""
    net = fully_connected(schema, count)
    if rng.random() < 0.7:
        return net
    links = sorted(net.links)
    net = net.with_cut(rng.sample(links, rng.randint(0, len(links) // 2)))
    for node in net.nodes:
        net = net.deploy((node,), rng.choice([*net.generations, *[schema.usual] * 2]))
        net = net.stop(node) if rng.random() < 0.1 else net
    return net


def random_run(
    seed: int,
    guarantees: Guarantees,
    sometimes: Counter[str],
    system: type[CorrectSystem] = CorrectSystem,
    *,
    schema: Schema = SUPERTEST,
    counts: Sequence[int] = (2, 3, 3, 4),
    length: int = 25,
    inside: bool = True,
) -> Failure | None:
    """One run from one seed; None if nothing alarmed."""
    rng = Random(seed)
    net = some_net(rng, schema, rng.choice(counts))
    simulated = system(rng, net, guarantees)
    run = Run.begin(simulated, net, guarantees, sometimes, inside)
    draw = Draw(
        rng,
        stalls=seed % 3 == 0,
        members=seed % 4 == 1,
        restores=seed % 4 == 3,
        purges=seed % 8 == 2,
    )
    steps = list[Step]()
    try:
        run.rest()
        for _ in range(length):
            steps.append(draw.step(run.plan))
            run.take(steps[-1])
    except (DivergenceFound, AssertionError) as error:
        return Failure(tuple(steps), error)
    except InvalidRunError:
        sometimes["invalid"] += 1
    finally:
        sometimes.update(simulated.happened)
    return None
