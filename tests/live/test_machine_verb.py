"""`syncmodel machine`: a reference node on a host, where it listens, and what it is told."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from openssh import free_port

from syncmodel.errors import FormatError
from syncmodel.nostr.keys import Key
from syncmodel.reference.machines import host_process
from syncmodel.reference.node import config

#: It starts many processes.
pytestmark = pytest.mark.slow


def machine(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "syncmodel", "machine", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def made(folder: Path, **settings: Any) -> tuple[Path, str]:
    """A new machine's folder, and its node's public key."""
    whole = {"name": "n1", "admins": [], "peers": [], "trusted": [], "bugs": [], **settings}
    (folder / "node.json").write_text(json.dumps(whole))
    done = machine(folder / "n1", "--make", folder / "node.json")
    assert done.returncode == 0, done.stderr
    return folder / "n1", done.stdout.strip()


@contextmanager
def running(root: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "syncmodel", "machine", str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert "answers" in process.stdout.readline()
            yield process
        finally:
            process.terminate()


def asked(port: int, path: str) -> int | None:
    """The status of an answer; None where nobody listens."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10)
    except urllib.error.HTTPError as error:
        return error.code
    except (urllib.error.URLError, ConnectionError):
        return None
    return 200


def test_a_machine_is_made_run_told_and_ended(tmp_path: Path) -> None:
    http, relay = free_port(), free_port()
    root, pubkey = made(tmp_path, http_at=f"127.0.0.1:{http}", relay_at=[f"127.0.0.1:{relay}"])
    assert Key.from_hex((root / "var/lib/tribes/key").read_text()).public == pubkey
    with running(root) as process:
        assert (asked(http, "/openapi.json"), asked(relay, "/openapi.json")) == (200, 404)
        done = machine(root, "status")
        assert done.returncode == 0
        assert json.loads(done.stdout)["result"]["application"] == "running"
        assert machine(root, "kill").returncode == 0
        assert (asked(http, "/openapi.json"), asked(relay, "/")) == (None, None)
        assert machine(root, "start").returncode == 0
        assert asked(http, "/openapi.json") == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert asked(http, "/openapi.json") is None
    done = machine(root, "status")
    assert done.returncode == 2
    assert f"No machine runs in {root}" in done.stderr


def test_a_machine_that_is_killed_leaves_nothing_running(tmp_path: Path) -> None:
    http = free_port()
    root, _ = made(tmp_path, http_at=f"127.0.0.1:{http}")
    with running(root) as process, socket.create_connection(("127.0.0.1", http)) as link:
        process.kill()
        with contextlib.suppress(ConnectionResetError):
            assert link.recv(1) == b""
    assert asked(http, "/openapi.json") is None


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        root, _ = made(tmp_path, http_at=f"127.0.0.1:{taken.getsockname()[1]}")
        done = machine(root)
    assert done.returncode == 3
    assert "Address already in use" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "There is no machine in"),
        (("--make", "none.json"), "No such file"),
        (("kill", "--make", "none.json"), "leave the verb out"),
        (("explode",), "invalid choice"),
    ],
)
def test_what_a_machine_can_not_be_told_is_a_sentence(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    done = machine(tmp_path / "n1", *words)
    assert said in done.stderr
    assert done.returncode in (2, 3)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"http_at": 4000}, "http_at is not a text"),
        ({"http_at": "4000"}, "http_at is not HOST:PORT"),
        ({"relay_at": ["10.0.0.1"]}, "relay_at is not HOST:PORT"),
        ({"relay_at": ["a:b"]}, "relay_at is not HOST:PORT"),
        ({"relay_at": "10.0.0.1:1"}, "relay_at is not a list of texts"),
        ({"http_users": "root"}, "http_users is not a list of texts"),
        ({"http_users": ["no such"]}, "http_users: There is no user 'no such'"),
    ],
)
def test_where_a_machine_listens_is_read_before_it_runs(
    tmp_path: Path, settings: dict[str, Any], said: str
) -> None:
    whole = {"name": "n1", "admins": [], "peers": [], "trusted": [], "bugs": [], **settings}
    host_process.make(tmp_path / "n1", Key.generate(), whole)
    with pytest.raises(FormatError, match=said):
        config.load(tmp_path / "n1")


def test_a_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    done = machine(tmp_path / "n1", "--unit")
    assert done.returncode == 0
    assert f"ExecStart={sys.executable} -m syncmodel machine {tmp_path}/n1\n" in done.stdout
    lint = shutil.which("systemd-analyze")
    if lint is None:
        pytest.skip("systemd-analyze is not there")
    (tmp_path / "n1.service").write_text(done.stdout)
    verified = subprocess.run(
        [lint, "verify", "--man=no", "--recursive-errors=no", str(tmp_path / "n1.service")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "n1.service" not in verified.stdout + verified.stderr
    assert verified.returncode == 0, verified.stderr


def test_a_folder_that_no_unit_can_name_is_told(tmp_path: Path) -> None:
    done = machine(tmp_path / "n 1", "--unit")
    assert done.returncode == 2
    assert "can't be in a systemd unit" in done.stderr


def test_a_folder_that_holds_something_is_not_made_a_machine_of(tmp_path: Path) -> None:
    root, _ = made(tmp_path)
    done = machine(root, "--make", tmp_path / "node.json")
    assert done.returncode == 2
    assert "is not empty: name a new folder" in done.stderr
