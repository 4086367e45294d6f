"""Stories for the model and the exact oracle: what is possible, beside a near miss which is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import field, frozen
from histories import SCHEMA, History, judged
from histories import Moment as Told

from syncmodel.model.divergence import DivergenceFound
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net, fully_connected
from syncmodel.model.outcome import Outcome
from syncmodel.model.rest import compare
from syncmodel.model.values import Row, Value
from syncmodel.model.view import View
from syncmodel.model.world import initial
from syncmodel.steps import Step

#: The rows that one node shows, with the columns that its version has: `{"c1": ("t1", 0)}`.
Shown = Mapping[str, tuple[Any, ...]]
TABLES = {"c": "cases", "e": "events", "n": "notes"}
NOTHING: Shown = {}
TWO, THREE = fully_connected(SCHEMA, 2), fully_connected(SCHEMA, 3)


@frozen
class Moment:
    """What was done, and what each node with the plugin showed then: all the same, if one does."""

    step: Step
    outcome: Outcome
    shown: tuple[Shown, ...]


def then(call: tuple[Step, Outcome], *shown: Shown) -> Moment:
    """What was done, and what showed then."""
    return Moment(*call, shown)


@frozen
class Story:
    """`before` is possible, and so is `near` after it; `raised` is not."""

    before: tuple[Moment, ...]
    raised: Moment
    near: Moment
    net: Net = TWO
    guarantees: Guarantees = field(factory=Guarantees)
    #: Whether it takes cases to see it: see `cases`.
    split: bool = False


def check(story: Story) -> None:
    """Model and oracle say so both, at the last moment; the model does without cases, too."""
    for last, place in ((story.raised, len(story.before) + 1), (story.near, None)):
        verdict = judged(_history(story, last))
        assert verdict is not None
        assert verdict.oracle == place, "the oracle"
        assert verdict.model == place, verdict.why
        if not story.split:
            assert _believed(_history(story, last)) == place, "what is believed alone"


def _believed(history: History) -> int | None:
    """The number of the moment that what is believed rules out, without any cases; or None."""
    belief = initial(history.net, history.guarantees).belief
    for place, moment in enumerate(history.moments, 1):
        try:
            belief = compare(moment.step.expect(belief, moment.outcome), moment.views)
        except DivergenceFound:
            return place
    return None


def _history(story: Story, last: Moment) -> History:
    told = tuple(_told(story, (*story.before, last)))
    return History(story.net, story.guarantees, told)


def _told(story: Story, moments: tuple[Moment, ...]) -> Iterator[Told]:
    plan = initial(story.net, story.guarantees).plan
    for moment in moments:
        plan = moment.step.advance(plan)
        carriers = [node for node in plan.net.up if node in plan.net.carriers]
        shown = moment.shown * len(carriers) if len(moment.shown) == 1 else moment.shown
        views = dict[str, View | None](dict.fromkeys(plan.net.up))
        for node, rows in zip(carriers, shown, strict=True):
            views[node] = _view(plan.net, node, rows)
        yield Told(moment.step, moment.outcome, views)


def _view(net: Net, node: str, rows: Shown) -> View:
    found = []
    for name, cells in rows.items():
        table = net.schema.by_name[TABLES[name[0]]]
        columns = net.schema.shown(table.name, net.plugin(node))
        found.append((Row(table.name, name), Value(tuple(zip(columns, cells, strict=True)))))
    return View(tuple(sorted(found)))
