"""`syncmodel node`: its port, how it ends on signals, and what it says when its node is killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest

from syncmodel.targets.wire import PLUGIN_PATH

#: It starts many processes.
pytestmark = pytest.mark.slow

#: What it takes to come up, on a machine that is busy with other things.
START_LIMIT_S = 60.0
#: What it may take to end.
END_LIMIT_S = 2.0
HEALTH = f"GET {PLUGIN_PATH}/health HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def descendants(pid: int) -> list[int]:
    """The processes below this one, children before theirs."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        for child in map(int, text.split()):
            found += [child, *descendants(child)]
    return found


@attrs.define
class Verb:
    """A running `syncmodel node`."""

    process: subprocess.Popen[str]
    port: int
    folder: Path

    def said(self, name: str) -> str:
        return (self.folder / name).read_text()

    def dial(self) -> socket.socket:
        place = socket.create_connection(("127.0.0.1", self.port))
        place.settimeout(START_LIMIT_S)
        return place

    def up(self) -> None:
        """Until its port is open, and whoever can connect is answered at once."""
        deadline_s = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline_s:
            assert self.process.poll() is None, self.said("err")
            try:
                with self.dial() as place:
                    place.sendall(HEALTH)
                    answer = place.recv(65_536)
                    assert answer.startswith(b"HTTP/1.1 200"), answer
                    return
            except ConnectionRefusedError:
                time.sleep(0.01)  # paced: a port announces nothing
        raise AssertionError("it never came up")

    def ended(self, limit_s: float = START_LIMIT_S) -> int:
        """Its exit code, once nothing of it runs and nothing is left."""
        below = descendants(self.process.pid)
        code = self.process.wait(limit_s)
        deadline_s = time.monotonic() + END_LIMIT_S
        while left := [pid for pid in below if os.path.exists(f"/proc/{pid}/cmdline")]:
            assert time.monotonic() < deadline_s, f"still running: {left}"
            os.sched_yield()
        assert not list((self.folder / "tmp").iterdir())
        assert "Traceback" not in self.said("err") + self.said("out")
        return code


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not pytest's: a socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="v-") as name:
        (Path(name) / "tmp").mkdir()
        yield Path(name)


@contextmanager
def node(folder: Path, *, ignored: signal.Signals | None = None) -> Iterator[Verb]:
    """The verb on a free port, with a signal ignored as `nohup` or a script's & leaves it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    command = [sys.executable, "-m", "syncmodel", "node", "--port", str(port)]
    before = None if ignored is None else signal.signal(ignored, signal.SIG_IGN)
    try:
        with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
            process = subprocess.Popen(
                command,
                stdout=out,
                stderr=err,
                text=True,
                env=os.environ | {"TMPDIR": str(folder / "tmp"), "PYTHONUNBUFFERED": "1"},
            )
    finally:
        if ignored is not None:
            signal.signal(ignored, before)
    try:
        yield Verb(process, port, folder)
    finally:
        process.kill()
        process.wait()


def test_its_port_is_open_only_when_it_is_ready_and_tells_what_to_do(folder: Path) -> None:
    with node(folder) as verb:
        verb.up()
        deadline_s = time.monotonic() + START_LIMIT_S
        while "Its folder" not in (text := verb.said("out")):
            assert time.monotonic() < deadline_s
            os.sched_yield()
        assert '["p", "' in text
        assert f"POST http://127.0.0.1:{verb.port}/api/admin/management" in text
        with verb.dial() as place:
            place.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: place.recv(65_536), b""))
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["openapi"] == "3.1.0"
        verb.process.terminate()
        assert verb.ended() == 130


@pytest.mark.parametrize(
    ("number", "ignored"),
    [
        (signal.SIGTERM, signal.SIGINT),
        (signal.SIGHUP, None),
        (signal.SIGINT, signal.SIGINT),
        pytest.param(signal.SIGINT, None, marks=pytest.mark.long),
        pytest.param(signal.SIGTERM, None, marks=pytest.mark.long),
    ],
)
def test_a_signal_ends_it_at_once_though_clients_are_connected(
    folder: Path, number: signal.Signals, ignored: signal.Signals | None
) -> None:
    with node(folder, ignored=ignored) as verb:
        verb.up()
        with verb.dial() as idle, verb.dial() as half:
            idle.sendall(HEALTH)
            assert idle.recv(65_536)
            half.sendall(b"POST /plugins-api/supertest/cases HTTP/1.1\r\nHost: x\r\n")
            verb.process.send_signal(number)
            assert verb.ended(END_LIMIT_S) == 130
    assert verb.said("err").endswith("interrupted.\n")


def test_a_killed_application_ends_it_with_a_sentence(folder: Path) -> None:
    with node(folder) as verb:
        verb.up()
        os.kill(descendants(verb.process.pid)[-1], signal.SIGKILL)
        assert verb.ended() == 3
    words = "syncmodel node: The node is gone: its application was ended by signal 9."
    assert verb.said("err").startswith(words)


def test_a_killed_machine_ends_it_with_a_sentence(folder: Path) -> None:
    with node(folder) as verb:
        verb.up()
        machine = descendants(verb.process.pid)[1]
        os.kill(machine, signal.SIGKILL)
        assert verb.ended() == 3
    assert verb.said("err").startswith("syncmodel node: The node is gone: its supervisor died")


def test_a_half_closed_client_is_answered_through_the_port(folder: Path) -> None:
    with node(folder) as verb:
        verb.up()
        with verb.dial() as place:
            place.sendall(HEALTH * 3)
            place.shutdown(socket.SHUT_WR)
            answers = b"".join(iter(lambda: place.recv(65_536), b""))
        assert answers.count(b"HTTP/1.1 200") == 3
        verb.process.terminate()
        assert verb.ended() == 130
