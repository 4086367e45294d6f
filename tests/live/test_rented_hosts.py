"""Rented machines end to end, without a cloud: the API is emulated, and each server of it is a real
sshd of this computer. Create, provision, test, destroy."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncssh
import pytest
from emulated_hetzner import Hetzner
from openssh import Server, sshd

pytestmark = [pytest.mark.longer, pytest.mark.timeout(900)]


class Machines:
    """A server for each that is rented: an sshd with the keys that cloud-init was told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.servers: dict[str, Server] = {}
        self._stacks: dict[str, ExitStack] = {}
        self.ports: dict[str, int] = {}

    def rented(self, server: Mapping[str, Any]) -> None:
        name = server["name"]
        home = self._home(name)
        home.mkdir()
        orders = json.loads(server["user_data"].partition("\n")[2])
        key = asyncssh.import_private_key(orders["ssh_keys"]["ed25519_private"])
        address = server["public_net"]["ipv4"]["ip"]
        stack = self._stacks[name] = ExitStack()
        (authorized,) = orders["ssh_authorized_keys"]
        (home / "authorized").write_text(authorized + "\n")
        lines = (f"SetEnv HOME={home}", f"AuthorizedKeysFile {home}/authorized")
        self.servers[name] = stack.enter_context(
            sshd(*lines, host_key=key, address=address, port=22)
        )

    def _home(self, name: str) -> Path:
        return self.folder / name.rpartition("-")[2]

    def given_back(self, name: str) -> None:
        self._stacks.pop(name).close()
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (process / "cmdline").read_bytes().split(b"\0")
                if os.fsencode(self._home(name) / "syncmodel/node") in words:
                    os.kill(int(process.name), signal.SIGKILL)
        shutil.rmtree(self._home(name), ignore_errors=True)

    def close(self) -> None:
        for name in list(self._stacks):
            self.given_back(name)


@pytest.fixture
def machines() -> Iterator[Machines]:
    # Short, since sockets are in it.
    with TemporaryDirectory(prefix="rent-") as folder:
        made = Machines(Path(folder))
        yield made
        made.close()


@pytest.fixture
def cloud(machines: Machines) -> Iterator[Hetzner]:
    with Hetzner(on_made=machines.rented, on_gone=machines.given_back) as made:
        # Loopback addresses, where each has port 22 for itself.
        made.address = lambda it: f"127.88.{it['id'] // 250 % 250}.{it['id'] % 250 + 1}"
        yield made


@pytest.mark.skipif(os.geteuid() != 0, reason="port 22 of a loopback address is root's")
@pytest.mark.parametrize("count", [2])
def test_a_cluster_is_rented_provisioned_tested_and_given_back(
    cloud: Hetzner, tmp_path: Path, count: int
) -> None:
    def syncmodel(*words: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "syncmodel", *map(str, words)],
            env=os.environ | cloud.environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    lease = tmp_path / "cluster"
    options = ("--at-most", 1, "--node", "reference", "--to", lease)
    done = syncmodel("machines", "create", f"hetzner:{count}", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    done = syncmodel("doctor", lease / "hosts.toml")
    assert "missing" not in done.stdout, done.stdout
    few = ("--sequences", 2, "--steps", 12, "--seed", 3, "--no-scenes", "--corpus", tmp_path / "f")
    done = syncmodel("explore", "--inventory", lease / "hosts.toml", *few)
    assert done.returncode == 0, done.stdout + done.stderr
    done = syncmodel("machines", "destroy", lease)
    assert done.returncode == 0, done.stdout + done.stderr
    assert cloud.left() == []
