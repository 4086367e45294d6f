"""A node of an older version passes over a column that it does not know, or keeps what is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import product

import pytest
from histories import History, Moment, judged
from stories import LOST, both, in_a_row
from test_oracle import GROWING

from syncmodel.model.divergence import DivergenceFound
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import Outcome, accepted, compound
from syncmodel.model.rest import compare
from syncmodel.model.values import Row, Value
from syncmodel.model.view import View
from syncmodel.model.world import initial
from syncmodel.steps import Concurrently, Create, Rollback, Step

Call = tuple[Step, Outcome]
OLD, NEW = Create("n2", "cases", "c1", (("title", "t1"),)), "t2"
WRITES_NEW = (
    Create("n1", "cases", "c1", (("title", NEW), ("severity", "high"))),
    accepted({"title": NEW, "severity": "high"}),
)
NONE_YET = View(())
ANSWERS = (accepted({"title": "t1"}), LOST)


def shown(title: str, *severity: str) -> View:
    """What a node shows: the column as well, if it knows it."""
    cells = (("title", title), *(("severity", one) for one in severity))
    return View(((Row("cases", "c1"), Value(cells)),))


def histories() -> Iterator[History]:
    """n2, of the older version, creates what n1 does: before, after, or at the same time."""
    for answer, where, title, severity, late in product(
        ANSWERS, range(3), ("t1", NEW), ("high", "normal"), (False, True)
    ):
        old = (OLD, answer)
        step, outcome = [
            in_a_row(old, WRITES_NEW),
            in_a_row(WRITES_NEW, old),
            both(old, WRITES_NEW),
        ][where]
        first = {"n1": shown(NEW, "high"), "n2": shown(NEW)}
        last = {"n1": shown(title, severity), "n2": shown(title)}
        sights = [first, last] if late else [last, last]
        again = (Create("n1", "cases", "c2", (("title", "t9"),)), LOST)
        moments = (
            Moment(Rollback(("n2",), 2), accepted(), {"n1": NONE_YET, "n2": NONE_YET}),
            Moment(step, outcome, sights[0]),
            Moment(*again, sights[1]),
        )
        yield History(fully_connected(GROWING, 2), Guarantees(upserts=True), moments)


def test_what_it_does_not_know_it_may_have_kept_and_nothing_else_is_excused() -> None:
    happened: Counter[str] = Counter()
    for history in histories():
        verdict = judged(history)
        assert verdict is not None
        assert not verdict.false_alarm, (verdict.why, str(history))
        assert not verdict.miss, str(history)
        happened["possible" if verdict.oracle is None else "impossible"] += 1
    assert min(happened["possible"], happened["impossible"]) > 10, happened


@pytest.mark.parametrize("severity", ["high", "normal"])
@pytest.mark.parametrize("answer", [{"title": NEW, "severity": "high"}, {"title": NEW}, None])
@pytest.mark.parametrize("by_field", [False, True])
def test_beside_a_rollback_a_create_may_meet_the_version_that_passes_over_a_column(
    severity: str, answer: dict[str, str] | None, by_field: bool
) -> None:
    create = LOST if answer is None else accepted(answer)
    step = Concurrently((WRITES_NEW[0], Rollback(("n1",), 2)))
    belief = initial(fully_connected(GROWING, 2), Guarantees(by_field=by_field)).belief
    belief = step.expect(belief, compound((create, accepted())))
    views = {"n1": shown(NEW), "n2": shown(NEW, severity)}
    if severity == "normal" and answer is not None and "severity" in answer:
        with pytest.raises(DivergenceFound):
            compare(belief, views)
    else:
        compare(belief, views)


def test_where_it_knows_the_column_it_shows_what_was_given() -> None:
    belief = WRITES_NEW[0].expect(
        initial(fully_connected(GROWING, 2), Guarantees()).belief, accepted({"title": NEW})
    )
    with pytest.raises(DivergenceFound):
        compare(belief, {"n1": shown(NEW, "normal"), "n2": shown(NEW, "normal")})
