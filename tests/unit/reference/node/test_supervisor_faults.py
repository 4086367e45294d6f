"""Deployments that fail or are interrupted: all as it was before, or done."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from one_machine import Machine, broken, live, prepared, without_log

from syncmodel.reference.node.faults import RAISING
from syncmodel.reference.node.jobs import Job
from syncmodel.reference.node.migrations import MIGRATIONS
from syncmodel.reference.node.supervisor import Supervisor


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return prepared(tmp_path)


@pytest.mark.parametrize("way", [(1, 2), (1, 3), (2, 3)])
def test_a_rollout_whose_application_does_not_come_up_is_undone(
    root: Path, way: tuple[int, int]
) -> None:
    start, target = way

    async def test(machine: Machine) -> None:
        if start != 1:
            await machine.job("rollout.start", generation=start)
            machine.execute("INSERT INTO supertest_cases VALUES ('r/c1', 'r', 't', 0, 0, 0)")
        before = machine.snapshot()
        machine.application.fails_in = {target}
        failed = await machine.job("rollout.start", generation=target)
        assert failed["state"] == "failed"
        assert failed["error"]["code"] == "application_failed"
        assert "last line" in failed["error"]["message"]
        assert (failed["selected"], failed["running"]) == (start, start)
        assert without_log(machine.snapshot()) == without_log(before)
        assert machine.application.state == "running"
        machine.application.fails_in = set()
        assert (await machine.job("rollout.start", generation=target))["state"] == "done"

    live(root, test)


def test_a_disabled_plugins_rows_outlive_a_rollout_that_is_undone(root: Path) -> None:
    """Only what the rollout did itself is undone, and it made no table."""

    async def test(machine: Machine) -> None:
        await machine.job("rollout.start", generation=2)
        await machine.job("plugins.disable", plugin="supertest")
        machine.execute("INSERT INTO supertest_cases VALUES ('r/c1', 'r', 't', 0, 0, 0)")
        before = machine.snapshot()
        machine.application.fails_in = {3}
        assert (await machine.job("rollout.start", generation=3))["state"] == "failed"
        assert machine.snapshot() == before

    live(root, test)


def test_a_rollback_whose_application_does_not_come_up_is_not_half_a_switch(root: Path) -> None:
    async def test(machine: Machine) -> None:
        await machine.job("rollout.start", generation=2)
        machine.application.fails_in = {1}
        failed = await machine.job("rollout.rollback", generation=1)
        assert failed["error"]["code"] == "application_failed"
        # What it dropped can't be had back, so it stays where it is.
        assert (failed["selected"], failed["running"]) == (1, 1)
        assert machine.tables() == set()

    live(root, test)


def test_the_way_back_goes_on_after_the_supervisor_was_killed_on_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dead(BaseException):
        pass

    async def killed(machine: Machine) -> None:
        machine.application.fails_in = {2}

        def dies(supervisor: Supervisor, job: Job) -> None:
            raise Dead

        monkeypatch.setattr(Supervisor, "_switch_back", dies)
        with contextlib.suppress(Dead):
            await machine.ask("rollout.start", generation=2)
            await machine.supervisor.job_ended()
        monkeypatch.undo()

    async def again(machine: Machine) -> None:
        status = await machine.ask("rollout.status", job="rollout-1")
        assert (status["state"], status["error"]["code"]) == ("failed", "application_failed")
        assert (status["selected"], status["running"]) == (1, 1)
        assert machine.tables() == set()
        assert machine.application.state == "running"

    live(root, killed)
    live(root, again)


# What a rollback dropped can't be had back, so none is undone.
UNDONE = [
    (fault, way)
    for fault in (*RAISING, "aborted")
    for way in [(1, 3), (3, 1), (2, 3), (3, 2), (2, 1)]
    if fault != "activation-fails" or way[0] < way[1]
]


@pytest.mark.parametrize(("fault", "way"), UNDONE)
def test_a_deployment_that_meets_a_fault_leaves_all_as_it_was(
    root: Path, fault: str, way: tuple[int, int]
) -> None:
    start, target = way

    async def test(machine: Machine) -> None:
        if start != 1:
            await machine.job("rollout.start", generation=start)
        before = machine.snapshot()
        await machine.ask("fault.arm", fault=fault)
        method = "rollout.start" if start < target else "rollout.rollback"
        job = (await machine.ask(method, generation=target))["job"]
        if fault == "aborted":
            assert (await machine.ask("fault.held", limit_s=20))["held"]
            await machine.ask("rollout.abort", job=job)
        ended = await machine.ask("rollout.status", job=job, wait={"limit_s": 20})
        code = {
            "migration-fails": ("failed", "migration_failed"),
            "disk-full": ("failed", "disk_full"),
            "activation-fails": ("failed", "application_failed"),
            "aborted": ("aborted", "aborted"),
        }[fault]
        assert (ended["state"], ended["error"]["code"]) == code
        assert (await machine.ask("fault.disarm"))["met"]
        assert without_log(machine.snapshot()) == without_log(before)
        assert machine.application.state == "running"
        # And the next one meets nothing.
        assert (await machine.job(method, generation=target))["state"] == "done"

    live(root, test)


@pytest.mark.parametrize("name", [one.name for one in MIGRATIONS])
def test_an_undone_rollout_is_undone_from_each_position(root: Path, name: str) -> None:
    async def test(machine: Machine) -> None:
        before = machine.snapshot()
        failed = await machine.job("rollout.start", generation=4)
        assert failed["error"]["code"] == "migration_failed"
        assert machine.snapshot() == before

    live(root, test, pieces=broken(name))


def test_an_abort_comes_too_late_once_the_job_commits(root: Path) -> None:
    async def test(machine: Machine) -> None:
        await machine.ask("fault.arm", fault="killed-after-commit")
        job = (await machine.ask("rollout.start", generation=2))["job"]
        assert (await machine.ask("fault.held", limit_s=20))["held"]
        refused = await machine.refused("rollout.abort", job=job)
        assert (refused["code"], refused["status"]) == ("too_late", 409)
        await machine.ask("fault.disarm")
        done = await machine.ask("rollout.status", job=job, wait={"limit_s": 20})
        assert done["state"] == "done"
        assert (await machine.refused("rollout.abort", job=job))["code"] == "too_late"
        assert (await machine.refused("rollout.abort", job="rollout-9"))["code"] == "unknown_job"

    live(root, test)


def test_a_fault_that_there_is_none_of_and_one_that_nothing_meets(root: Path) -> None:
    async def test(machine: Machine) -> None:
        refused = await machine.refused("fault.arm", fault="flood")
        assert (refused["code"], refused["status"]) == ("unknown_fault", 404)
        await machine.ask("fault.arm", fault="aborted")
        assert not (await machine.ask("fault.held", limit_s=0.01))["held"]
        assert not (await machine.ask("fault.disarm"))["met"]
        assert (await machine.job("rollout.start", generation=2))["state"] == "done"

    live(root, test)
