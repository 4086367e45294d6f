"""Stories: steps with hand-made answers, then what each node shows, in few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from attrs import frozen

from syncmodel.model.belief import Belief
from syncmodel.model.divergence import DivergenceFound, Kind
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net, fully_connected
from syncmodel.model.outcome import Outcome, accepted, compound, unknown
from syncmodel.model.rest import compare
from syncmodel.model.values import Row, Value
from syncmodel.model.view import View
from syncmodel.model.world import initial
from syncmodel.steps import (
    Add,
    Burst,
    Concurrently,
    Create,
    Delete,
    Heal,
    Mend,
    Partition,
    Rollback,
    Rollout,
    Set,
    Step,
)
from syncmodel.targets.wire import SUPERTEST

OK = accepted()
LOST = unknown("timeout")
NODES = ("n1", "n2", "n3")
#: What one node shows: `{"c1": ("title", counter), "e1": ("case", "body")}`; None without plugin.
Shown = Mapping[str, tuple[str, int] | tuple[str, str]] | View | None
EMPTY: Shown = {}
#: Three nodes with version 1 of the plugin.
NET = fully_connected(SUPERTEST, 3)


def create(node: str, case: str, title: str) -> Create:
    """A case is created."""
    return Create(node, "cases", case, (("title", title),))


def retitle(node: str, case: str, title: str) -> Set:
    """A case gets another title."""
    return Set(node, "cases", case, "title", title)


def count(node: str, case: str, by: int) -> Add:
    """A case's counter grows."""
    return Add(node, "cases", case, "counter", by)


def attach(node: str, event: str, case: str, body: str) -> Create:
    """An event of a case is created."""
    return Create(node, "events", event, (("case", case), ("body", body)))


def row(title: str, counter: int = 0) -> Outcome:
    """An accepted write of a case, with the row as stored."""
    return accepted({"title": title, "counter": counter})


def event(case: str, body: str) -> Outcome:
    """An accepted event, with the row as stored."""
    return accepted({"case": case, "body": body})


def view(shown: Shown) -> View | None:
    """A node's sight in the model's words."""
    if shown is None or isinstance(shown, View):
        return shown
    return View(tuple(sorted((_row(name), _value(name, cells)) for name, cells in shown.items())))


def _row(name: str) -> Row:
    return Row("events" if name.startswith("e") else "cases", name)


def _value(name: str, cells: tuple[str, int] | tuple[str, str]) -> Value:
    columns = ("case", "body") if name.startswith("e") else ("title", "counter")
    return Value(tuple(zip(columns, cells, strict=True)))


@frozen
class Sight:
    """A rest at which the nodes showed this; a node that is not named shows what n1 does."""

    shown: Mapping[str, Shown]

    def views(self, belief: Belief) -> dict[str, View | None]:
        """What each node that runs showed."""
        return {n: view(self.shown.get(n, self.shown["n1"])) for n in belief.net.up}


def everywhere(**rows: Any) -> Sight:
    """Every node shows just these rows."""
    return Sight({"n1": rows})


def sights(n1: Shown, n2: Shown, n3: Shown) -> Sight:
    """Each node shows this."""
    return Sight({"n1": n1, "n2": n2, "n3": n3})


Moment = tuple[Step, Outcome] | Sight


def told(moments: tuple[Moment, ...], guarantees: Guarantees, net: Net = NET) -> Belief:
    """The belief at the end of a story, on three nodes of the contract's."""
    belief = initial(net, guarantees).belief
    for moment in moments:
        if isinstance(moment, Sight):
            belief = compare(belief, moment.views(belief))
        else:
            step, outcome = moment
            belief = step.expect(belief, outcome)
    return belief


@frozen
class Story:
    """`before` does not alarm; then `raised` alarms with `kind`, and `near` does not."""

    kind: Kind
    name: str
    before: tuple[Moment, ...]
    raised: Moment
    near: Moment
    guarantees: Guarantees = Guarantees()
    net: Net = NET


def both(*parts: tuple[Step, Outcome]) -> tuple[Step, Outcome]:
    """These at the same time."""
    steps, outcomes = zip(*parts, strict=True)
    return Concurrently(steps), compound(outcomes)


def in_a_row(*parts: tuple[Step, Outcome]) -> tuple[Step, Outcome]:
    """These in a burst."""
    steps, outcomes = zip(*parts, strict=True)
    return Burst(steps), compound(outcomes)


def rolled_back(*nodes: str) -> tuple[Step, Outcome]:
    """To the generation without the plugin."""
    return Rollback(nodes, 1), OK


def rolled_out(*nodes: str) -> tuple[Step, Outcome]:
    """To the generation with it."""
    return Rollout(nodes, 2), OK


T1, T2, T3 = ("t1", 0), ("t2", 0), ("t3", 0)
CREATED = (create("n1", "c1", "t1"), row("t1"))
EVENT = (attach("n1", "e1", "c1", "b1"), event("c1", "b1"))
DELETED = (Delete("n1", "cases", "c1"), OK)
EVERYWHERE = (CREATED, everywhere(c1=T1))
N1_RETITLES = (retitle("n1", "c1", "t2"), row("t2"))
N3_RETITLES = (retitle("n3", "c1", "t3"), row("t3"))
N3_ALONE = (Partition((("n1", "n2"), ("n3",))), OK)
APART = (Partition(()), OK)
HEALED = (Heal(), OK)
C1: dict[str, Any] = {"c1": T1}
NO_C1: dict[str, Any] = {}
HAS_EVENT: dict[str, Any] = {"c1": T1, "e1": ("c1", "b1")}
#: n1 and n3 retitled the same case, neither knowing of the other; then the network healed.
CONFLICT = (
    *EVERYWHERE,
    N3_ALONE,
    N1_RETITLES,
    N3_RETITLES,
    sights({"c1": T2}, {"c1": T2}, {"c1": T3}),
    HEALED,
)
#: n1 and n2 deleted a case that n3 retitled; all settled for a tombstone, nobody knows for which.
TWO_TOMBSTONES = (
    *EVERYWHERE,
    APART,
    DELETED,
    (Delete("n2", "cases", "c1"), OK),
    N3_RETITLES,
    sights(EMPTY, EMPTY, {"c1": T3}),
    HEALED,
    everywhere(),
)
ONLY_RESYNC = Guarantees(heal_catches_up=False)
KEEPS_LOG = Guarantees(rollback_keeps_log=True)
WALLCLOCK = Guarantees(rows="wallclock-lww")


def chain(*writes: Moment) -> tuple[Moment, ...]:
    """Writes while all are apart; then n1 hears n3 and n2 hears n1, and nobody hears back."""
    return (*EVERYWHERE, APART, *writes, (Mend("n3", "n1"), OK), (Mend("n1", "n2"), OK))


def check_raised(story: Story) -> None:
    """The divergence is raised, by this name alone, and only then."""
    told(story.before, story.guarantees, story.net)
    with pytest.raises(DivergenceFound) as found:
        told((*story.before, story.raised), story.guarantees, story.net)
    assert {divergence.kind for divergence in found.value.divergences} == {story.kind}


def check_near(story: Story) -> None:
    """The near miss does not alarm."""
    told((*story.before, story.near), story.guarantees, story.net)
