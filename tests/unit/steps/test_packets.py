"""A bad line: it changes when things come, and nothing else."""

from __future__ import annotations

import asyncio

import pytest
from supertest import create_case, fully_connected, update_case

from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run
from syncmodel.engine.tally import Sometimes, Tally
from syncmodel.errors import UsageError
from syncmodel.faults import bad_line
from syncmodel.model.net import Link
from syncmodel.model.plan import Plan
from syncmodel.reference.kinds import EMBEDDED, SIMULATED, Packets
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Burst, Concurrently, Cut, Heal, Impair, Slow, Step
from syncmodel.steps.packets import NOTHING, WRONGS, ImpairsLinks

PLAN = Plan(fully_connected(3))
LOSES = Impair("n1", "n2", "loss")


class Lined(SimulatedCluster, ImpairsLinks):
    """Nodes in memory, and what their lines were told."""

    def __init__(self) -> None:
        super().__init__(3)
        self.told: list[tuple[Link, str]] = []

    async def impair(self, link: Link, wrong: str) -> None:
        self.told.append((link, wrong))


def test_it_is_a_link_that_is_whole_and_something_that_can_be_wrong() -> None:
    for wrong in (*WRONGS, NOTHING):
        assert Impair("n1", "n2", wrong).enabled(PLAN)
    for step in (
        Impair("n1", "n2", "rust"),
        Impair("n1", "n1", "loss"),
        Impair("n1", "n9", "loss"),
    ):
        assert not step.enabled(PLAN)
    assert not LOSES.enabled(Cut("n1", "n2").advance(PLAN))
    assert not Concurrently((LOSES, Cut("n1", "n2"))).enabled(PLAN)
    assert not Concurrently((LOSES, Slow("n1", "n2", 20))).enabled(PLAN)
    assert LOSES.advance(PLAN) == PLAN


def test_what_is_drawn_is_all_that_a_line_can_be() -> None:
    drawn = {step.wrong for step in Impair.choices(PLAN, None)}  # type: ignore[arg-type]
    made = {bad_line.LOSS, bad_line.DUPLICATES, bad_line.DISORDER, bad_line.DAMAGE, bad_line.NARROW}
    assert drawn - {NOTHING} == made


def test_it_is_drawn_only_where_links_carry_packets() -> None:
    assert issubclass(Packets, ImpairsLinks)
    assert not EMBEDDED.takes(Impair)
    assert not SIMULATED.takes(Impair)
    with pytest.raises(UsageError, match="lacks the ability ImpairsLinks"):
        asyncio.run(run(SimulatedCluster(3), PLAN.net, (LOSES,)))


STEPS: tuple[Step, ...] = (
    LOSES,
    create_case("n1", "c1", "t1"),
    Burst((update_case("n1", "c1", "t2"), Impair("n2", "n1", "damage"))),
    Cut("n1", "n2"),
    Heal(),
    Impair("n1", "n2", NOTHING),
)


def test_a_run_with_it_passes_and_is_counted() -> None:
    target, tally = Lined(), Tally()
    result = asyncio.run(run(target, PLAN.net, STEPS, observe=tally))
    assert result.verdict is Verdict.PASS
    assert target.told == [
        (("n1", "n2"), "loss"),
        (("n2", "n1"), "damage"),
        (("n1", "n2"), NOTHING),
    ]
    assert tally.seen[Sometimes.IMPAIRED] == 3
    assert Sometimes.IMPAIRED in Tally().never()
    assert Sometimes.IMPAIRED not in Tally().never(SIMULATED.ops)


def test_its_words_say_what_is_wrong() -> None:
    assert str(LOSES) == "the link n1 -> n2 loses packets"
    assert str(Impair("n1", "n2", NOTHING)) == "the link n1 -> n2 passes every packet"
