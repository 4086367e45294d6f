"""What a machine selects and boots, and what only a boot can replace."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from one_machine import Machine, broken, live, prepared

from syncmodel.reference.node.generations import Generation, Generations
from syncmodel.reference.node.jobs import JobStore, State
from syncmodel.reference.node.layout import Layout
from syncmodel.reference.node.supervisor_pieces import SupervisorPieces


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return prepared(tmp_path)


def chosen(root: Path, *selections: int, pieces: SupervisorPieces | None = None) -> None:
    """Roll out to generation 2, then select these for the next boot."""

    async def test(machine: Machine) -> None:
        await machine.job("rollout.start", generation=2)
        for number in selections:
            before = machine.tables(), machine.application.calls[:]
            method = "rollout.start" if number > 2 else "rollout.rollback"
            done = await machine.job(method, generation=number, at_boot=True)
            assert (done["state"], done["selected"], done["running"]) == ("done", number, 2)
            assert (done["at_boot"], done["migrations"]) == (True, {"up": [], "down": []})
            assert (machine.tables(), machine.application.calls) == before

    live(root, test, pieces=pieces)


@pytest.mark.parametrize("number", [1, 3])
def test_what_is_selected_is_migrated_to_before_it_runs(root: Path, number: int) -> None:
    chosen(root, number)

    async def test(machine: Machine) -> None:
        assert machine.application.calls == [f"start {number}"]
        assert (machine.generations.selected(), machine.generations.running()) == (number, number)
        there = {"supertest_cases", "supertest_events"} if number > 1 else set()
        assert machine.tables() == there
        (job,) = [job for job in JobStore(machine.layout.jobs).load() if job.kind == "boot"]
        assert (job.state, job.target, job.previous) == ("done", number, 2)

    live(root, test)


def test_what_was_selected_and_is_not_any_more_is_not_booted(root: Path) -> None:
    chosen(root, 1, 2)

    async def test(machine: Machine) -> None:
        assert machine.application.calls == ["start 2"]
        assert [job.kind for job in JobStore(machine.layout.jobs).load()].count("boot") == 0

    live(root, test)


@pytest.mark.parametrize(
    ("number", "name"), [(3, "supertest-2-severity"), (1, "supertest-1-cases")]
)
def test_a_boot_that_can_t_migrate_runs_what_ran(root: Path, number: int, name: str) -> None:
    pieces = broken(name, "up" if number > 2 else "down")
    chosen(root, number, pieces=pieces)

    async def test(machine: Machine) -> None:
        assert machine.application.calls == ["start 2"]
        assert (machine.generations.selected(), machine.generations.running()) == (2, 2)
        assert machine.tables() == {"supertest_cases", "supertest_events"}
        (job,) = [job for job in JobStore(machine.layout.jobs).load() if job.kind == "boot"]
        assert job.error is not None
        assert (job.state, job.error["code"]) == ("failed", "migration_failed")

    live(root, test, pieces=pieces)


def test_a_restart_of_the_application_runs_what_ran(root: Path) -> None:
    chosen(root)

    async def test(machine: Machine) -> None:
        await machine.job("rollout.start", generation=3, at_boot=True)
        await machine.ask("restart")
        assert machine.application.calls == ["start 2", "stop", "start 2"]

    live(root, test)


@pytest.mark.parametrize("state", ["preparing", "building", "committing"])
def test_a_selection_goes_on_after_the_machine_died_in_it(root: Path, state: State) -> None:
    chosen(root)
    store = JobStore(Layout(root).jobs)
    job = attrs.evolve(store.load()[-1], number=9, target=3, previous=2, at_boot=True)
    store.save(attrs.evolve(job, state=state))

    async def test(machine: Machine) -> None:
        assert machine.application.calls == ["start 3"]

    live(root, test)


def test_another_supervisor_waits_for_the_boot(root: Path) -> None:
    chosen(root)
    generations = Generations(Layout(root))
    generations.install(Generation(4, {"supertest": 2}, supervisor=2))
    generations.install(Generation(1, {}, supervisor=2))

    async def test(machine: Machine) -> None:
        preview = await machine.ask("rollout.preview", generation=4)
        reasons = ["supervisor: version 1 runs, and 2 is needed"]
        assert (preview["reboot_required"], preview["reboot_reasons"]) == (True, reasons)
        done = await machine.job("rollout.start", generation=4)
        assert (done["state"], done["at_boot"]) == ("done", True)
        assert (done["selected"], done["running"]) == (4, 2)
        assert machine.application.calls == ["start 2"]
        # A boot would run the migrations that a disable must not run.
        for method in ("plugins.disable", "plugins.uninstall"):
            refused = await machine.refused(method, plugin="supertest", confirm_data_loss=True)
            assert (refused["code"], refused["status"]) == ("reboot_required", 409)
            assert refused["details"] == {"reboot_reasons": reasons}

    async def after(machine: Machine) -> None:
        assert machine.application.calls == ["start 4"]
        preview = await machine.ask("rollout.preview", generation=1)
        assert not preview["reboot_required"]

    live(root, test)
    live(root, after)


def test_at_boot_is_true_or_false(root: Path) -> None:
    async def test(machine: Machine) -> None:
        for method in ("rollout.start", "rollout.rollback"):
            error = await machine.refused(method, generation=1, at_boot="yes")
            assert error["code"] == "malformed"

    live(root, test)
