"""Themes: every sequence has one, the seed decides which, and a class may name it."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncmodel.engine.drive import Straight
from syncmodel.engine.findings import Settings
from syncmodel.engine.tally import Tally
from syncmodel.errors import UsageError
from syncmodel.machine.cluster import ClusterMachine
from syncmodel.machine.search import searched
from syncmodel.model.net import fully_connected
from syncmodel.model.plan import Plan
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Create, Fill, vocabulary
from syncmodel.strategies.themes import MIXTURE, THEMES, Theme, draw_theme, theme
from syncmodel.strategies.weights import DUE_AFTER_VALUES, WEIGHTS, weights
from syncmodel.targets.wire import SUPERTEST

OPS = frozenset(vocabulary())
PLAN = Plan(fully_connected(SUPERTEST, 3))


def drawn(machine: type[ClusterMachine], sequences: int = 8, steps: int = 15) -> Counter[str]:
    tally = Tally()
    settings = Settings(sequences=sequences, steps=steps, seed=3)
    found = searched(SimulatedCluster(3), Straight(), settings, tally, machine)
    assert found.failure is None
    return tally.by_op


def test_each_theme_comes_as_often_as_it_says() -> None:
    found = Counter(draw_theme(Random(seed)).name for seed in range(6000))
    for one in THEMES.values():
        if one.often:
            assert found[one.name] == pytest.approx(6000 / one.often, rel=0.3)
    assert found[MIXTURE.name] > 6000 / 3


@pytest.mark.parametrize("one", THEMES.values(), ids=str)
def test_what_a_theme_leaves_out_comes_only_where_nothing_else_is_possible(one: Theme) -> None:
    table = weights(PLAN, OPS, (), one.weights)
    out = {op for op, weight in one.weights if not weight}
    assert out.isdisjoint(table.ops)
    for op in table.ops:
        table = table.without(op)
    assert set(table.ops) == out
    assert set(weights(PLAN, frozenset(out), (), one.weights).ops) == out


@given(
    one=st.sampled_from(list(THEMES.values())),
    own=st.dictionaries(st.sampled_from(sorted(OPS)), st.integers(0, 9)),
)
def test_what_a_class_says_of_a_kind_holds_in_every_theme(one: Theme, own: dict[str, int]) -> None:
    mine = tuple(sorted(own.items()))
    table = dict(weights(PLAN, OPS, mine, one.weights).weights)
    plain = dict(weights(PLAN, OPS, mine).weights)
    for op in own:
        assert table.get(op, 0) == plain.get(op, 0)


def test_a_class_may_name_its_theme() -> None:
    class Long(ClusterMachine):
        theme = "long logs"

    class Net(ClusterMachine):
        theme = "network"

    assert drawn(Long, steps=30)["fill"]
    assert not drawn(Net).keys() & {"fill", "crash", "restart", "rollback", "rollout"}


def test_what_a_class_takes_out_is_out_in_every_theme() -> None:
    for name in THEMES:

        class Less(ClusterMachine):
            theme: ClassVar[str | None] = name
            fill = None  # type: ignore[assignment]
            restart = None  # type: ignore[assignment]
            cut = None  # type: ignore[assignment]

        assert not drawn(Less).keys() & {"fill", "restart", "cut"}


def test_an_unknown_theme_is_one_sentence() -> None:
    class Odd(ClusterMachine):
        theme = "weather"

    with pytest.raises(UsageError, match="no theme 'weather'; there are: mixture, network, "):
        drawn(Odd)
    assert theme("network").name == "network"


def test_every_sequence_is_counted_under_its_theme() -> None:
    tally = Tally()
    settings = Settings(sequences=30, steps=3, seed=5)
    place_tally = _counted(settings)
    assert place_tally.themes.total() == 30
    assert place_tally.themes.keys() <= THEMES.keys()
    assert tally.themes.total() == 0


def _counted(settings: Settings) -> Tally:
    from syncmodel.campaign.campaign import Place
    from syncmodel.engine.findings import Findings
    from syncmodel.machine.search import searching

    tally = Tally()
    place = Place(lambda: SimulatedCluster(3), Straight(), settings, tally, Findings(), tally)
    searching(ClusterMachine)(place)
    return tally


def test_one_fill_comes_late_and_a_second_one_is_rare() -> None:
    late = PLAN
    for number in range(DUE_AFTER_VALUES):
        late = Create("n1", "cases", "c1", (("title", f"t{number}"),)).advance(late)
    many = Fill("n1", "cases", 1001, 101).advance(late)
    early, due, then = (
        dict(weights(plan, OPS, (), THEMES["long logs"].weights).weights)["fill"]
        for plan in (PLAN, late, many)
    )
    assert due > 5 * early == 5 * then > 0
    assert WEIGHTS["fill"] == 0
