"""What `--statistics` prints of a search."""

import pytest

from syncmodel.cli import main
from syncmodel.engine.drive import Straight
from syncmodel.engine.history import Observer
from syncmodel.engine.occasions import Occasion
from syncmodel.engine.run import run
from syncmodel.engine.tally import Situation, Tally
from syncmodel.model.net import fully_connected
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.report.statistics import show
from syncmodel.steps import Burst, Crash, Create, Fill, Partition, Restart, Step
from syncmodel.targets.wire import SUPERTEST

STEPS: tuple[Step, ...] = (
    Create("n1", "cases", "c1", (("title", "t1"),)),
    Burst((Crash("n2"), Partition((("n1",), ("n2", "n3"))))),
    Restart("n2"),
)


def tally_of(*runs: tuple[Step, ...]) -> Tally:
    tally = Tally()
    observe: Observer = tally
    for steps in runs:
        net = fully_connected(SUPERTEST, 3)
        Straight().run(run(SimulatedCluster(3), net, steps, observe=observe))
    return tally


def test_what_is_counted() -> None:
    tally = tally_of(STEPS, STEPS[:1])
    assert tally.drawn == {"create": 2, "burst": 1, "restart": 1}
    assert tally.by_pair == {
        ("create", "crash"): 1,
        ("crash", "partition"): 1,
        ("partition", "restart"): 1,
    }
    assert tally.by_situation[Situation.EMPTY, "create"] == 2
    assert tally.by_situation[Situation.CUT, "restart"] == 1
    assert tally.by_situation[Situation.DOWN, "restart"] == 1
    assert tally.by_situation[Situation.DOWN, "burst"] == 0


def test_parts_of_a_search_add_up() -> None:
    whole, parts = tally_of(STEPS, STEPS), Tally()
    parts.become((tally_of(STEPS), tally_of(STEPS)))
    for each in (whole, parts):
        assert (each.drawn["burst"], each.by_pair["create", "crash"]) == (2, 2)
    assert parts.by_situation == whole.by_situation


def test_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    show(tally_of(STEPS), {"create": 17, "burst": 14, "crash": 3, "partition": 7, "restart": 2})
    told = [line.split("│")[1:-1] for line in capsys.readouterr().out.splitlines()]
    rows = [[cell.strip() for cell in line] for line in told if line]
    assert ["burst", "14", "1", "0", "1.00"] in rows
    assert ["crash", "3", "0", "1", "1.00"] in rows
    assert ["crash", "partition", "1", "1.00"] in rows
    assert ["a link is cut", "1", "restart 1"] in rows


def test_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    search = ["explore", "--target", "simulated", "--sequences", "2", "--seed", "1"]
    assert main([*search, "--statistics"]) == 0
    assert "Pairs that never came: " in capsys.readouterr().out
    assert main(search) == 0
    assert "Pairs that never came: " not in capsys.readouterr().out


def test_themes_and_what_whole_kinds_of_mistakes_need(capsys: pytest.CaptureFixture[str]) -> None:
    create = Create("n1", "cases", "c1", (("title", "t1"),))
    tally = tally_of((Burst((create, Crash("n2"))),), (Fill("n1", "cases", 1001, 101),))
    tally.themes.update({"long logs": 1, "mixture": 1})
    parts = Tally()
    parts.become((tally, tally))
    assert parts.occasions == {Occasion.CRASH: 2, Occasion.LONG: 2}
    show(parts, {})
    told = [line.split("│")[1:-1] for line in capsys.readouterr().out.splitlines()]
    rows = [[cell.strip() for cell in line] for line in told if line]
    assert ["long logs", "2", "50%"] in rows
    assert ["a node with more than 100 rows (once a sequence)", "2", "0.500"] in rows
    assert ["increments of one row at the same time", "0", "0.000"] in rows
