"""An adapter of servers: their lives, links and folders, and what is left of them (nothing)."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest
from notes_servers import NOTES, running

from syncmodel.adapter import Processes
from syncmodel.adapter.clocks import library
from syncmodel.adapter.selftest import selftest
from syncmodel.adapter.server import Server
from syncmodel.cli import main
from syncmodel.engine.history import Verdict
from syncmodel.engine.pool import Pool
from syncmodel.engine.run import run
from syncmodel.errors import BootError, UsageError
from syncmodel.model.divergence import Kind
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import Answer
from syncmodel.model.values import Row, Value, Write
from syncmodel.steps import Crash, Create, Cut, Hang, Mend, Pause, Restart, Resume, Slow
from syncmodel.steps.base import HangsLinks, Pauses, SetsClocks, SlowsLinks
from syncmodel.steps.restoring import PutsBack
from syncmodel.targets.registry import kind_of

#: It starts many processes.
pytestmark = pytest.mark.slow

KILLED = Path(__file__).with_name("adapter_to_kill.py")
LIMIT_S = 20.0


NET = fully_connected(NOTES.schema, 2)
TITLED = Value((("title", "t1"), ("votes", 0)))


def wait_until(true: Callable[[], bool], pids: Callable[[], set[int]]) -> None:
    """Until that is true; looked at whenever one of these processes has ended."""
    until_s = time.monotonic() + LIMIT_S
    while not true():
        left_s = until_s - time.monotonic()
        assert left_s > 0, f"still running: {pids()}"
        for pid in sorted(pids())[:1]:
            try:
                descriptor = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            select.select([descriptor], [], [], left_s)
            os.close(descriptor)


def live(
    test: Callable[[Processes], Coroutine[Any, Any, None]],
    count: int = 2,
    kind: type[Processes] = NOTES,
) -> None:
    """A test of that many servers; nothing of them is left."""

    async def all_of_it() -> str:
        adapter = kind(count)
        folder = ""
        try:
            await adapter.begin(fully_connected(NOTES.schema, count))
            folder = str(adapter.home("n1").parent)
            await test(adapter)
        finally:
            await adapter.close()
        return folder

    folder = asyncio.run(all_of_it())
    assert not running(folder)
    assert not Path(folder).exists()


def test_what_init_writes_for_servers_works_as_it_is() -> None:
    kind = kind_of(NOTES)
    with Pool(kind) as pool:
        checks = list(selftest(kind, pool.target(3), pool.driver))
    assert len(checks) == 15
    assert [check.trouble for check in checks if check.trouble] == []


def test_servers_say_how_they_are_reached_while_they_run() -> None:
    async def test(adapter: Processes) -> None:
        ways = {node: dict(commands) for node, commands in adapter.ways().items()}
        assert ways["n2"]["port"] == f"nc 127.0.0.1 {adapter.port('n2')}"
        for commands in ways.values():
            line = f"{commands['folder']} && {commands['log']}"
            shell = await asyncio.create_subprocess_shell(line, stdout=subprocess.DEVNULL)
            assert await shell.wait() == 0

    assert NOTES(2).ways() == {}
    live(test)


@pytest.mark.parametrize("late_s", [0.0, 0.3], ids=["heard at once", "heard later"])
def test_a_server_that_ends_by_itself_is_a_divergence(
    late_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    readline = asyncio.StreamReader.readline

    async def heard(reader: asyncio.StreamReader) -> bytes:
        line = await readline(reader)
        if line.startswith(b"ended"):
            await asyncio.sleep(late_s)
        return line

    monkeypatch.setattr(asyncio.StreamReader, "readline", heard)

    async def test(adapter: Processes) -> None:
        async def write(node: str, write: Write) -> Any:
            answer = await Processes.write(adapter, node, write)
            (server,) = running(f"server.py\0n1\0{adapter.port('n1')}")
            os.kill(server, signal.SIGKILL)
            return answer

        adapter.write = write  # type: ignore[method-assign]
        adapter.passed()
        step = Create("n2", "notes", "n1", (("title", "t1"),))
        result = await run(adapter, NET, [step], NOTES.guarantees)
        assert [found.kind for found in result.divergences] == [Kind.ENDED]
        assert result.divergences[0].node == "n1"
        assert result.divergences[0].shown == "was ended by signal 9"

    live(test)


def test_a_run_that_did_not_pass_is_followed_by_the_golden_copy() -> None:
    async def test(adapter: Processes) -> None:
        log = adapter.home("n1") / "log.jsonl"
        await adapter.write("n1", Write("n1", Row("notes", "n1"), TITLED))
        assert log.stat().st_size
        adapter.passed()
        await adapter.begin(NET)
        assert log.stat().st_size
        await adapter.begin(NET)
        assert not log.stat().st_size

    live(test)


def test_a_paused_server_is_an_unknown_outcome_and_goes_on() -> None:
    async def test(adapter: Processes) -> None:
        server = adapter._servers["n1"]
        await server.pause()
        adapter.answer_s = 0.2  # type: ignore[misc]
        outcome = await adapter.write("n1", Write("n1", Row("notes", "n1"), TITLED))
        assert (outcome.answer, outcome.code) == (Answer.UNKNOWN, "no answer in 0.2 s")
        await server.resume()
        adapter.answer_s = LIMIT_S  # type: ignore[misc]
        again = await adapter.write("n1", Write("n1", Row("notes", "n2"), TITLED))
        assert again.answer is Answer.OK

    live(test)


def test_a_standstill_is_a_fault_that_runs_have_if_the_adapter_says_so() -> None:
    class Still(NOTES, Pauses):  # type: ignore[misc, valid-type]
        """Notes, whose clients can give up a call."""

    async def test(adapter: Processes) -> None:
        adapter.passed()
        steps = (
            Create("n1", "notes", "n1", (("title", "t1"),)),
            Pause("n1"),
            Create("n1", "notes", "n2", (("title", "t2"),)),
            Create("n2", "notes", "n3", (("title", "t3"),)),
            Resume("n1"),
            Pause("n2"),
            Restart("n2"),
        )
        result = await run(adapter, NET, steps, NOTES.guarantees)
        assert result.verdict is Verdict.PASS, (result.divergences, result.reason)
        assert not adapter._patience.paused

    live(test, kind=Still)
    assert not issubclass(NOTES, Pauses)


def test_links_hang_and_are_slow_if_the_adapter_says_so() -> None:
    class Lossy(NOTES, HangsLinks, SlowsLinks):  # type: ignore[misc, valid-type]
        """Notes, whose servers ask again after a moment."""

    async def test(adapter: Processes) -> None:
        adapter.passed()
        steps = (
            Create("n1", "notes", "n1", (("title", "t1"),)),
            Slow("n1", "n2", 20),
            Create("n1", "notes", "n2", (("title", "t2"),)),
            Crash("n1"),
            Restart("n1"),
            Slow("n2", "n1", 20),
            Slow("n2", "n1", 0),
            Hang("n1", "n2"),
            Create("n1", "notes", "n3", (("title", "t3"),)),
            Mend("n1", "n2"),
        )
        result = await run(adapter, NET, steps, NOTES.guarantees)
        assert result.verdict is Verdict.PASS, (result.divergences, result.reason)
        await adapter.slow(("n1", "n2"), 20)
        await adapter.begin(NET)
        assert adapter._links.proxies["n1", "n2"].delay_s == 0

    live(test, kind=Lossy)
    assert not issubclass(NOTES, HangsLinks | SlowsLinks)


def test_a_clock_is_set_if_the_adapter_says_so() -> None:
    try:
        library()
    except UsageError:
        pytest.skip("libfaketime is not installed")

    class Timed(NOTES, SetsClocks):  # type: ignore[misc, valid-type]
        """Notes, whose servers have clocks of their own."""

        def argv(self, node: str) -> Sequence[object]:
            said = (
                f"import time; open({str(self.home(node) / 'time')!r}, 'w').write(str(time.time()))"
            )
            server = [*map(str, super().argv(node))]
            code = f"{said}; import os, sys; os.execv(sys.executable, {server!r})"
            return [sys.executable, "-c", code]

    async def test(adapter: Processes) -> None:
        def ahead_s() -> float:
            return float((adapter.home("n1") / "time").read_text()) - time.time()

        await adapter.set_clock("n1", 3600)
        await adapter.restart("n1")
        assert 3000 < ahead_s() < 3700
        await adapter.set_clock("n1", -60)
        adapter.passed()
        await adapter.begin(NET)
        assert not adapter._clocks.ahead
        await adapter.restart("n1")
        assert -30 < ahead_s() < 1

    live(test, kind=Timed)


def test_who_can_not_set_clocks_says_so() -> None:
    async def test(adapter: Processes) -> None:
        with pytest.raises(UsageError, match="let the adapter inherit SetsClocks"):
            await adapter.set_clock("n1", 1)

    live(test)
    assert not issubclass(NOTES, SetsClocks)


def test_a_folder_is_put_back_if_the_adapter_says_so() -> None:
    told = list[str]()

    class Put(NOTES, PutsBack):  # type: ignore[misc, valid-type]
        """Notes, whose folders are copied and put back."""

        def restored(self, node: str) -> None:
            told.append(node)

    async def test(adapter: Processes) -> None:
        await adapter.begin(NET)
        await adapter.backup(("n1",))
        (adapter.home("n1") / "new").write_text("later")
        await adapter.restore(("n1",), plain=True)
        assert not (adapter.home("n1") / "new").exists()
        assert not told
        await adapter.crash("n2")
        await adapter.backup(("n1", "n2"))
        await adapter.restore(("n1", "n2"), plain=False)
        assert told == ["n1", "n2"]
        assert not adapter.down

    live(test, kind=Put)
    assert not issubclass(NOTES, PutsBack)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["/nowhere/server"], "The server can't be started: .*No such file"),
        (
            [sys.executable, "-c", "print('it is the port'); raise SystemExit(3)"],
            "The server of n[12] ended with code 3.*Its log ends: it is the port",
        ),
        (
            [sys.executable, "-c", "import signal; signal.pause()"],
            "The server of n[12] is not ready in 0.5 s",
        ),
    ],
)
def test_a_server_that_does_not_come_up_says_why(argv: Sequence[str], words: str) -> None:
    class Failing(NOTES):  # type: ignore[misc,valid-type]
        """Servers that do not come up."""

        boot_s = 0.5

        def argv(self, node: str) -> Sequence[str]:
            return argv

    async def test() -> None:
        adapter = Failing(2)
        with pytest.raises(BootError, match=f"(?s){words}"):
            await adapter.begin(NET)
        assert not adapter._servers
        assert adapter._folder is None

    asyncio.run(test())


def _python_of(user: str) -> str | None:
    """A Python that this user may run: ours may be in a folder of our own."""
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            asked = subprocess.run([python, "-c", ""], user=user, extra_groups=[], check=False)
        except (OSError, LookupError):
            continue
        if asked.returncode == 0:
            return python
    return None


def test_servers_are_those_of_the_user_whom_the_adapter_names() -> None:
    python = _python_of("mail") if os.geteuid() == 0 else None
    if python is None:
        pytest.skip("needs root, and a user `mail` who may run a Python")

    class Theirs(NOTES):  # type: ignore[misc, valid-type]
        """Notes, kept by somebody else."""

        user = "mail"

        def argv(self, node: str) -> Sequence[object]:
            return [python, *super().argv(node)[1:]]

    async def test(adapter: Processes) -> None:
        (server,) = running(f"server.py\0n1\0{adapter.port('n1')}")
        for path in (adapter.home("n1"), Path(f"/proc/{server}")):
            assert path.owner() == "mail"
        # A command of its own runs just so; and the doors of the links let that user in.
        await adapter.run("n1", "touch", "mine")
        assert (adapter.home("n1") / "mine").owner() == "mail"
        adapter.passed()
        steps = (Cut("n1", "n2"), Mend("n1", "n2"), Create("n1", "notes", "n1", (("title", "t1"),)))
        result = await run(adapter, NET, steps, NOTES.guarantees)
        assert result.verdict is Verdict.PASS, (result.divergences, result.reason)

    live(test, kind=Theirs)


def test_a_command_that_fails_says_why() -> None:
    class Failing(NOTES):  # type: ignore[misc, valid-type]
        """Servers whose folders can't be filled."""

        async def configure(self, node: str) -> None:
            await self.run(node, "sh", "-c", "echo no room; exit 3")

    async def test() -> None:
        adapter = Failing(2)
        with pytest.raises(BootError, match=r"^sh ended with code 3\. Its log ends: no room$"):
            await adapter.begin(NET)
        assert adapter._folder is None

    asyncio.run(test())


def test_a_user_who_is_not_there_is_named() -> None:
    if os.geteuid():
        pytest.skip("only root runs servers as others")

    class Nobodys(NOTES):  # type: ignore[misc, valid-type]
        """Notes of somebody who is not there."""

        user = "nosuchuser"

    with pytest.raises(UsageError, match="There is no user 'nosuchuser' for the servers to run as"):
        Nobodys(2)


@pytest.mark.parametrize("command", [[], ["sh", "-c", '"$@"; exit', "sh"]], ids=["its", "child's"])
def test_no_shared_memory_outlives_a_killed_server(command: list[str], tmp_path: Path) -> None:
    """What shmget(2) gives outlives its processes: PostgreSQL has one such segment."""
    code = "import ctypes, signal; made = ctypes.CDLL(None).shmget(0, 56, 0o1600)"
    code += "; open('made', 'w').write(str(made)); signal.pause()"
    os.mkfifo(tmp_path / "made")

    def segments() -> list[str]:
        lines = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
        return [line.split()[1] for line in lines]

    async def test() -> None:
        argv = [*command, sys.executable, "-c", code]
        server = await Server.start(argv, cwd=tmp_path, log=tmp_path / "log")
        try:
            made = await asyncio.to_thread((tmp_path / "made").read_text)
            assert made in segments()
        finally:
            await server.kill()
        assert made not in segments()

    asyncio.run(test())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_a_killed_tester_not_even_other_sessions(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, str(KILLED)], stdout=subprocess.PIPE, text=True) as it:
        assert it.stdout is not None
        word, folder = it.stdout.readline().split()
        assert word == "up"
        children = running(f"child-in-{folder}")
        assert len(children) == 4  # two servers, and what each started
        it.send_signal(number)
        it.wait()
    wait_until(lambda: not running(folder), lambda: running(folder))
    keepers = running("adapter/keeper.py")
    wait_until(lambda: not Path(folder).exists(), lambda: running("adapter/keeper.py") & keepers)


@pytest.mark.long
def test_a_search_on_servers_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "mine"
    assert main(["init", str(folder), "--processes"]) == 0
    server = folder / "server.py"
    clock = '        self.clock = max(self.clock, entry["stamp"])\n'
    assert clock in server.read_text()
    server.write_text(server.read_text().replace(clock, ""))
    monkeypatch.chdir(folder)
    asked = ["--seed", "1", "--faults", "none", "--sequences", "20"]
    command = ["explore", "--target", "notes_adapter:Notes", *asked]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "syncmodel", *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "See it again: syncmodel replay --target notes_adapter:Notes" in done.stdout
    assert "generation" not in done.stdout
