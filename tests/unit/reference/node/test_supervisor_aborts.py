"""An abort in each state of a job: until it commits all is as before, from then on it comes too
late."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from one_machine import Machine, live, prepared, without_log

from syncmodel.reference.node.deployment import RefusedError
from syncmodel.reference.node.jobs import Job, JobStore

EARLY = ("preparing", "building", "migrating")
LATE = ("committing", "restarting", "reverting")
WAYS = [(1, 2), (1, 3), (2, 3), (3, 1), (3, 2), (2, 1)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return prepared(tmp_path)


async def aborted_in(
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    way: tuple[int, int],
    **options: object,
) -> tuple[dict[str, Any], list[str]]:
    """How a job from one generation to the other ends that is aborted as soon as it is in this
    state, and what was answered to that."""
    save, loop, said = JobStore.save, asyncio.get_running_loop(), list[str]()

    def abort(name: str) -> None:
        try:
            machine.supervisor.abort(name)
            said.append("taken")
        except RefusedError as refused:
            said.append(refused.code)

    def save_and_abort(self: JobStore, job: Job) -> Job:
        saved = save(self, job)
        if job.state == state and not said:
            # What is written in a thread is so under the lock that an abort waits for, and before
            # a job is launched there is nobody who could hear of it.
            if job.state in ("building", "migrating"):
                abort(job.name)
            else:
                loop.call_soon_threadsafe(abort, job.name)
        return saved

    start, target = way
    method = "rollout.start" if start < target else "rollout.rollback"
    with monkeypatch.context() as patched:
        patched.setattr(JobStore, "save", save_and_abort)
        ended = await machine.job(method, generation=target, **options)
    return ended, said


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("state", EARLY)
def test_until_it_commits_an_abort_leaves_all_as_it_was(
    root: Path, monkeypatch: pytest.MonkeyPatch, state: str, way: tuple[int, int]
) -> None:
    async def test(machine: Machine) -> None:
        start, target = way
        if start != 1:
            await machine.job("rollout.start", generation=start)
        before = machine.snapshot()
        ended, said = await aborted_in(machine, monkeypatch, state, way)
        assert said == ["taken"]
        assert (ended["state"], ended["error"]["code"]) == ("aborted", "aborted")
        assert (ended["selected"], ended["running"]) == (start, start)
        assert without_log(machine.snapshot()) == without_log(before)
        assert machine.application.state == "running"
        method = "rollout.start" if start < target else "rollout.rollback"
        assert (await machine.job(method, generation=target))["state"] == "done"

    live(root, test)


@pytest.mark.parametrize(
    ("state", "way"),
    # A rollback is not undone.
    [(state, way) for state in LATE for way in WAYS if state != "reverting" or way[0] < way[1]],
)
def test_from_its_commit_on_an_abort_comes_too_late_and_changes_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch, state: str, way: tuple[int, int]
) -> None:
    start, target = way

    async def test(machine: Machine) -> None:
        if start != 1:
            await machine.job("rollout.start", generation=start)
        if state == "reverting":
            machine.application.fails_in = {target}
        ended, said = await aborted_in(machine, monkeypatch, state, way)
        assert said == ["too_late"]
        there = start if state == "reverting" else target
        assert ended["state"] == ("failed" if state == "reverting" else "done")
        assert (ended["selected"], ended["running"]) == (there, there)
        assert machine.application.state == "running"

    live(root, test)


@pytest.mark.parametrize(
    ("state", "end", "selected"),
    [("preparing", "aborted", 1), ("building", "aborted", 1), ("committing", "done", 2)],
)
def test_a_job_that_waits_for_the_boot_is_aborted_until_it_is_selected(
    root: Path, monkeypatch: pytest.MonkeyPatch, state: str, end: str, selected: int
) -> None:
    async def test(machine: Machine) -> None:
        before = machine.snapshot()
        ended, said = await aborted_in(machine, monkeypatch, state, (1, 2), at_boot=True)
        assert said == ["taken" if end == "aborted" else "too_late"]
        assert (ended["state"], ended["selected"], ended["running"]) == (end, selected, 1)
        assert machine.snapshot()[1:] == before[1:]

    live(root, test)
