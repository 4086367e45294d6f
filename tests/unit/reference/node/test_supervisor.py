"""The supervisor with an application that is only a word, and a store that is real."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import attrs
import pytest
from one_machine import Machine, broken, killed, live, prepared

from syncmodel.reference.node import bugs, migrations
from syncmodel.reference.node.control import serve_control
from syncmodel.reference.node.generations import Generations
from syncmodel.reference.node.jobs import Job, JobStore
from syncmodel.reference.node.layout import Layout
from syncmodel.reference.node.migrations import MIGRATIONS
from syncmodel.reference.node.supervisor import KEPT_JOBS
from syncmodel.reference.node.supervisor_pieces import SupervisorPieces


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return prepared(tmp_path)


def test_rollouts_and_the_way_back(root: Path) -> None:
    async def test(machine: Machine) -> None:
        done = await machine.job("rollout.start", generation=2)
        assert (done["state"], done["selected"], done["running"]) == ("done", 2, 2)
        assert machine.tables() == {"supertest_cases", "supertest_events"}
        await machine.job("rollout.start", plugins={"supertest": 2})
        with machine.store() as store:
            assert migrations.installed(store) == {"supertest": 2}
        machine.execute("INSERT INTO entries VALUES (30101, 'e', 'me', 9, 1, 'id', '{}')")
        back = await machine.job("rollout.rollback", generation=1)
        assert (back["state"], back["selected"], back["running"]) == ("done", 1, 1)
        assert machine.tables() == set()
        with machine.store() as store:
            meta = dict(store.execute("SELECT key, value FROM meta"))
            assert meta == {"log_id": "new", "position": 0}
            assert store.execute("SELECT * FROM entries").fetchall() == []

    live(root, test)


def test_up_migrations_come_before_the_stop_and_the_switch_after(root: Path) -> None:
    async def test(machine: Machine) -> None:
        seen: list[object] = []
        machine.application.at_stop = lambda: seen.append(
            (
                machine.tables() != set(),
                machine.generations.selected(),
                machine.generations.running(),
            )
        )
        await machine.job("rollout.start", generation=2)
        assert seen == [(True, 2, 1)]
        assert machine.application.calls == ["start 1", "stop", "start 2"]
        # Going back it is stopped before the tables go.
        await machine.job("rollout.rollback", generation=1)
        assert seen[1:] == [(True, 2, 2)]
        assert machine.application.calls[3:] == ["stop", "start 1"]

    live(root, test)


def test_what_the_old_application_noted_last_is_forgotten_too(root: Path) -> None:
    async def test(machine: Machine) -> None:
        machine.application.at_stop = lambda: machine.execute(
            "INSERT INTO cursors VALUES ('n2', 'log', 12)"
        )
        await machine.job("rollout.start", generation=2)
        with machine.store() as store:
            assert store.execute("SELECT * FROM cursors").fetchall() == []

    live(root, test)


@pytest.mark.parametrize("name", [migration.name for migration in MIGRATIONS])
def test_a_failing_up_migration_changes_nothing(root: Path, name: str) -> None:
    async def test(machine: Machine) -> None:
        before = machine.snapshot()
        failed = await machine.job("rollout.start", generation=4)
        assert failed["state"] == "failed"
        assert failed["error"]["code"] == "migration_failed"
        assert "nowhere" in failed["error"]["message"]
        assert machine.snapshot() == before
        assert machine.application.calls == ["start 1"]  # it was never stopped

    live(root, test, pieces=broken(name))


def test_a_failing_down_migration_changes_nothing_and_the_application_is_back(root: Path) -> None:
    async def to_2(machine: Machine) -> None:
        await machine.job("rollout.start", generation=2)

    async def test(machine: Machine) -> None:
        before = machine.snapshot()
        failed = await machine.job("rollout.rollback", generation=1)
        assert failed["state"] == "failed"
        assert machine.snapshot() == before
        assert machine.application.calls == ["start 2", "stop", "start 2"]

    live(root, to_2, pieces=broken("supertest-1-cases", "down"))
    live(root, test)


def test_an_application_that_was_down_is_not_started_by_a_failure(root: Path) -> None:
    async def test(machine: Machine) -> None:
        await machine.application.kill()
        await machine.job("rollout.start", generation=2)
        assert machine.application.state == "stopped"

    live(root, test, pieces=broken("supertest-1-events"))


def test_a_commit_that_fails_rolls_the_tables_back(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(machine: Machine) -> None:
        before = machine.snapshot()
        with monkeypatch.context() as patched:

            def full(*_: object) -> None:
                raise OSError(28, "No space left on device")

            patched.setattr(Generations, "select", full)
            failed = await machine.job("rollout.start", generation=2)
        assert failed["state"] == "failed"
        assert "No space left" in failed["error"]["message"]
        assert machine.snapshot() == before

    live(root, test)


def test_missing_substitutes_end_a_rollout_early(root: Path) -> None:
    async def test(machine: Machine) -> None:
        machine.layout.substitutes.parent.mkdir()
        machine.layout.substitutes.write_text(json.dumps(["system-2", "system-3", "supertest-1"]))
        before = machine.snapshot()
        ended = await machine.job("rollout.start", generation=3)
        assert ended["state"] == "aborted"
        assert ended["error"]["code"] == "missing_substitutes"
        assert ended["error"]["details"] == {"missing": ["supertest-2"]}
        assert machine.snapshot() == before
        assert machine.application.calls == ["start 1"]
        preview = await machine.ask("rollout.preview", generation=3)
        assert preview["substitutes"] == {"available": ["system-3"], "missing": ["supertest-2"]}
        assert (await machine.job("rollout.start", generation=2))["state"] == "done"
        # What was there before needs no substitutes to go back to.
        machine.layout.substitutes.write_text("[]")
        assert (await machine.job("rollout.rollback", generation=1))["state"] == "done"

    live(root, test)


def test_preview(root: Path) -> None:
    async def test(machine: Machine) -> None:
        assert await machine.ask("rollout.preview", generation=2) == {
            "generation": 2,
            "channel_delta": {
                "from": {},
                "to": {"supertest": 1},
                "channels": [],
                "pull": False,
            },
            "incompatible": [],
            "migrations": {"up": ["supertest-1-cases", "supertest-1-events"], "down": []},
            "substitutes": {"available": ["system-2", "supertest-1"], "missing": []},
            "restart_required": True,
            "reboot_required": False,
            "reboot_reasons": [],
        }
        await machine.job("rollout.start", generation=3)
        back = await machine.ask("rollout.preview", generation=2)
        assert back["migrations"] == {
            "up": [],
            "down": ["supertest-2-text", "supertest-2-severity"],
        }
        assert not (await machine.ask("rollout.preview", generation=3))["restart_required"]

    live(root, test)


def test_refusals(root: Path) -> None:
    async def test(machine: Machine) -> None:
        unknown = await machine.refused("rollout.start", generation=9)
        assert (unknown["code"], unknown["status"]) == ("unknown_generation", 404)
        assert (await machine.refused("rollout.preview", plugins={"x": 1}))["status"] == 404
        assert (await machine.refused("rollout.status", job="x"))["code"] == "unknown_job"
        assert (await machine.refused("plugins.disable", plugin="x"))["code"] == "no_plugin"
        assert (await machine.refused("nonsense"))["code"] == "unknown_method"
        for params in ({}, {"generation": True}, {"generation": "2"}, {"plugins": ["x"]}):
            assert (await machine.refused("rollout.start", **params))["code"] == "malformed"
        waits: list[object] = [[], {"limit_s": "1"}, {"limit_s": True}]
        for wait in waits:
            error = await machine.refused("rollout.status", job="x", wait=wait)
            assert error["code"] == "malformed"
        assert not (await machine.control.call("status", []))["ok"]
        assert not (await machine.control.call({}, {}))["ok"]

    live(root, test)


def test_one_job_at_a_time(root: Path) -> None:
    async def test(machine: Machine) -> None:
        first = await machine.ask("rollout.start", generation=2)
        second = await machine.refused("rollout.rollback", generation=1)
        assert (second["code"], second["status"]) == ("job_running", 409)
        assert (await machine.ask("status"))["job"] == first["job"]
        done = await machine.ask("rollout.status", job=first["job"], wait={"limit_s": 20})
        assert done["state"] == "done"
        assert (await machine.job("rollout.rollback", generation=1))["state"] == "done"

    live(root, test)


def test_disable_keeps_the_data_and_uninstall_says_what_it_drops(root: Path) -> None:
    async def test(machine: Machine) -> None:
        await machine.job("rollout.start", generation=3)
        machine.execute("INSERT INTO supertest_cases VALUES ('r/c1', 'r', 't', 1, 1, 1, 'normal')")
        off = await machine.job("plugins.disable", plugin="supertest")
        assert (off["state"], off["running"]) == ("done", 1)
        there = ["supertest_cases", "supertest_events"]
        assert machine.tables() == set(there)
        assert await machine.ask("store.tables", plugin="supertest") == {"tables": there}
        assert await machine.ask("store.tables", plugin="super") == {"tables": []}
        # Back on at another version: the plan starts from the tables, not from what ran.
        preview = await machine.ask("rollout.preview", generation=2)
        assert preview["migrations"] == {
            "up": [],
            "down": ["supertest-2-text", "supertest-2-severity"],
        }
        warned = await machine.refused("plugins.uninstall", plugin="supertest")
        assert warned["code"] == "data_loss_unconfirmed"
        assert warned["details"]["rows_lost"] == {"supertest_cases": 1, "supertest_events": 0}
        gone = await machine.job("plugins.uninstall", plugin="supertest", confirm_data_loss=True)
        assert (gone["state"], gone["running"]) == ("done", 1)
        assert machine.tables() == set()

    live(root, test)


STATES = ("preparing", "building", "migrating", "committing", "restarting")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("before_write", [True, False])
@pytest.mark.parametrize("way", [(1, 3), (3, 1)])
def test_a_job_goes_on_after_the_supervisor_was_killed_at_any_transition(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    before_write: bool,
    way: tuple[int, int],
) -> None:
    start, target = way
    kind = "rollout" if start < target else "rollback"

    async def prepare(machine: Machine) -> None:
        if start != 1:
            await machine.job("rollout.start", generation=start)

    async def dies(machine: Machine) -> None:
        method = f"rollout.{'start' if kind == 'rollout' else kind}"
        await killed(machine, monkeypatch, method, target, state=state, before_write=before_write)

    async def again(machine: Machine) -> None:
        unheard_of = state == "preparing" and before_write
        expected = start if unheard_of else target
        assert machine.generations.selected() == machine.generations.running() == expected
        assert machine.application.state == "running"
        plugins = machine.generations.get(expected).plugins
        with machine.store() as store:
            assert migrations.installed(store) == plugins
        assert (await machine.ask("status"))["job"] is None
        if expected == target:
            job = "rollout-1" if start == 1 else "rollback-2"
            done = await machine.ask("rollout.status", job=job)
            assert done["state"] == "done"

    live(root, prepare)
    live(root, dies)
    live(root, again)


def test_after_a_kill_between_the_link_and_the_tables_both_are_new(root: Path) -> None:
    """The one moment at which the link is ahead: the transaction was open and went with us."""
    layout = Layout(root)
    ran = migrations.plan({}, {"supertest": 1})
    job = Job(1, "rollout", target=2, previous=1, was_up=True, ran=ran, state="committing")
    JobStore(layout.jobs).save(job)
    Generations(layout).select(2)

    async def test(machine: Machine) -> None:
        assert machine.tables() == {"supertest_cases", "supertest_events"}
        assert machine.application.calls == ["start 2"]

    live(root, test)


def test_a_machine_boots_what_is_selected(root: Path) -> None:
    Generations(Layout(root)).select(2)

    async def test(machine: Machine) -> None:
        assert machine.application.calls == ["start 2"]

    live(root, test)


def test_a_waiting_status_returns_at_the_end_and_not_before(root: Path) -> None:
    async def test(machine: Machine) -> None:
        stopping, gate = asyncio.Event(), asyncio.Event()
        stop = machine.application.stop

        async def slow_stop() -> None:
            stopping.set()
            await gate.wait()
            await stop()

        machine.application.stop = slow_stop  # type: ignore[method-assign]
        job = (await machine.ask("rollout.start", generation=2))["job"]
        await stopping.wait()
        still = await machine.ask("rollout.status", job=job, wait={"limit_s": 0.05})
        assert still["state"] == "restarting"
        waiting = asyncio.ensure_future(
            machine.ask("rollout.status", job=job, wait={"limit_s": 20})
        )
        await machine.ask("status")
        assert not waiting.done()
        gate.set()
        assert (await waiting)["state"] == "done"

    live(root, test)


def test_planted_rollback_leaves_table(root: Path) -> None:
    async def test(machine: Machine) -> None:
        await machine.job("rollout.start", generation=2)
        await machine.job("rollout.rollback", generation=1)
        assert machine.tables() == {"supertest_cases", "supertest_events"}
        assert machine.generations.running() == 1

    live(root, test, pieces=SupervisorPieces(rollback_migrations=lambda _: ()))


def test_planted_rollback_replays_plan(root: Path) -> None:
    async def test(machine: Machine) -> None:
        await machine.job("rollout.start", generation=2)
        back = await machine.job("rollout.rollback", generation=1)
        assert back["state"] == "done"
        assert machine.generations.running() == 2

    live(root, test, pieces=SupervisorPieces(after_rollback=lambda _, last: last))


def test_planted_half_switch_after_a_failure(root: Path) -> None:
    pieces = attrs.evolve(
        broken("supertest-1-cases"), selected_after_failure=lambda _, target: target
    )

    async def test(machine: Machine) -> None:
        await machine.job("rollout.start", generation=2)
        assert (machine.generations.selected(), machine.generations.running()) == (2, 1)

    live(root, test, pieces=pieces)


def test_the_control_socket(root: Path) -> None:
    async def test(machine: Machine) -> None:
        path = machine.layout.control_socket
        async with await serve_control(machine.control, path):
            reader, writer = await asyncio.open_unix_connection(path)

            async def ask(line: bytes) -> dict[str, Any]:
                writer.write(line + b"\n")
                answer: dict[str, Any] = json.loads(await reader.readline())
                return answer

            assert (await ask(b'{"method": "status"}'))["result"]["selected"] == 1
            for bad in (b"{", b"[]", b"7", b"\xff", b"", b'{"method": 3}', b"[" * 100_000):
                assert (await ask(bad))["ok"] is False
            listed = await ask(b'{"method": "generations.list", "params": {}}')
            assert [g["number"] for g in listed["result"]["generations"]] == [1, 2, 3, 4]
            assert [g["selected"] for g in listed["result"]["generations"]] == [
                True,
                False,
                False,
                False,
            ]
            writer.close()
            await writer.wait_closed()

    live(root, test)


def test_a_fallen_application_is_told_once_no_job_starts_it_again(root: Path) -> None:
    async def main(machine: Machine) -> None:
        telling = asyncio.create_task(machine.ask("fallen"))
        machine.application.fell.set()  # in a job that brings it up again
        await machine.job("rollout.start", generation=2)
        assert not telling.done()
        await machine.application.kill()
        machine.application.fell.set()
        assert await telling == {"why": "was ended by signal 9"}

    live(root, main)


def test_who_waits_for_a_job_may_go_away(root: Path) -> None:
    async def main(machine: Machine) -> None:
        started = await machine.ask("rollout.start", generation=2)
        waiting = asyncio.create_task(machine.supervisor.job_ended())
        await asyncio.sleep(0)
        waiting.cancel()
        ended = await machine.ask("rollout.status", job=started["job"], wait={"limit_s": 20})
        assert ended["state"] == "done"

    live(root, main)


def test_old_jobs_are_forgotten_and_the_numbers_go_on(root: Path) -> None:
    async def main() -> None:
        machine = Machine(root)
        for number in range(1, KEPT_JOBS + 6):
            job = machine.supervisor.begin("rollout" if number % 2 else "rollback", 1 + number % 2)
            assert job.number == number
            await machine.supervisor.job_ended()
        kept = JobStore(machine.layout.jobs).load()
        assert [job.number for job in kept] == list(range(6, KEPT_JOBS + 6))
        assert (await machine.refused("rollout.status", job="rollout-1"))["code"] == "unknown_job"
        assert (await machine.ask("rollout.status", job=kept[0].name))["state"] == "done"

    asyncio.run(main())


def test_a_renamed_table_is_listed_after_every_rollback(root: Path) -> None:
    async def test(machine: Machine) -> None:
        for _ in range(2):
            assert (await machine.job("rollout.start", generation=3))["state"] == "done"
            assert (await machine.job("rollout.rollback", generation=1))["state"] == "done"
            listed = await machine.ask("store.tables", plugin="supertest")
            assert listed == {"tables": ["supertest_events_old"]}

    live(root, test, pieces=bugs.supervisor_pieces(["rollback-keeps-old-table"]))


@pytest.mark.parametrize(("planted", "last"), [((), 2), (("boots-one-further-back",), 1)])
def test_a_started_application_runs_what_ran(
    root: Path, planted: tuple[str, ...], last: int
) -> None:
    async def test(machine: Machine) -> None:
        await machine.job("rollout.start", generation=3)
        assert (await machine.ask("restart"))["running"] == 3
        await machine.job("rollout.rollback", generation=2)
        await machine.ask("kill")
        assert (await machine.ask("start"))["running"] == last
        assert machine.application.calls[-1] == f"start {last}"

    live(root, test, pieces=bugs.supervisor_pieces(planted))
