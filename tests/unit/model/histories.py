"""Random histories, and what model and oracle say of them.

A small correct system takes random steps; in many histories one sight or answer is changed then, so
that it may be impossible. `judged` holds the model against the oracle, step by step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import cast

from attrs import define, evolve, frozen
from correct_system import CorrectSystem
from oracle import Oracle, TooMany
from random_runs import Draw, some_net
from wide_oracle import WideOracle

from syncmodel.errors import InvalidRunError
from syncmodel.model.belief import Belief
from syncmodel.model.cases import Cases
from syncmodel.model.columns import Counter as Count
from syncmodel.model.columns import OnDelete, Ref, Token
from syncmodel.model.divergence import DivergenceFound
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net
from syncmodel.model.outcome import Answer, Outcome, accepted, compound, refused, shown
from syncmodel.model.plan import Plan
from syncmodel.model.rest import compare
from syncmodel.model.schema import Generation, Schema, Table
from syncmodel.model.values import Row, Scalar, Value
from syncmodel.model.view import View
from syncmodel.model.world import initial
from syncmodel.steps import (
    Burst,
    Concurrently,
    Crash,
    Data,
    Delete,
    Heal,
    Pause,
    Read,
    Refused,
    Restart,
    Resume,
    Rollout,
    Step,
)

SCHEMA = Schema(
    Table("cases", Token("title"), Count("counter")),
    Table("events", Ref("case", "cases"), Token("body", fixed=True)),
    generations=(Generation("none"), Generation("app", {"app": 1})),
)
#: The share of histories of which one sight or answer is changed.
CHANGED = 0.6


class Timid(CorrectSystem):
    """Its requests time out now and then."""

    TIMEOUTS = 0.1


class Silent(CorrectSystem):
    """A third of its requests time out: most land late, amid others."""

    TIMEOUTS = 0.35


class Hasty(CorrectSystem):
    """Half of its requests time out."""

    TIMEOUTS = 0.5


SYSTEMS = {"silence": Silent, "haste": Hasty}


@define
class Few(Draw):
    """Steps that meet on one row of each table."""

    rows: int = 1
    #: Whether most requests are simultaneous, and nodes stand still.
    silent: bool = False

    def step(self, plan: Plan) -> Step:
        kinds: Sequence[Callable[[Plan], Step | None]] = (
            *[self.simple] * 6,
            self.burst,
            self.burst,
            self.concurrently,
        )
        if self.silent:
            kinds = (*kinds, *[self.concurrently] * 6, *[self.stood_still] * 2)
        purges = [self.purge, self.deleted, self.mended] * 4
        return self.enabled(plan, [*kinds, *purges] if self.purges else kinds)

    def stood_still(self, plan: Plan) -> Step:
        """A node stands still, or goes on."""
        paused = plan.net.paused
        return Resume(min(paused)) if paused else Pause(self.rng.choice(plan.net.nodes))

    def deleted(self, plan: Plan) -> Step | None:
        """What may be there is deleted."""
        node = self.rng.choice(plan.net.nodes)
        rows = sorted(plan.may_show(node))
        return Delete(node, *self.rng.choice(rows)[:2]) if rows else None

    def mended(self, plan: Plan) -> Step:
        """What keeps a node from being asked ends."""
        net = plan.net
        bare = tuple(node for node in net.up if net.plugin(node) is None)
        if net.down:
            return Restart(min(net.down))
        if net.paused:
            return Resume(min(net.paused))
        return Rollout(bare, net.schema.usual) if bare else Heal()

    def simple(self, plan: Plan) -> Step | None:
        kinds = [self.data, self.links, self.life, self.deployment, self.read]
        weights = [9, 4, 2, 2, 4]
        if self.members:
            kinds.append(self.told)
            weights.append(6)
        if self.restores:
            kinds.append(self.disk)
            weights.append(6)
        return self.rng.choices(kinds, weights)[0](plan)

    def burst(self, plan: Plan) -> Step | None:
        steps: list[Step] = []
        for _ in range(self.rng.randint(2, 4)):
            step = self.rng.choices((self.simple, self.concurrently), (9, 1))[0](plan)
            if step is not None and step.enabled(plan):
                steps.append(step)
                plan = step.advance(plan)
        return Burst(tuple(steps))


@define
class Dense(Few):
    """A few steps, most of them several requests at once."""

    def step(self, plan: Plan) -> Step:
        return self.enabled(plan, [*[self.concurrently] * 5, *[self.simple] * 2, self.burst])

    def simple(self, plan: Plan) -> Step | None:
        kinds = [self.data, self.links, self.life, self.deployment, self.read]
        return self.rng.choices(kinds, (12, 3, 1, 1, 4))[0](plan)


@define
class Wide(Few):
    """The same, and requests that must be refused."""

    def simple(self, plan: Plan) -> Step | None:
        return self.refused(plan) if self.rng.random() < 0.07 else Few.simple(self, plan)

    def sibling(self, plan: Plan) -> Step:
        return Few.simple(self, plan) or Heal()


@frozen
class Moment:
    """One step, its outcome, and what was seen at the rest after it."""

    step: Step
    outcome: Outcome
    views: Mapping[str, View | None]


@frozen
class History:
    """What was done and seen; `changed` says what was changed afterwards, "" for nothing."""

    net: Net
    guarantees: Guarantees
    moments: tuple[Moment, ...]
    changed: str = ""

    def __str__(self) -> str:
        lines = [f"{self.net}; {self.changed}"]
        for moment in self.moments:
            lines.append(f"{moment.step} -> {_told(moment.outcome)}")
            for node, view in moment.views.items():
                rows = () if view is None else view.rows
                lines.append(f"    {node}: {'; '.join(f'{row} {value}' for row, value in rows)}")
        return "\n".join(lines)


def _told(outcome: Outcome) -> str:
    if outcome.parts:
        return f"[{', '.join(map(_told, outcome.parts))}]"
    if outcome.view is not None:
        return "; ".join(f"{row} {value}" for row, value in outcome.view.rows) or "nothing"
    return f"{outcome.answer.value} {outcome.row or outcome.code or ''}"


def performed(
    net: Net, guarantees: Guarantees, steps: Iterator[Step], system: CorrectSystem
) -> History:
    """What a correct system does and shows when it takes these steps."""
    moments = list[Moment]()
    for step in steps:
        outcome = system.run(step.perform(system))
        moments.append(Moment(step, outcome, system.rest()))
    return History(net, guarantees, tuple(moments))


def random_history(
    seed: int,
    guarantees: Guarantees,
    happened: Counter[str],
    schema: Schema = SCHEMA,
    *,
    also: str = "",
) -> History:
    """A history of 6 to 14 steps on two or three nodes, perhaps with a change.

    `also`: what is done beside the usual, `members`, `restores` or `purges`; `silence` if many
    requests get no answer, `haste` if half of them get none and most are simultaneous, in 3 to 7
    steps.
    """
    rng = Random(seed)
    net = initial(some_net(rng, schema, rng.choice((2, 2, 3))), guarantees).plan.net
    usual = Few if schema is SCHEMA and not is_wide(net, guarantees) else Wide
    system, draw = (
        SYSTEMS.get(also, Timid)(rng, net, guarantees),
        (Dense if also == "haste" else usual)(
            rng,
            members=also == "members",
            restores=also == "restores",
            purges=also == "purges",
            silent=also == "silence",
        ),
    )

    def drawn() -> Iterator[Step]:
        plan = initial(net, guarantees).plan
        for _ in range(rng.randint(*((3, 7) if also == "haste" else (6, 14)))):
            step = draw.step(plan)
            plan = step.advance(plan)
            yield step

    history = performed(net, guarantees, drawn(), system)
    steps = [part for moment in history.moments for part in _parts(moment.step)]
    outcomes = [one for moment in history.moments for one in _outcomes(moment.outcome)]
    happened["histories"] += 1
    happened["cuts"] += any(step.family() == "network" for step in steps)
    happened["crashes"] += any(isinstance(step, Crash) for step in steps)
    happened["lost logs"] += bool(system.happened["logs lost"])
    happened["reads"] += any(one.view is not None for one in outcomes)
    happened["timeouts"] += any(one.answer is Answer.UNKNOWN for one in outcomes)
    happened["simultaneous"] += any(isinstance(step, Concurrently) for step in steps)
    happened["refused"] += any(isinstance(step, Refused) for step in steps)
    for name in (
        "restores that lost rows",
        "restores that brought rows back",
        "hidden by distrust",
        "purged",
        "created again after a purge",
        "landed late",
    ):
        happened[name] += bool(system.happened[name])
    happened["members"] += any(step.family() == "membership" for step in steps)
    happened["disks"] += any(step.family() == "restoring" for step in steps)
    happened["trust"] += any(step.family() == "trusting" for step in steps)
    if rng.random() >= CHANGED:
        return history
    happened["changed"] += 1
    return changed(history, rng)


def _parts(step: Step) -> Iterator[Step]:
    yield step
    if isinstance(step, Burst | Concurrently):
        for part in step.steps:
            yield from _parts(part)


def is_wide(net: Net, guarantees: Guarantees) -> bool:
    """Whether this asks for what only the wide oracle knows."""
    tables = net.schema.tables
    columns = [column for table in tables for column in table.columns]
    kinds = [ref.on_delete for table in tables for ref in table.refs]
    return (
        guarantees.by_field
        or guarantees.quorum
        or any(column.since > 1 or column.until for column in columns)
        or any(kind is not OnDelete.HIDE for kind in kinds)
    )


def _outcomes(outcome: Outcome) -> Iterator[Outcome]:
    yield outcome
    for part in outcome.parts:
        yield from _outcomes(part)


# --- changes --------------------------------------------------------------------------------------


def changed(history: History, rng: Random) -> History:
    """The history with one sight or one answer changed."""
    place = rng.randrange(len(history.moments))
    moment = history.moments[place]
    make = rng.choices((_other_sight, _other_answer, _other_read), (5, 4, 3))[0]
    other, what = make(history, moment, rng)
    moments = (*history.moments[:place], other, *history.moments[place + 1 :])
    return evolve(history, moments=moments, changed=f"step {place + 1}: {what}" if what else "")


def _seen(history: History) -> dict[Row, list[Value]]:
    """Every value of every row that was shown, or stored."""
    seen: dict[Row, dict[Value, None]] = {Row("cases", "c1"): {}, Row("events", "e1"): {}}
    for moment in history.moments:
        for view in moment.views.values():
            for row, value in () if view is None else view.rows:
                seen.setdefault(row, {})[value] = None
        for step, outcome in _answers(moment.step, moment.outcome):
            if outcome.row is not None:
                value = history.net.schema.by_name[step.table].read(outcome.row)
                seen.setdefault(step.key, {})[value] = None
    return {row: list(values) for row, values in seen.items() if values}


def _answers(step: Step, outcome: Outcome) -> Iterator[tuple[Data, Outcome]]:
    if isinstance(step, Burst | Concurrently):
        for part, answer in zip(step.steps, outcome.parts, strict=True):
            yield from _answers(part, answer)
    elif isinstance(step, Data):
        yield step, outcome


def _other_sight(history: History, moment: Moment, rng: Random) -> tuple[Moment, str]:
    seen, nodes = _seen(history), [n for n, view in moment.views.items() if view is not None]
    if not seen or not nodes:
        return moment, ""
    node, row = rng.choice(nodes), rng.choice(sorted(seen))
    view = moment.views[node]
    rows = dict(() if view is None else view.rows)
    others: list[Value | None] = [v for v in (*seen[row], None) if v != rows.get(row)]
    if not others:
        return moment, ""
    value = rng.choice(others)
    shown, columns = {**rows, row: value}, _columns(history, moment, node)
    kept = tuple(sorted((r, v.only(columns[r.table])) for r, v in shown.items() if v is not None))
    words = f"{node} shows {row}: {value or 'nothing'}"
    alike = [n for n in nodes if moment.views[n] == view] if rng.random() < 0.5 else [node]
    views = {**moment.views, **dict.fromkeys(alike, View(kept))}
    return evolve(moment, views=views), f"sight: {words}, like {alike}"


def _columns(history: History, moment: Moment, node: str) -> dict[str, tuple[str, ...]]:
    """The columns that the node shows by then."""
    net = history.net
    for one in history.moments[: history.moments.index(moment) + 1]:
        parts = (
            zip(one.step.steps, one.outcome.parts, strict=True)
            if isinstance(one.step, Burst)
            else ((one.step, one.outcome),)
        )
        for step, outcome in parts:
            net = step.becomes(net, outcome)
    return {table: net.schema.shown(table, net.plugin(node)) for table in net.schema.by_name}


def _other_answer(history: History, moment: Moment, rng: Random) -> tuple[Moment, str]:
    told = [
        one for one in _answers(moment.step, moment.outcome) if one[1].answer is not Answer.UNKNOWN
    ]
    if not told:
        return _other_sight(history, moment, rng)
    step, old = rng.choice(told)
    rows = _seen(history).get(step.key, [])
    codes = ["no_such_row", *([] if old.row is None else ["exists", "missing_reference"])]
    codes += ["no_quorum"] if history.guarantees.quorum else []
    codes += ["referenced"] if step.table in history.net.schema.restricting else []
    no = [refused(code) for code in codes if code != old.code]
    yes: list[Outcome] = []
    if isinstance(step, Delete):
        yes = [] if old.ok else [accepted()]
    else:
        write = step.asks(history.net.schema)
        bases = [value.cells for value in rows] if not write.creates else [()]
        yes = [accepted(write.applied(cast(dict[str, Scalar], dict(base)))) for base in bases]
        yes = [one for one in yes if one.row != old.row]
    if not (new := [*no, *yes]):
        return moment, ""
    other = rng.choice(new)
    outcome = _with(moment.step, moment.outcome, step, other)
    return evolve(moment, outcome=outcome), f"answer: {step}: {_told(other)}"


def _other_read(history: History, moment: Moment, rng: Random) -> tuple[Moment, str]:
    read = [
        (step, one.view)
        for step, one in _reads(moment.step, moment.outcome)
        if one.view is not None and step.row is not None
    ]
    if not read:
        return _other_answer(history, moment, rng)
    step, view = rng.choice(read)
    row = Row(step.table, step.row or "")
    had = dict(view.rows).get(row)
    others: list[Value | None] = [v for v in (*_seen(history).get(row, ()), None) if v != had]
    if not others:
        return moment, ""
    value = rng.choice(others)
    other = shown(View(() if value is None else ((row, value),)))
    outcome = _with(moment.step, moment.outcome, step, other)
    return evolve(moment, outcome=outcome), f"read: {step}: {value or 'nothing'}"


def _reads(step: Step, outcome: Outcome) -> Iterator[tuple[Read, Outcome]]:
    if isinstance(step, Burst | Concurrently):
        for part, answer in zip(step.steps, outcome.parts, strict=True):
            yield from _reads(part, answer)
    elif isinstance(step, Read):
        yield step, outcome


def _with(step: Step, outcome: Outcome, target: Step, other: Outcome) -> Outcome:
    if step is target:
        return other
    if not isinstance(step, Burst | Concurrently):
        return outcome
    pairs = zip(step.steps, outcome.parts, strict=True)
    return compound(tuple(_with(part, answer, target, other) for part, answer in pairs))


# --- verdicts -------------------------------------------------------------------------------------


@frozen
class Verdict:
    """`model` and `oracle` are the numbers of the steps at which they say *impossible*, or None."""

    model: int | None
    oracle: int | None
    why: str = ""

    @property
    def false_alarm(self) -> bool:
        """The model refused what is possible up to that step."""
        return self.model is not None and (self.oracle is None or self.model < self.oracle)

    @property
    def miss(self) -> bool:
        """The model accepted to the end what is impossible."""
        return self.model is None and self.oracle is not None

    @property
    def late(self) -> bool:
        """The model saw it, but later than it could be known."""
        return (
            None not in (self.model, self.oracle)
            and not self.false_alarm
            and self.model != self.oracle
        )


def judged(history: History, most: int = 20_000) -> Verdict | None:
    """What model and oracle say; None where there are too many worlds to say."""
    world = initial(history.net, history.guarantees)
    belief: Belief | None = world.belief
    cases = Cases()
    exact = WideOracle if is_wide(history.net, history.guarantees) else Oracle
    oracle = exact(world.plan.net, history.guarantees, most)
    model, ends, why = None, None, ""
    for place, moment in enumerate(history.moments, 1):
        if belief is not None:
            try:
                taken = moment.step.expect(belief, moment.outcome)
                cases = cases.taken(moment.step, moment.outcome, belief, taken)
                belief = compare(taken, moment.views)
                cases = cases.rested(moment.views, belief)
            except InvalidRunError:
                break
            except DivergenceFound as found:
                belief, model, why = None, place, str(found)
        if ends is None:
            try:
                oracle.take(moment.step, moment.outcome, moment.views)
            except TooMany:
                return None
            ends = None if oracle.possible else place
        if belief is None and (ends is not None or model is not None):
            break
    return Verdict(model, ends, why)


def shorter(history: History, fails: Callable[[History], bool]) -> History:
    """The history with every moment left out that is not needed."""
    place = 0
    while place < len(history.moments):
        moments = (*history.moments[:place], *history.moments[place + 1 :])
        candidate = evolve(history, moments=moments)
        if moments and _is_legal(candidate) and fails(candidate):
            history = candidate
        else:
            place += 1
    return history


def _is_legal(history: History) -> bool:
    plan = initial(history.net, history.guarantees).plan
    for moment in history.moments:
        if not moment.step.enabled(plan):
            return False
        plan = moment.step.advance(plan)
        if {n for n, view in moment.views.items() if view is not None} != {*plan.net.carriers}:
            return False
        if moment.views.keys() != {*plan.net.up}:
            return False
    return True
