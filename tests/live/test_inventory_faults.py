"""What is wrong on a host on purpose ends there by itself: when its tester is killed, and when that
says nothing any more."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from hosts import Hosts, hosts, machine
from openssh import CLIENT_KEY, USER, Server, sshd

from syncmodel.engine.drive import Loop
from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run as taken
from syncmodel.errors import FaultError, InvalidRunError
from syncmodel.inventory import file, kinds
from syncmodel.inventory.file import Inventory
from syncmodel.inventory.host import HostNode
from syncmodel.inventory.leash import Leash
from syncmodel.model.net import fully_connected
from syncmodel.steps import Clock, Crash, Create, Cut, Heal, Pause, Reboot, Restart, Resume, Select
from syncmodel.steps.machines import Boots
from syncmodel.targets.wire import SUPERTEST
from syncmodel.transport.clients import AdminError

#: It starts many processes.
pytestmark = pytest.mark.slow

TESTER = Path(__file__).parent / "wrong_hosts.py"
SOON_S = 30.0


def run(main: Coroutine[Any, Any, None]) -> None:
    driver = Loop()
    try:
        driver.run(asyncio.wait_for(main, 90))
    finally:
        driver.close()


async def comes(seen: Callable[[], Awaitable[bool]]) -> None:
    """Returns once it is seen."""
    async with asyncio.timeout(SOON_S):
        # Paced: nobody tells.
        while not await seen():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


# --- a tester that is gone ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def two() -> Iterator[Hosts]:
    """Two hosts, where nothing lasts for longer than 3 s that nobody renews."""
    with hosts(2) as made:
        made.file.write_text(made.file.read_text() + "[limits]\nhold = 3\n")
        yield made


@contextmanager
def wrong_by(made: Hosts) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(TESTER), str(made.file)]
    with (
        # What a killed one leaves of its own is here.
        tempfile.TemporaryDirectory(prefix="sm-") as folder,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": folder}
        ) as process,
    ):
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "wrong\n"
            yield process
        finally:
            process.kill()


async def is_right(node: HostNode) -> bool:
    """Whether its clock is. Signed in the true time, which it may refuse where it is not."""
    try:
        shown = (await node.admin("cluster_status"))["now_s"]
    except AdminError:
        return False
    return abs(int(shown) - time.time()) < 10


@pytest.mark.long
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_hosts_are_right_again_once_their_tester_is_gone_or_silent(
    two: Hosts, how: signal.Signals
) -> None:
    inventory = file.load(two.file)

    async def main() -> None:
        nodes = [HostNode(host, inventory) for host in inventory.hosts.values()]
        with wrong_by(two) as process:
            assert not await nodes[0].answers_within(0.5)
            assert not await is_right(nodes[1])
            process.send_signal(how)
            await comes(lambda: nodes[0].answers_within(0.5))

            await comes(lambda: is_right(nodes[1]))
        for node in nodes:
            await node.close()

    run(main())


# --- a host that reboots -----------------------------------------------------------------------


async def power(made: Hosts, node: str, asked: Path, stack: ExitStack) -> None:
    """Be the power switch of that host: when it is asked to, all of it ends, and it boots."""
    while True:
        async with asyncio.timeout(90):
            while not os.path.lexists(asked):  # noqa: ASYNC110, ASYNC240 (nobody tells)
                await asyncio.sleep(0.05)
        os.unlink(asked)
        made.machines[node].kill()
        made.servers[node].drop()
        made.machines[node] = stack.enter_context(machine(made.folder / node))


@pytest.mark.long
def test_a_host_reboots_what_is_selected_and_its_cuts_stay() -> None:
    with hosts(2) as made, ExitStack() as stack:
        asked = {node: made.folder / f"{node}.reboot" for node in made.machines}
        text = made.file.read_text()
        for node, file_ in asked.items():
            stop = (
                f'stop = "{sys.executable} -IS {made.folder}/control.py {made.folder / node} stop"'
            )
            text = text.replace(stop, f'{stop}\nreboot = "touch {file_}"')
        made.file.write_text(text)
        kind = kinds.kind_of(made.file)
        assert issubclass(kind.abilities, Boots)
        target = kind.make(2, ())

        def row(node: str, number: int) -> Create:
            return Create(node, "cases", f"c{number}", (("title", f"t{number}"),))

        steps = [
            row("n1", 1),
            Reboot("n1"),
            row("n1", 2),
            Cut("n1", "n2"),
            Pause("n2"),
            Clock("n1", 60),
            Reboot("n1"),
            row("n1", 3),
            Reboot("n2"),
            row("n2", 4),
            Heal(),
            Select("n2", 1),
            row("n2", 5),
            Reboot("n2"),
            row("n1", 6),
        ]

        async def main() -> None:
            switches = [
                asyncio.create_task(power(made, node, file_, stack))
                for node, file_ in asked.items()
            ]
            try:
                result = await taken(target, fully_connected(SUPERTEST, 2), steps)
                assert result.verdict is Verdict.PASS, (result.reason, result.divergences)
            finally:
                await target.close()
                for switch in switches:
                    switch.cancel()

        run(main())


# --- another user ------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.skipif(os.geteuid() != 0, reason="root alone makes another user: run it as root")
def test_who_logs_in_without_rights_does_all_by_sudo() -> None:
    steps = [
        Create("n1", "cases", "c1", (("title", "t1"),)),
        Pause("n1"),
        Resume("n1"),
        Clock("n2", 60),
        Crash("n2"),
        Restart("n2"),
        Restart("n1"),
    ]
    with hosts(2, sudo=True) as made:
        verb = [sys.executable, "-m", "syncmodel", "doctor", str(made.file), "--disturb"]
        done = subprocess.run(verb, capture_output=True, text=True, check=False)
        assert "ok        n1 sudo: it asks for no password." in done.stdout, done.stdout
        assert "ok        n2 clock that jumps: it was set 30 s ahead" in done.stdout, done.stdout
        target = kinds.kind_of(made.file).make(2, ())

        async def main() -> None:
            try:
                result = await taken(target, fully_connected(SUPERTEST, 2), steps)
                assert result.verdict is Verdict.PASS, (result.reason, result.divergences)
            finally:
                await target.close()

        run(main())
        without = made.text(("sudo = true", "sudo = false"))
        with pytest.raises(InvalidRunError, match=r"`.*kill` ended with"):
            run(kill_one(file.load(without)))
        # No password would do, as this one asks for nothing that it may not be asked.
        (made.folder / "bin" / "sudo").write_text(SPARING)
        done = subprocess.run(verb[:-1], capture_output=True, text=True, check=False)
        said = "`sudo -n true` says: a password is required; it must run start, stop, kill"
        assert f"missing   n1 sudo: {said}" in done.stdout, done.stdout


#: A sudo that lets nothing through but to go on, and be asked for it.
SPARING = """\
#!/bin/sh
case "$*" in
  "-n -l "*resume) exit 0 ;;
  "-n -l "*) exit 1 ;;
  *) echo "a password is required" >&2; exit 1 ;;
esac
"""


async def kill_one(inventory: Inventory) -> None:
    node = HostNode(inventory.hosts["n1"], inventory)
    try:
        await node.machine.kill()
    finally:
        await node.close()


# --- a leash -----------------------------------------------------------------------------------


@contextmanager
def way_to(server: Server) -> Iterator[Callable[[], Awaitable[asyncssh.SSHClientConnection]]]:
    async def connect() -> asyncssh.SSHClientConnection:
        return await asyncssh.connect(
            "127.0.0.1",
            server.port,
            username=USER,
            client_keys=[CLIENT_KEY],
            known_hosts=None,
            config=None,
        )

    yield connect


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A host."""
    with sshd() as made:
        yield made


def test_what_is_held_is_undone_when_it_is_let_go_or_the_way_breaks_or_nobody_speaks(
    server: Server, tmp_path: Path
) -> None:
    def words(name: str) -> tuple[str, str, str]:
        return "is marked", f"touch {tmp_path}/{name}", f"rm {tmp_path}/{name}"

    def there() -> set[str]:
        return {one.name for one in tmp_path.iterdir()}

    async def main() -> None:
        with way_to(server) as connect:
            async with await connect() as stays:
                let_go = await Leash.hold(stays, "n1", *words("let-go"), 60)
                silent = await Leash.hold(stays, "n1", *words("silent"), 0.5)
                breaks = await connect()
                broken = await Leash.hold(breaks, "n1", *words("broken"), 60)
                await asyncio.gather(*(one.check() for one in (let_go, broken)))
                assert {"let-go", "broken"} <= there()
                assert await let_go.release()
                assert "let-go" not in there()
                await let_go.check()
                breaks.abort()
                await comes(lambda: asyncio.sleep(0, not there()))
                for ended in (silent, broken):
                    with pytest.raises(FaultError, match="is marked, and that has ended by itself"):
                        await ended.check()
                assert not await broken.release()

    run(main())


def test_what_can_not_be_done_is_told_and_undone(server: Server, tmp_path: Path) -> None:
    undone = tmp_path / "undone"

    async def main() -> None:
        with way_to(server) as connect:
            async with await connect() as stays:
                with pytest.raises(FaultError, match=r"n1 is odd: `echo no; false` says no\."):
                    await Leash.hold(stays, "n1", "is odd", "echo no; false", f"touch {undone}", 60)
                await comes(lambda: asyncio.sleep(0, undone.exists()))

    run(main())
