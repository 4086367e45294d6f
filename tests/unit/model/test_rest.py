"""At rest only what may have changed is compared, with the same result as if all of it were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import random_runs
from immutables import Map
from msgspec.structs import replace
from mutants import MUTANTS
from random_runs import random_run
from schemas import CONTRACT, Case, alone

from syncmodel.engine.drive import Straight
from syncmodel.engine.run import run
from syncmodel.errors import InvalidRunError
from syncmodel.model import rest
from syncmodel.model.belief import Belief
from syncmodel.model.divergence import Divergence, DivergenceFound
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import accepted
from syncmodel.model.rest import compare
from syncmodel.model.view import View
from syncmodel.model.world import initial
from syncmodel.reference.simulated import SimulatedCluster, sights
from syncmodel.steps import Create, Partition
from syncmodel.targets.wire import SUPERTEST

ALONE = alone()
#: CI runs it too; its shorter sibling is in every run.
VERDICTS = [pytest.mark.long, pytest.mark.verdicts]


def outcome(belief: Belief, views: Mapping[str, View | None]) -> Belief | tuple[Divergence, ...]:
    try:
        return compare(belief, views)
    except DivergenceFound as found:
        return found.divergences


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[bool]]:
    """How many rests differed, of those that were compared in both ways."""
    rests: Counter[bool] = Counter()

    def both(belief: Belief, views: Mapping[str, View | None]) -> Belief:
        quickly = outcome(belief, views)
        assert quickly == outcome(replace(belief, seen=None, rested=Map()), views)
        rests[isinstance(quickly, tuple)] += 1
        if isinstance(quickly, tuple):
            raise DivergenceFound(quickly)
        return quickly

    monkeypatch.setattr(random_runs, "compare", both)
    yield rests
    assert rests[False]


@pytest.mark.parametrize("case", [(SUPERTEST, CONTRACT), *ALONE.values()], ids=["contract", *ALONE])
def test_a_quick_comparison_passes_what_a_whole_one_does(
    case: Case, compared: Counter[bool]
) -> None:
    schema, guarantees = case
    for seed in range(3):
        assert random_run(seed, guarantees, Counter(), schema=schema) is None


@pytest.mark.parametrize("seeds", [range(1), pytest.param(range(3), marks=VERDICTS)], ids=len)
def test_a_quick_comparison_sees_what_a_whole_one_does(
    compared: Counter[bool], seeds: range
) -> None:
    for mutant, broken in MUTANTS.items():
        for seed in seeds:
            random_run(
                seed, broken.guarantees, Counter(), mutant, schema=broken.schema, inside=False
            )
    assert compared[True] > len(MUTANTS) * len(seeds) // 6


def test_a_step_compares_and_reads_few_of_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: Counter[str] = Counter()

    def counted(module: Any, name: str) -> None:
        whole = getattr(module, name)

        def count(*given: Any, **named: Any) -> Any:
            counts[name] += 1
            return whole(*given, **named)

        monkeypatch.setattr(module, name, count)

    for cached in (sights._view, sights._row):
        cached.cache_clear()
    counted(rest, "_rested")
    counted(sights, "to_view")
    rows = 60
    steps = [Create(f"n{i % 3 + 1}", "cases", f"c{i}", (("title", f"t{i}"),)) for i in range(rows)]
    Straight().run(run(SimulatedCluster(3), fully_connected(SUPERTEST, 3), steps))
    # Each row once: an empty begin, and then the one that the step wrote.
    assert counts == {"_rested": rows, "to_view": rows}


def test_only_a_node_that_may_lack_a_quorum_need_not_be_looked_at() -> None:
    promises = Guarantees(quorum=True, rollback_keeps_log=True)
    belief = initial(fully_connected(SUPERTEST, 3), promises).belief
    views = {node: View() for node in ("n1", "n2")}
    with pytest.raises(InvalidRunError, match="Nobody looked at n3"):
        compare(belief, views)
    apart = Partition((("n1", "n2"), ("n3",)))
    compare(apart.expect(belief, accepted()), views)
    with pytest.raises(InvalidRunError, match="Nobody looked at n2"):
        compare(apart.expect(belief, accepted()), {"n1": View()})
    usual = initial(fully_connected(SUPERTEST, 3), Guarantees()).belief
    with pytest.raises(InvalidRunError, match="Nobody looked at n3"):
        compare(apart.expect(usual, accepted()), views)
