"""Rented machines end to end, without a cloud: the API is emulated, and each server of it is a real
sshd in a machine of its own, in namespaces. Create, provision, test, destroy."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncssh
import pytest
from emulated_cloud import Cloud
from emulated_hetzner import Hetzner
from namespaced_servers import Machine, router
from openssh import Server, sshd
from rented import CLOUDS, THERE

from syncmodel.providers import wheels
from syncmodel.reference import space_needs

SCENARIO = (
    Path(__file__).parents[2] / "corpus/scenarios/cluster-plugin-rollout-sync-split-brain.json"
)
LACKING = space_needs.lacking() or (() if os.geteuid() == 0 else ("root",))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(LACKING), reason=f"machines need {'; '.join(LACKING)}"),
]


class Machines:
    """A server for each that is rented: an sshd with the keys that cloud-init was told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.servers: dict[str, Server] = {}
        self._stacks: dict[str, ExitStack] = {}
        self.addresses: list[str] = []

    def rented(self, name: str, user_data: str, address: str) -> None:
        self.addresses.append(address)
        home = self._home(name)
        home.mkdir()
        orders = json.loads(user_data.partition("\n")[2])
        key = asyncssh.import_private_key(orders["ssh_keys"]["ed25519_private"])
        stack = self._stacks[name] = ExitStack()
        machine = Machine(len(self.addresses), address)
        stack.callback(machine.end)
        (authorized,) = orders["ssh_authorized_keys"]
        (home / "authorized").write_text(authorized + "\n")
        lines = (f"SetEnv HOME={home}", f"AuthorizedKeysFile {home}/authorized")
        self.servers[name] = stack.enter_context(
            sshd(*lines, host_key=key, address=address, port=22, prefix=machine.inside)
        )

    def _home(self, name: str) -> Path:
        return self.folder / name.rpartition("-")[2]

    def given_back(self, name: str) -> None:
        self._stacks.pop(name).close()
        shutil.rmtree(self._home(name), ignore_errors=True)

    def close(self) -> None:
        for name in list(self._stacks):
            self.given_back(name)


@pytest.fixture
def machines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Machines]:
    # From the router no index of packages can be reached: they are got before.
    wheels.gather(tmp_path / "wheels")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    # Short, since sockets are in it.
    with TemporaryDirectory(prefix="rent-") as folder, router():
        made = Machines(Path(folder))
        yield made
        made.close()


@contextlib.contextmanager
def emulated(machines: Machines, kind: type[Cloud], net: int) -> Iterator[Cloud]:
    """An account whose servers have addresses of the router's network."""
    with kind() as made:
        made.on_made, made.on_gone = machines.rented, machines.given_back
        made.address = lambda number: f"10.{net}.{number // 250 % 250}.{number % 250 + 1}"
        yield made


def syncmodel(clouds: Iterable[Cloud], *words: object) -> str:
    """What it says, which must be without an error."""
    environment = dict(os.environ)
    for cloud in clouds:
        environment |= cloud.environment
    done = subprocess.run(
        [sys.executable, "-m", "syncmodel", *map(str, words)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_cluster_is_rented_provisioned_tested_and_given_back(
    machines: Machines, tmp_path: Path
) -> None:
    lease = tmp_path / "cluster"
    options = ("--at-most", 1, "--node", "reference", "--to", lease)
    with emulated(machines, Hetzner, 88) as cloud:
        syncmodel([cloud], "machines", "create", "hetzner:2", *options)
        said = syncmodel([cloud], "doctor", lease / "hosts.toml")
        assert "missing" not in said, said
        assert not re.search(r"degraded.*(paus|clock)", said), said
        few = ("--sequences", 2, "--steps", 12, "--seed", 3, "--no-scenes")
        found = ("--corpus", tmp_path / "found")
        syncmodel([cloud], "explore", "--inventory", lease / "hosts.toml", *few, *found)
        syncmodel([cloud], "machines", "destroy", lease)
        assert cloud.left() == []


@pytest.mark.skipif(set(THERE) < set(CLOUDS), reason="needs the extras scaleway and ovh")
def test_a_scenario_on_machines_of_three_providers(machines: Machines, tmp_path: Path) -> None:
    """The first node at Hetzner, the others at Scaleway and OVH: one lease, and one cluster."""
    names = ("hetzner", "scaleway", "ovh")
    with ExitStack() as open_now:
        kinds = [CLOUDS[name].cloud for name in names]
        clouds = [
            open_now.enter_context(emulated(machines, kind, 88 + place))
            for place, kind in enumerate(kinds)
        ]
        options = ("--at-most", 1, "--to", tmp_path / "cluster")
        does = ("--then", "scenario", SCENARIO, "--artefacts", tmp_path / "kept")
        said = syncmodel(clouds, "machines", "create", *names, *options, *does)
        assert [one.split(".")[1] for one in machines.addresses] == ["88", "89", "90"]
        assert [cloud.left() for cloud in clouds] == [[], [], []]
    assert "passed" in said
    (kept,) = (tmp_path / "kept").iterdir()
    assert {"n1", "n2", "n3"} <= {one.name for one in kept.iterdir()}
    assert not (tmp_path / "cluster").exists()
