"""Real machines of this computer: up, reachable, and gone whatever happens to the tester."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import asyncssh
import pytest

from syncmodel.errors import BootError, TransportError, UsageError
from syncmodel.reference.machines.local import LocalCluster, LocalMachine, LocalMachines
from syncmodel.reference.machines.remote_control import ControlRefusedError
from syncmodel.transport import ssh

#: It starts many processes.
pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
MARK = "SYNCMODEL_TEST_PROCESSES"
# Everything must be gone this long after the tester.
GONE_LIMIT_S = 2.0


@pytest.fixture(autouse=True)
def mark(monkeypatch: pytest.MonkeyPatch) -> str:
    """Processes that this test started, and theirs, have this in their environment."""
    mark = uuid.uuid4().hex
    monkeypatch.setenv(MARK, mark)
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    return mark


def live(
    test: Callable[[LocalMachines], Awaitable[None]], app: str = "serve", **options: Any
) -> Path:
    """Run `test` with machines; returns the folder that they had."""

    async def main() -> Path:
        async with LocalMachines(f"toy_application:{app}", **options) as machines:
            await test(machines)
            return machines.folder

    return asyncio.run(main())


async def boot(machines: LocalMachines, *names: str) -> tuple[LocalCluster, list[LocalMachine]]:
    cluster = machines.prepare(names or ["n1"])
    return cluster, await cluster.boot()


async def get(machine: LocalMachine) -> dict[str, Any]:
    """What the application of `machine` answers, asked on a fresh channel."""
    connection = await machine.control.connection()
    reader, writer = await connection.open_connection("127.0.0.1", 4000)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
    answer: dict[str, Any] = json.loads(await reader.readexactly(length))
    writer.close()
    return answer


# What a machine offers.


def test_boot_gives_each_machine_its_application() -> None:
    async def test(machines: LocalMachines) -> None:
        cluster, booted = await boot(machines, "n1", "n2", "n3")
        pids = set()
        for machine in booted:
            assert machine is cluster.machines[machine.name]
            answer = await get(machine)
            assert (answer["number"], answer["plugins"]) == (1, {})
            pids.add(answer["pid"])
            assert (await machine.status())["application"] == "running"
        assert len(pids) == 3

    live(test)


def test_configuration_names_the_link_first_and_the_direct_way_second() -> None:
    async def test(machines: LocalMachines) -> None:
        cluster = machines.prepare(["n1", "n2"], bugs=[])
        n1, n2 = await cluster.boot({("n1", "n2"): "ws://127.0.0.1:7"})
        config = json.loads(n2.layout.config.read_text())
        direct = f"ws+unix://{cluster.relay_socket('n1')}"
        assert config["peers"] == [
            {"name": "n1", "pubkey": n1.pubkey, "addresses": ["ws://127.0.0.1:7", direct]}
        ]
        assert config["admins"] == [cluster.admin_key.public]
        assert set(config["trusted"]) == {n1.pubkey, n2.pubkey}
        assert n1.layout.root.stat().st_mode & 0o777 == 0o700
        assert n1.layout.key.stat().st_mode & 0o777 == 0o600

    live(test)


def test_kill_start_stop_restart() -> None:
    async def test(machines: LocalMachines) -> None:
        _, (n1,) = await boot(machines)
        first = (await get(n1))["pid"]
        await n1.start()  # runs already
        assert (await get(n1))["pid"] == first
        await n1.kill()
        assert (await n1.status())["application"] == "stopped"
        with pytest.raises(asyncssh.ChannelOpenError):
            await get(n1)
        await n1.kill()  # is down already
        await n1.start()
        second = (await get(n1))["pid"]
        await n1.restart()
        third = (await get(n1))["pid"]
        assert len({first, second, third}) == 3
        await n1.stop()
        with pytest.raises(asyncssh.ChannelOpenError):
            await get(n1)

    live(test)


def test_a_killed_application_ends_its_channels_at_once() -> None:
    async def test(machines: LocalMachines) -> None:
        _, (n1,) = await boot(machines)
        connection = await n1.control.connection()
        reader, writer = await connection.open_connection("127.0.0.1", 4000)
        waiting = asyncio.ensure_future(reader.read())
        await n1.kill()
        async with asyncio.timeout(GONE_LIMIT_S):
            assert await waiting == b""
        writer.close()

    live(test)


def test_a_paused_application_answers_nothing_until_it_goes_on() -> None:
    async def test(machines: LocalMachines) -> None:
        _, (n1,) = await boot(machines)
        await n1.pause()
        assert (await n1.status())["application"] == "paused"
        answer = asyncio.ensure_future(get(n1))
        await n1.status()
        assert not answer.done()
        await n1.resume()
        assert (await answer)["number"] == 1
        # A paused one can be stopped, and killed.
        for end in (n1.stop, n1.kill):
            await n1.pause()
            await end()
            assert (await n1.status())["application"] == "stopped"
            await n1.start()

    live(test)


def test_an_application_that_ignores_the_request_to_stop_is_killed() -> None:
    async def test(machines: LocalMachines) -> None:
        _, (n1,) = await boot(machines)
        await n1.stop()
        assert (await n1.status())["application"] == "stopped"

    live(test, "deaf")


def test_a_kill_does_not_wait_for_a_stop() -> None:
    async def test(machines: LocalMachines) -> None:
        _, (n1,) = await boot(machines)
        began_s = time.monotonic()
        await asyncio.gather(n1.stop(), n1.kill())
        # An application that is asked to stop has 2 s for it.
        assert time.monotonic() - began_s < 2.0

    live(test, "deaf")


def test_ssh_lets_nobody_else_in_and_forwards_nothing_else() -> None:
    async def test(machines: LocalMachines) -> None:
        _, (n1, n2) = await boot(machines, "n1", "n2")
        stranger = asyncssh.generate_private_key("ssh-ed25519")
        place = n1.endpoint
        with pytest.raises(TransportError, match="refuses the client's key"):
            await ssh.connect(place.host, place.port, "root", stranger, place.host_key)
        with pytest.raises(TransportError, match="another host key"):
            await ssh.connect(
                place.host, place.port, "root", place.client_key, n2.endpoint.host_key
            )
        connection = await n1.control.connection()
        for address in (("127.0.0.1", 4001), ("127.0.0.1", n2.endpoint.port), ("::1", 4000)):
            with pytest.raises(asyncssh.ChannelOpenError, match=r"Only 127\.0\.0\.1:4000"):
                await connection.open_connection(*address)

    live(test)


def test_files_can_be_read_over_sftp_and_not_changed() -> None:
    async def test(machines: LocalMachines) -> None:
        _, (n1,) = await boot(machines)
        connection = await n1.control.connection()
        async with connection.start_sftp_client() as files:
            assert await files.readlink("/var/guix/profiles/system") == "system-1-link"
            item = await files.readlink("run/current-system")
            assert isinstance(item, str)
            assert item.startswith("../gnu/store/")
            async with files.open("/run/current-system/generation.json") as file:
                assert json.loads(await file.read())["number"] == 1
            with pytest.raises(asyncssh.SFTPError):
                await files.readlink("/../../etc/mtab")
            attempts: list[Callable[[], Awaitable[object]]] = [
                lambda: files.open("/etc/node.json", "w"),
                lambda: files.open("/etc/node.json", "r+"),
                lambda: files.open("/etc/new", "a"),
                lambda: files.remove("/etc/node.json"),
                lambda: files.mkdir("/etc/new"),
                lambda: files.rmdir("/var/log"),
                lambda: files.rename("/etc/node.json", "/etc/new"),
                lambda: files.posix_rename("/etc/node.json", "/etc/new"),
                lambda: files.symlink("/etc", "/new"),
                lambda: files.chmod("/etc/node.json", 0o777),
                lambda: files.truncate("/etc/node.json", 0),
            ]
            for attempt in attempts:
                with pytest.raises(asyncssh.SFTPPermissionDenied):
                    await attempt()

    live(test)


def test_control_over_ssh_and_over_its_socket_are_one() -> None:
    async def test(machines: LocalMachines) -> None:
        _, (n1,) = await boot(machines)
        listed = await n1.control.call("generations.list")
        reader, writer = await asyncio.open_unix_connection(n1.layout.control_socket)
        writer.write(b'{"method": "generations.list", "params": {}}\n')
        assert json.loads(await reader.readline()) == {"ok": True, "result": listed}
        writer.close()
        with pytest.raises(ControlRefusedError, match="unknown_generation"):
            await n1.control.call("rollout.start", {"generation": 9})
        connection = await n1.control.connection()
        for command in (
            "",
            "ls",
            "control",
            "control status x",
            "control 'status",
            "control a b c",
        ):
            done = await connection.run(command)
            assert done.exit_status == 1
            assert not json.loads(str(done.stdout))["ok"]

    live(test)


def test_rollouts_and_back() -> None:
    async def test(machines: LocalMachines) -> None:
        _, (n1,) = await boot(machines)

        async def job(method: str, generation: int) -> None:
            started = await n1.control.call(method, {"generation": generation})
            done = await n1.control.call("rollout.status", {**started, "wait": {"limit_s": 20}})
            assert done["state"] == "done", done
            assert (await get(n1))["number"] == generation
            assert n1.layout.running.resolve() == n1.layout.selected.resolve()

        def columns(table: str) -> list[str]:
            with closing(sqlite3.connect(n1.layout.database)) as store:
                return [row[1] for row in store.execute(f"PRAGMA table_info({table})")]

        await job("rollout.start", 2)
        assert "severity" not in columns("supertest_cases")
        assert "case_id" in columns("supertest_events")
        await job("rollout.start", 3)
        assert "severity" in columns("supertest_cases")
        await job("rollout.rollback", 1)
        assert columns("supertest_cases") == columns("supertest_events") == []

    live(test)


# Machines that do not come up.


@pytest.mark.parametrize(
    ("app", "said"),
    [
        ("exits", "exit code 3 before it answered. Its log ends:\nthe store at n1 is broken"),
        ("raises", "ValueError: no such thing in n1"),
        ("silent", "did not answer within 0.3 s. Its log ends:\nthinking"),
    ],
)
def test_a_failed_boot_says_why_and_leaves_nothing(mark: str, app: str, said: str) -> None:
    async def test(machines: LocalMachines) -> None:
        cluster = machines.prepare(["n1"])
        with pytest.raises(BootError) as error:
            await cluster.boot()
        assert said in str(error.value)
        assert processes(mark) == fork_servers(mark)  # which is good for more clusters

    live(test, app, start_limit_s=0.3)
    assert processes(mark) == set()


def test_one_machine_that_fails_takes_the_others_with_it(mark: str) -> None:
    async def test(machines: LocalMachines) -> None:
        cluster = machines.prepare(["n1", "n2"])
        cluster.app_socket("n2").parent.joinpath("control.sock").mkdir()
        with pytest.raises(BootError, match="Machine n2 did not come up"):
            await cluster.boot()

    live(test)


def test_an_application_that_is_not_there() -> None:
    async def test(machines: LocalMachines) -> None:
        with pytest.raises(BootError, match=r"can't be imported: AttributeError.*nothing"):
            await machines.prepare(["n1"]).boot()

    live(test, "nothing")


def test_a_start_that_fails_is_a_boot_error() -> None:
    async def test(machines: LocalMachines) -> None:
        _, (n1,) = await boot(machines)
        await n1.stop()
        n1.layout.running.unlink()
        with pytest.raises(BootError, match=r"generation\.json"):
            await n1.start()
        assert (await n1.status())["application"] == "stopped"

    live(test)


def test_an_unknown_bug_is_refused_before_anything_runs(mark: str) -> None:
    async def test(machines: LocalMachines) -> None:
        before = processes(mark)
        with pytest.raises(UsageError, match=r"no bug 'nonsense'; there are: .*rollback-leaves"):
            machines.prepare(["n1"], bugs=["nonsense"])
        assert processes(mark) == before

    live(test)


def test_a_planted_bug_of_the_supervisor_is_on() -> None:
    async def test(machines: LocalMachines) -> None:
        cluster = machines.prepare(["n1"], bugs=["rollback-replays-plan"])
        (n1,) = await cluster.boot()
        for method, generation in (("rollout.start", 2), ("rollout.rollback", 1)):
            job = await n1.control.call(method, {"generation": generation})
            await n1.control.call("rollout.status", {**job, "wait": {"limit_s": 20}})
        assert (await n1.status())["running"] == 2

    live(test)


def test_a_folder_too_deep_for_sockets_is_refused(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 60)
    deep.mkdir()

    async def test(machines: LocalMachines) -> None:
        with pytest.raises(UsageError, match="choose a shorter work folder"):
            machines.prepare(["n1"])

    assert not live(test, folder=deep).exists()


def test_only_the_main_thread_may_boot() -> None:
    caught: list[BaseException] = []

    async def test(machines: LocalMachines) -> None:
        try:
            await machines.prepare(["n1"]).boot()
        except UsageError as error:
            caught.append(error)

    thread = threading.Thread(target=live, args=(test,))
    thread.start()
    thread.join()
    assert "main thread" in str(caught[0])


# The end.


def test_close_leaves_no_process_no_port_and_no_folder(mark: str) -> None:
    ports: list[int] = []

    async def test(machines: LocalMachines) -> None:
        first, (n1, n2) = await boot(machines, "n1", "n2")
        assert len(processes(mark)) == 1 + 2 * 3
        _, (n3,) = await boot(machines, "n3")
        await n1.pause()
        ports.extend(machine.endpoint.port for machine in (n1, n2, n3))
        await first.close()
        assert not first.folder.exists()
        assert len(processes(mark)) == 1 + 3
        assert (await get(n3))["number"] == 1

    folder = live(test)
    assert not folder.exists()
    assert processes(mark) == set()
    for port in ports:
        with closing(socket.socket()) as probe, pytest.raises(ConnectionRefusedError):
            probe.connect(("127.0.0.1", port))


@pytest.mark.parametrize(
    ("state", "app"),
    [
        ("idle", "serve"),
        ("applications stopped", "serve"),
        ("all stopped", "serve"),
        ("idle", "holds_the_gil"),
        ("idle", "with_child"),
    ],
)
def test_nothing_outlives_a_killed_tester(mark: str, state: str, app: str) -> None:
    with doomed_tester(app) as (process, lines):
        folder = Path(said(lines, "up"))
        running = processes(mark) - {process.pid} - fork_servers(mark)
        assert len(running) >= 3 * 3
        leaves = running - {parent_of(pid) for pid in running}
        for pid in {"idle": set(), "applications stopped": leaves}.get(state, running):
            os.kill(pid, signal.SIGSTOP)
        process.kill()
        assert_gone(mark)
        assert_removed(folder)


@pytest.mark.parametrize(
    "after_s",
    [
        pytest.param(one / 10, marks=[pytest.mark.long] if one % 2 else [])
        for one in (0, 1, 2, 3, 4, 5, 6, 8, 9, 10)
    ],
)
def test_nothing_outlives_a_tester_killed_while_it_boots(mark: str, after_s: float) -> None:
    with doomed_tester("serve") as (process, lines):
        said(lines, "booting")
        select.select([lines], [], [], after_s)  # some moment of the boot, or its end
        process.kill()
        assert_gone(mark)


def test_a_fork_server_that_is_told_in_the_middle_of_a_fork_ends_too(mark: str) -> None:
    with doomed_tester("serve", "toy_forking") as (process, lines):
        folder = Path(said(lines, "booting"))
        assert process.wait(10) != 0  # no machine came up
        assert_gone(mark)
        assert_removed(folder)


def test_ctrl_c_leaves_nothing(mark: str) -> None:
    with doomed_tester("serve") as (process, lines):
        folder = Path(said(lines, "up"))
        assert folder.exists()
        process.send_signal(signal.SIGINT)
        process.wait(10)
        assert not folder.exists()
        assert processes(mark) == set()


def test_nothing_outlives_a_killed_fork_server(mark: str) -> None:
    with doomed_tester("serve") as (process, lines):
        said(lines, "up")
        for pid in fork_servers(mark):
            os.kill(pid, signal.SIGKILL)
        assert_gone(mark, but={process.pid})


def test_nothing_outlives_a_killed_supervisor(mark: str) -> None:
    async def test(machines: LocalMachines) -> None:
        _, (n1,) = await boot(machines)
        await n1.control.close()
        os.kill(n1.supervisor_pid, signal.SIGKILL)
        assert_gone(mark, but=fork_servers(mark))
        with pytest.raises(TransportError, match="can't be reached"):
            await n1.start()

    live(test)


@contextmanager
def doomed_tester(
    app: str, module: str = "toy_application"
) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """A tester in a process of its own, and the lines that it says."""
    command = [sys.executable, str(HERE / "tester_to_kill.py"), f"{module}:{app}"]
    # Killed before its fork server knew of it, a tester leaves its folder: this is around it.
    with (
        tempfile.TemporaryDirectory(prefix="sm-", ignore_cleanup_errors=True) as folder,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": folder}
        ) as process,
    ):
        assert process.stdout is not None
        try:
            yield process, process.stdout
        finally:
            process.kill()


def said(lines: IO[str], word: str) -> str:
    """Read up to the line that begins with `word`; returns the rest of it."""
    for line in lines:
        first, _, rest = line.strip().partition(" ")
        if first == word:
            return rest
    raise AssertionError(f"the tester ended without saying {word}")


def processes(mark: str) -> set[int]:
    """Every process that runs with `mark` in its environment; one that is dead has none."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if f"{MARK}={mark}".encode() in (entry / "environ").read_bytes():
                    found.add(int(entry.name))
            except OSError:
                continue  # it ended meanwhile, or is another user's
    return found


def fork_servers(mark: str) -> set[int]:
    """Those of them that lead a session."""
    found = set()
    for pid in processes(mark):
        with suppress(ProcessLookupError):  # it ended meanwhile
            if os.getsid(pid) == pid:
                found.add(pid)
    return found


def parent_of(pid: int) -> int:
    """The process id of its parent."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("PPid:")[1].split()[0])


def assert_gone(mark: str, but: frozenset[int] | set[int] = frozenset()) -> None:
    """Wait until no process of `mark` runs but these; fails when some still do at the limit."""
    limit_s = time.monotonic() + GONE_LIMIT_S
    while left := processes(mark) - but:
        remaining_s = limit_s - time.monotonic()
        assert remaining_s > 0, f"still running: {left}"
        try:
            descriptor = os.pidfd_open(min(left))
        except ProcessLookupError:
            continue
        try:
            select.select([descriptor], [], [], remaining_s)
        finally:
            os.close(descriptor)


def assert_removed(folder: Path) -> None:
    """Wait until the folder is gone: who removes it may be seen only after it has begun."""
    limit_s = time.monotonic() + GONE_LIMIT_S
    while folder.exists():
        assert time.monotonic() < limit_s, f"still there: {folder}"
        select.select([], [], [], 0.01)
