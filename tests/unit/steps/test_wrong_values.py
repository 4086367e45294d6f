"""What is wrong with a step's values, wherever it stands: the field, and what it takes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from supertest import fully_connected

from syncmodel.corpus.reading import check_steps
from syncmodel.engine.run import run
from syncmodel.errors import FormatError, UsageError
from syncmodel.model.plan import Plan
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Drift, Step, load
from syncmodel.steps.form import vocabulary
from syncmodel.steps.scope import Scope
from syncmodel.targets.wire import SUPERTEST

NET = fully_connected(2)
DRIFT = {"op": "drift", "node": "n1", "percent": 50}
LINK = {"from": "n1", "to": "n2"}
FILL = {"op": "fill", "node": "n1", "table": "cases", "first": 1001, "rows": 9}
DELETE = {"op": "delete", "node": "n1", "table": "cases", "row": "c1"}
FAULT = {"node": "n1", "generation": 2, "fault": "rain"}
MISTAKES: list[tuple[dict[str, Any], str]] = [
    (DRIFT, "`percent` takes 0, -100 or 100, not 50"),
    ({"op": "clock", "node": "n1", "ahead_s": 61}, "`ahead_s` takes -60 to 60, not 61"),
    ({"op": "clock", "node": "n1", "ahead_s": -61}, "`ahead_s` takes -60 to 60, not -61"),
    ({"op": "slow_disk", "node": "n1", "delay_ms": 9}, "`delay_ms` takes 0 to 2, not 9"),
    ({"op": "slow", **LINK, "delay_ms": 501}, "`delay_ms` takes 0 to 500, not 501"),
    ({"op": "slow", **LINK, "delay_ms": -1}, "`delay_ms` takes 0 to 500, not -1"),
    (
        {"op": "impair", **LINK, "wrong": "rain"},
        "`wrong` takes loss, duplicates, disorder, damage, narrow or nothing, not 'rain'",
    ),
    ({**FILL, "rows": 0}, "`rows` takes 1 to 1000, not 0"),
    ({**FILL, "rows": 1001}, "`rows` takes 1 to 1000, not 1001"),
    ({**FILL, "first": 0}, "`first` takes 1 to 1000000, not 0"),
    (
        {"op": "spoil", "node": "n1", "part": "lid"},
        "`part` takes rows, pages or header, not 'lid'",
    ),
    ({"op": "faulty_rollout", **FAULT}, "or killed-after-commit, not 'rain'"),
    (
        {"op": "faulty_rollback", **FAULT, "fault": "activation-fails"},
        (
            "`fault` takes migration-fails, disk-full, aborted, second-job, killed-before-commit "
            "or killed-after-commit, not 'activation-fails'"
        ),
    ),
    (
        {"op": "misuse", "node": "n1", "variant": "rude", "method": "rollout.rollback"},
        "or replayed, not 'rude'",
    ),
    (
        {"op": "misuse", "node": "n1", "variant": "stale", "method": "tea.make"},
        (
            "`method` takes rollout.rollback, plugins.uninstall, cluster_nodes.leave or "
            "cluster_nodes.distrust, not 'tea.make'"
        ),
    ),
    ({"op": "refused", "step": DELETE, "why": "rain"}, "or malformed, not 'rain'"),
    *(
        ({"op": op, "from": "n1", "to": "n1", **more}, "`from` and `to` take two nodes")
        for op, more in (
            ("cut", {}),
            ("mend", {}),
            ("hang", {}),
            ("slow", {"delay_ms": 20}),
            ("impair", {"wrong": "loss"}),
        )
    ),
    ({"op": "trust", "node": "n1", "peer": "n1"}, "`node` and `peer` take two nodes"),
    ({"op": "distrust", "node": "n1", "peer": "n1"}, "`node` and `peer` take two nodes"),
    *(
        ({"op": op, "nodes": nodes, **more}, "`nodes` takes at least one node, and each node once")
        for nodes in ([], ["n1", "n1"])
        for op, more in (
            ("rollout", {"generation": 2}),
            ("rollback", {"generation": 1}),
            ("backup", {}),
            ("restore", {"plain": True}),
        )
    ),
    ({"op": "burst", "steps": []}, "`steps` takes at least 1, not 0"),
    ({"op": "concurrently", "steps": [{"op": "heal"}]}, "`steps` takes at least 2, not 1"),
    (
        {"op": "burst", "steps": [{"op": "crash", "node": "n1"}, DRIFT]},
        "its step 2 (drift): `percent` takes",
    ),
    (
        {"op": "concurrently", "steps": [{"op": "crash", "node": "n2"}, DRIFT]},
        "its step 2 (drift): `percent` takes",
    ),
    ({"op": "burst", "steps": [{"op": "purge"}]}, "its step 1 (purge): burst takes no purge"),
    (
        {"op": "concurrently", "steps": [{"op": "purge"}, DRIFT]},
        "its step 1 (purge): concurrently takes no purge",
    ),
]


@pytest.mark.parametrize(("raw", "said"), MISTAKES, ids=[said for _, said in MISTAKES])
def test_a_value_that_a_step_never_takes_is_named_with_what_it_takes(
    raw: dict[str, Any], said: str
) -> None:
    step = load(raw)
    assert said in (step.mistake() or "nothing")
    assert not step.enabled(Plan(NET))
    assert str(step)
    with pytest.raises(FormatError) as found:
        check_steps(NET, (step,), "run.json")
    told = str(found.value)
    assert told.startswith(f"run.json, step 1 ({step.op}): ")
    assert said in told
    assert "can't be taken here" not in told


def test_what_a_step_draws_has_no_mistake() -> None:
    plan, scope = Plan(NET), Scope.of(SUPERTEST, vocabulary())
    drawn: list[Step] = [one for kind in vocabulary().values() for one in kind.choices(plan, scope)]
    assert len({one.op for one in drawn}) > 20
    assert [one for one in drawn if one.mistake() is not None] == []


def test_a_step_without_a_mistake_lacks_something_where_it_stands() -> None:
    crash = load({"op": "crash", "node": "n1"})
    with pytest.raises(FormatError, match=r"step 2 .crash.: it can't be taken here; what it needs"):
        check_steps(NET, (crash, crash), "run.json")


async def _run(step: Step) -> None:
    await run(SimulatedCluster(2), NET, (step,))


def test_a_run_that_is_made_by_hand_is_told_the_same() -> None:
    with pytest.raises(UsageError, match=r"Step 1 .the clock of n1 .*gains 50 %.: `percent` takes"):
        asyncio.run(_run(Drift("n1", 50)))


def test_replay_names_the_field_and_what_it_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from syncmodel.cli import main

    file = tmp_path / "run.json"
    file.write_text(json.dumps({**HEAD, "steps": [DRIFT]}), encoding="utf-8")
    assert main(["replay", str(file)]) == 2
    assert "step 1 (drift): `percent` takes 0, -100 or 100, not 50." in capsys.readouterr().err


HEAD = {
    "version": 2,
    "title": "a clock goes wrong",
    "target": "simulated",
    "nodes": 2,
    "expected": {"verdict": "pass"},
}
