"""What differs between a node's generations, and what its jobs ran, as stable JSON."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from syncmodel.nostr.keys import Key
from syncmodel.targets.artefacts import add_jobs, keep
from syncmodel.targets.comparing import compared, migrated
from syncmodel.targets.kept import comparison
from syncmodel.targets.live_node import LiveNode
from syncmodel.transport.clients import AdminError, Answer, Unreachable


def generation(number: int, item: str, plugins: dict[str, int], **more: Any) -> dict[str, Any]:
    about = {"number": number, "store_item": item, "plugins": plugins}
    return {**about, "selected": False, "running": False, **more}


BARE = generation(1, "/gnu/store/a-system", {})
ONE = generation(2, "/gnu/store/b-system", {"supertest": 1, "other": 4}, running=True)
TWO = generation(3, "/gnu/store/c-system", {"supertest": 2, "other": 4}, selected=True)
STORE = {"there": "/gnu/store/b-system", "here": "/gnu/store/a-system"}


def test_each_is_held_against_what_is_selected_and_what_runs() -> None:
    found = compared([BARE, ONE, TWO])
    assert (found["selected"], found["running"], found["same"]) == (3, 2, False)
    assert found["generations"]["2"]["against_running"] == {}
    assert found["generations"]["2"]["against_selected"] == {
        "plugins": {"supertest": {"there": 2, "here": 1}},
        "store_item": {"there": "/gnu/store/c-system", "here": "/gnu/store/b-system"},
    }
    assert found["generations"]["1"]["against_running"] == {
        "plugins": {
            "other": {"there": 4, "here": None},
            "supertest": {"there": 1, "here": None},
        },
        "store_item": STORE,
    }


def test_whatever_else_a_node_lists_of_a_generation_is_compared_too() -> None:
    other = {**BARE, "channels": {"guix": "abc"}, "kernel": "6.1"}
    found = compared([other, ONE])["generations"]["1"]["against_running"]
    assert found["kernel"] == {"there": None, "here": "6.1"}
    assert found["channels"] == {"there": None, "here": {"guix": "abc"}}


def test_the_order_of_the_list_does_not_matter() -> None:
    one, other = compared([BARE, ONE, TWO]), compared([TWO, ONE, BARE])
    assert json.dumps(one) == json.dumps(other)


def test_a_node_on_which_nothing_runs_yet() -> None:
    found = compared([BARE, {**TWO}])
    assert (found["selected"], found["running"]) == (3, None)
    assert set(found["generations"]["1"]) == {"against_selected"}


@pytest.mark.parametrize(
    "listed", [{}, {"generations": 3}, {"generations": [{}]}, {"generations": ["x"]}, None, []]
)
def test_what_is_no_list_of_generations_is_told(listed: Any) -> None:
    assert "no list of generations" in comparison(listed)["unanswered"]


def test_a_list_that_was_not_answered_has_no_comparison() -> None:
    assert comparison({"unanswered": "Unreachable: n1"}) == {"unanswered": "Unreachable: n1"}


JOB = {
    "job": "rollout-1",
    "generation": 3,
    "state": "failed",
    "migrations": {"up": ["a-1", "b-2"], "down": ["c-3"]},
    "error": {"code": "migration_failed", "message": "no", "details": {}},
    "log": ["preparing: x", "failed: no"],
}


def test_the_migrations_of_a_job_are_in_the_order_they_run_in() -> None:
    (found,) = migrated([JOB])
    assert found["migrations"] == [["down", "c-3"], ["up", "a-1"], ["up", "b-2"]]
    assert (found["state"], found["exit_status"]) == ("failed", 1)
    assert found["error"]["code"] == "migration_failed"
    assert found["output"] == ["preparing: x", "failed: no"]


def test_a_job_that_has_not_ended_has_no_exit_status() -> None:
    states = {"done": 0, "aborted": 1, "migrating": None}
    told = migrated({"job": "j", "state": state} for state in states)
    assert [one["exit_status"] for one in told] == list(states.values())
    assert all(one["migrations"] == [] for one in told)


class _Place:
    name = "n1"


class Answering(LiveNode):
    """A node that answers admin methods with these, and nothing else."""

    def __init__(self, answers: dict[str, Any]) -> None:
        key = Key.from_hex("1" * 64)
        super().__init__(_Place(), key, key.public)  # type: ignore[arg-type]
        self.answers = answers

    async def admin(
        self, method: str, params: dict[str, Any] | None = None, limit_s: float | None = None
    ) -> dict[str, Any]:
        job = (params or {}).get("job")
        answer = self.answers.get(method if job is None else f"{method} {job}")
        if answer is None:
            raise AdminError("unknown_job", "no such job", {}, 404)
        if isinstance(answer, Exception):
            raise answer
        found: dict[str, Any] = answer
        return found

    async def ask(self, ask: Any) -> Answer:
        return Answer(200, {"result": {"version": 1, "tables": {"supertest_cases": ["id"]}}})

    async def links(self) -> tuple[int, int]:
        return 3, 2

    async def view(self, run_id: str) -> tuple[None, None]:
        return None, None


def files(node: LiveNode, folder: Path) -> dict[str, Any]:
    asyncio.run(keep({"n1": node}, folder, "run"))
    return {file.name: json.loads(file.read_text()) for file in (folder / "n1").iterdir()}


def test_the_jobs_that_were_begun_are_asked_for(tmp_path: Path) -> None:
    node = Answering(
        {
            "generations.list": {"generations": [BARE, ONE, TWO]},
            "rollout.status rollout-1": JOB,
        }
    )
    node.jobs.update({"rollout-1": None, "rollout-9": None})
    found = files(node, tmp_path)
    assert found["comparison.json"] == compared([BARE, ONE, TWO])
    assert found["schema.json"] == {"version": 1, "tables": {"supertest_cases": ["id"]}}
    assert found["migrations.json"] == {"jobs": migrated([JOB])}
    assert "unanswered" in found["status.json"]


def test_a_node_that_is_gone_is_told_in_each_file_and_its_disk_has_its_jobs(
    tmp_path: Path,
) -> None:
    node = Answering({"rollout.status rollout-1": Unreachable("n1 is down.")})
    node.jobs["rollout-1"] = None
    found = files(node, tmp_path)
    assert found["migrations.json"] == {"unanswered": "Unreachable: n1 is down."}
    add_jobs(tmp_path / "n1", [JOB])
    after = json.loads((tmp_path / "n1" / "migrations.json").read_text())
    assert after == {"jobs": migrated([JOB]), "unanswered": "Unreachable: n1 is down."}
    add_jobs(tmp_path / "n1", [JOB])
    assert json.loads((tmp_path / "n1" / "migrations.json").read_text()) == after
