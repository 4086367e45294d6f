"""Machines in namespaces: real sshd, real packets, and nothing of them left. Needs root."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import asyncssh
import pytest
from attrs import evolve
from every_step import EVERYTHING
from supertest import create_case, fully_connected, update_case

from syncmodel.engine.drive import Loop
from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run
from syncmodel.errors import FaultError, TransportError
from syncmodel.faults import slow_disk
from syncmodel.faults.routed_links import RoutedLinks
from syncmodel.faults.tcp_sockets import ESTABLISHED, connections
from syncmodel.model.net import Link
from syncmodel.reference import space_needs
from syncmodel.reference.machines import inside, spaces
from syncmodel.reference.machines.isolated import DEVICES
from syncmodel.reference.machines.local import LocalMachine
from syncmodel.reference.machines.namespaces import RELAY_PORT, NamespaceCluster, NamespaceMachines
from syncmodel.reference.namespaced import NamespacedCluster, keeps_pace
from syncmodel.steps import (
    Backup,
    Burst,
    Crash,
    Cut,
    Drift,
    Fill,
    FullDisk,
    Hang,
    Heal,
    Impair,
    Mend,
    Pause,
    Reboot,
    Restart,
    Restore,
    Resume,
    Rollback,
    Rollout,
    Select,
    Slow,
    SlowDisk,
    Step,
)
from syncmodel.steps.packets import NOTHING, WRONGS
from syncmodel.targets.live_node import LiveNode
from syncmodel.transport import ssh

HERE = Path(__file__).parent
LACKING = space_needs.lacking()
SLOW_LACKS = slow_disk.lacking(inside.program)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(LACKING), reason=f"namespaces need {'; '.join(LACKING)}"),
]
LINK: Link = ("n1", "n2")
BACK: Link = ("n2", "n1")
NONE = frozenset[Link]()


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where machines find the toy applications."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]))


def live(test: Callable[[NamespaceMachines], Awaitable[None]], app: str) -> None:
    """Run `test` with machines that have this application."""

    async def main() -> None:
        async with NamespaceMachines(app) as machines:
            await test(machines)

    asyncio.run(main())


# What a machine is.


@pytest.mark.skipif(not spaces.CLOCKS.exists(), reason="the kernel has no CONFIG_TIME_NS")
def test_each_machine_was_booted_at_another_time_and_again_when_it_reboots() -> None:
    async def up_s(machine: LocalMachine) -> float:
        return float((await told(machine, "cat /proc/uptime")).split()[0])

    async def test(machines: NamespaceMachines) -> None:
        cluster = machines.prepare(["n1", "n2"])
        n1, n2 = await cluster.boot()
        days = [await up_s(one) / 86_400 for one in (n1, n2)]
        assert [int(one) for one in days] == [1, 2]
        again = await cluster.reboot("n1")
        assert await up_s(again) < 60
        assert await up_s(n2) > 2 * 86_400

    live(test, "toy_echo:serve")


def test_a_machine_is_a_host_of_its_own() -> None:
    """Its way in is sshd; of the computer it sees the files, and can't change them."""

    async def test(machines: NamespaceMachines) -> None:
        cluster = machines.prepare(["n1"])
        (n1,) = await cluster.boot()
        place = n1.endpoint
        stranger = asyncssh.generate_private_key("ssh-ed25519")
        with pytest.raises(TransportError, match="refuses the client's key"):
            await ssh.connect(
                place.host, place.port, "root", stranger, place.host_key, sockets=place.sockets
            )
        connection = await n1.control.connection()
        assert "OpenSSH" in str(connection.get_extra_info("server_version"))
        assert json.loads(await told(n1, "control status"))["result"] == await n1.status()
        refused = await connection.run("control nonsense")
        assert (refused.exit_status, json.loads(str(refused.stdout))["ok"]) == (1, False)
        async with connection.start_sftp_client() as files:
            assert await files.readlink("/var/guix/profiles/system") == "system-1-link"
        for place_there in ("/usr", sys.prefix, sys.base_prefix):
            done = await connection.run(f"touch '{place_there}/of-a-machine'")
            assert "Read-only" in str(done.stderr), place_there
        assert len((await told(n1, "ls -d /proc/[0-9]*")).split()) < 12
        devices = (await told(n1, "echo seen > /dev/null; ls /dev")).split()
        assert {"null", "urandom", "pts"} <= set(devices) <= {*DEVICES, "ptmx", "pts", "shm"}
        in_terminal = await connection.run("tty", term_type="xterm")
        assert str(in_terminal.stdout).strip() == "/dev/pts/0"
        await told(n1, "echo kept > /var/kept")
        again = await cluster.reboot("n1")
        assert await told(again, "cat /var/kept") == "kept\n"

    before = links_here()
    live(test, "toy_application:serve")
    assert links_here() == before


async def told(machine: LocalMachine, command: str) -> str:
    connection = await machine.control.connection()
    return str((await connection.run(command, check=True)).stdout)


def links_here() -> set[str]:
    """The network interfaces of this computer."""
    return {name for _, name in socket.if_nameindex()}


# What passes between them.


def test_each_fault_of_a_link_is_what_its_dialler_meets() -> None:
    async def test(machines: NamespaceMachines) -> None:
        cluster = machines.prepare(["n1", "n2"])
        assert isinstance(cluster, NamespaceCluster)
        await cluster.start()
        first = {name: both[0] for name, both in cluster.addresses.items()}
        links = RoutedLinks(first, RELAY_PORT, cluster)
        await links.open()
        try:
            await cluster.boot()
            await cuts(cluster, links)
            await hangs(cluster, links)
            await is_slow(cluster, links)
            await is_bad(cluster, links)
            await is_told_of(cluster, links, machines.pid)
        finally:
            await links.close()

    live(test, "toy_echo:serve")


async def cuts(cluster: NamespaceCluster, links: RoutedLinks) -> None:
    """Connections end at both machines, one way; nobody gets through after a reboot either."""
    with await dialled(cluster, LINK) as there, await dialled(cluster, BACK) as back:
        await links.set_cut(frozenset({LINK}))
        with pytest.raises(OSError, match=r"abort|reset"):
            await echo(there)
        assert await alive(cluster) == {"n1": 1, "n2": 1}
        await echo(back)
    await cluster.reboot("n2")
    await links.check()
    with pytest.raises(ConnectionRefusedError):
        await dialled(cluster, LINK)
    # The other address is in a network that no fault touches.
    with await dialled(cluster, LINK, network=1) as other:
        await echo(other)
    await links.set_cut(NONE)
    with await dialled(cluster, LINK) as there:
        await echo(there)


async def hangs(cluster: NamespaceCluster, links: RoutedLinks) -> None:
    """Nothing passes and nobody is told; what was open then is dead for good."""
    with await dialled(cluster, LINK) as there:
        await links.hang(LINK)
        waiting = asyncio.ensure_future(echo(there))
        await links.check()
        assert not waiting.done()
        await links.set_cut(NONE)
        with await dialled(cluster, LINK) as fresh:
            await echo(fresh)
        await asyncio.wait([waiting], timeout=0.3)
        assert not waiting.done()
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        # Its dialler gives it up; its relay still believes in it.
        there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        port = there.getsockname()[1]
    with await dialled(cluster, LINK, port=port) as again:
        await echo(again)
    # One that was cut may hang, and the other way round.
    await links.set_cut(frozenset({LINK}))
    await links.hang(LINK)
    await links.set_cut(frozenset({LINK, BACK}))
    await links.set_cut(NONE)


async def is_slow(cluster: NamespaceCluster, links: RoutedLinks) -> None:
    """Each way takes so long; who is gone has sent what it sent."""
    loop = asyncio.get_running_loop()
    with await dialled(cluster, LINK) as there, await dialled(cluster, BACK) as back:
        await links.slow(LINK, 0.1)
        for way, least_s in ((there, 0.2), (back, 0.0)):
            started_s = loop.time()
            await echo(way)
            assert loop.time() - started_s >= least_s
        await links.hurry(frozenset({"n1"}))
        started_s = loop.time()
        await echo(there)
        await links.hurry(frozenset())
        await echo(there)
        assert loop.time() - started_s >= 0.2
        await links.quicken()
        await echo(there)


async def is_bad(cluster: NamespaceCluster, links: RoutedLinks) -> None:
    """Each wrong is seen as itself, both ways, and as no other; what is sent comes all the same."""
    with await dialled(cluster, LINK) as there:
        for wrong in WRONGS:
            await links.impair(LINK, wrong)
            await echo(there)
        await links.impair(LINK, NOTHING)
        await links.impair(LINK, "damage")
        # Somebody else sees to it that packets pass by another way.
        await links._rule(*links._changed("delete", "slow", [LINK]))
        with pytest.raises(FaultError, match="is to be wrong: damage, and is: nothing"):
            await links._watch(LINK, BACK)
        await links.slow(LINK, 0.05)
        await links.impair(LINK, "disorder")
        # What a node lost on a bad line, before it went down, does not come later.
        await links.hurry(frozenset({"n1"}))
        with pytest.raises(OSError, match=r"abort|reset"):
            await echo(there)
        await links.hurry(frozenset())
    await links.set_cut(frozenset({LINK}))
    await links.set_cut(NONE)
    with await dialled(cluster, LINK) as there:
        await echo(there)


async def is_told_of(cluster: NamespaceCluster, links: RoutedLinks, hub: int | None) -> None:
    """A cut that somebody else has taken away is no cut."""
    await links.set_cut(frozenset({LINK}))
    command = ["nsenter", f"--net=/proc/{hub}/ns/net", "nft", "flush", "ruleset"]
    done = await asyncio.create_subprocess_exec(*command)
    assert await done.wait() == 0
    with pytest.raises(FaultError, match="n1 -> n2 is cut, and n2 sees a byte gets through"):
        await links.check()


async def dialled(
    cluster: NamespaceCluster, link: Link, network: int = 0, port: int = 0
) -> socket.socket:
    """A connection of one machine, from that port of its, to the relay of the other."""
    made = await cluster.dialler(link[1])
    assert made is not None
    dialler = socket.socket(fileno=made)
    dialler.setblocking(False)
    dialler.bind((cluster.addresses[link[1]][network], port))
    place = cluster.addresses[link[0]][network], RELAY_PORT
    try:
        async with asyncio.timeout(5):
            await asyncio.get_running_loop().sock_connect(dialler, place)
    except BaseException:
        dialler.close()
        raise
    return dialler


async def echo(way: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(way, b"there")
    assert await loop.sock_recv(way, 10) == b"there"


async def alive(cluster: NamespaceCluster) -> dict[str, int]:
    """How many connections between relays each machine has."""
    found = {}
    for node in LINK:
        made = await cluster.kernel(node)
        assert made is not None
        with socket.socket(fileno=made) as kernel:
            found[node] = sum(
                one.state == ESTABLISHED and RELAY_PORT in (one.here[1], one.there[1])
                for one in connections(kernel)
            )
    return found


# Whole runs.

#: What the machines of other targets have, too, is here on real machines and packets.
FAULTS: tuple[Step, ...] = (
    Drift("n1", 100),
    Drift("n2", -100),
    create_case("n1", "c1", "t1"),
    Cut("n1", "n2"),
    update_case("n1", "c1", "t2"),
    Crash("n2"),
    Restart("n2"),
    Select("n2", 3),
    Reboot("n2"),
    Mend("n1", "n2"),
    Slow("n2", "n1", 100),
    Impair("n2", "n1", "loss"),
    update_case("n2", "c1", "t3"),
    Hang("n1", "n2"),
    update_case("n1", "c1", "t4"),
    Pause("n1"),
    Heal(),
    Resume("n1"),
    update_case("n1", "c1", "t5"),
    FullDisk("n2", killed=True),
    *((SlowDisk("n1", 2), update_case("n1", "c1", "t6")) if not SLOW_LACKS else ()),
    Burst((create_case("n1", "c3", "t7"), Crash("n1"))),
    Restart("n1"),
    *((SlowDisk("n1", 0),) if not SLOW_LACKS else ()),
    Drift("n2", 0),
)


def test_a_run_with_the_faults_of_links_and_machines() -> None:
    with Loop() as loop:
        cluster = NamespacedCluster(2)
        try:
            result = loop.run(run(cluster, fully_connected(2), FAULTS))
            assert result.verdict is Verdict.PASS, (result.divergences, result.reason)
            assert '"application": "running"' in shell(dict(cluster.ways()["n1"])["ssh"])
        finally:
            loop.run(cluster.close())


def shell(command: str) -> str:
    return subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout


@pytest.mark.long
def test_every_step_on_machines_in_namespaces() -> None:
    with Loop() as loop:
        cluster = NamespacedCluster(3)
        try:
            for _ in range(2):
                result = loop.run(run(cluster, fully_connected(3), EVERYTHING))
                assert result.verdict is Verdict.PASS, (result.divergences, result.reason)
        finally:
            loop.run(cluster.close())


ENDS: tuple[Step, ...] = (
    Fill("n1", "cases", 100, 200),
    Burst((update_case("n1", "c1", "t2"), create_case("n1", "c2", "t3"), Crash("n1"))),
    update_case("n2", "c1", "t4"),
    Restart("n1"),
    Burst((update_case("n2", "c1", "t5"), Pause("n2"))),
    create_case("n1", "c3", "t6"),
    Resume("n2"),
    Burst((create_case("n1", "c4", "t7"), Rollback(("n1",), 1))),
    update_case("n2", "c1", "t8"),
    Rollout(("n1",), 3),
    Burst((update_case("n1", "c1", "t9"), Reboot("n2"))),
    Burst((update_case("n2", "c1", "t10"), Cut("n1", "n2"))),
    Heal(),
)


@pytest.mark.long
def test_runs_on_bad_lines_pass() -> None:
    """Also where a node goes down, stands still, or is rolled back, over what its line has lost."""
    both = [Impair(*link, "loss") for link in (LINK, BACK)]
    with Loop() as loop:
        cluster = NamespacedCluster(2)
        try:
            for wrong in WRONGS:
                lines = [evolve(one, wrong=wrong) for one in both]
                steps = [*lines, create_case("n1", "c1", "t1"), *ENDS]
                result = loop.run(run(cluster, fully_connected(2), steps))
                assert result.verdict is Verdict.PASS, (wrong, result.divergences, result.reason)
        finally:
            loop.run(cluster.close())


@pytest.mark.skipif(bool(SLOW_LACKS), reason=f"slow disks need {SLOW_LACKS}")
def test_no_run_inherits_a_slow_disk() -> None:
    slow = (create_case("n1", "c1", "t1"), SlowDisk("n1", 2), SlowDisk("n2", 2), Crash("n2"))
    with Loop() as loop:
        cluster = NamespacedCluster(2)
        try:
            assert loop.run(run(cluster, fully_connected(2), slow)).verdict is Verdict.PASS
            assert loop.run(is_held_up(cluster, "n1"))
            assert not loop.run(is_held_up(cluster, "n2"))  # it ended with the process
            cluster.passed()
            assert loop.run(run(cluster, fully_connected(2), slow[:1])).verdict is Verdict.PASS
            assert not loop.run(is_held_up(cluster, "n1"))
        finally:
            loop.run(cluster.close())


DRIFTS: tuple[Step, ...] = (
    create_case("n1", "c1", "t1"),
    Drift("n1", 100),
    Drift("n2", -100),
    Backup(("n1",)),
    Reboot("n1"),
    Crash("n2"),
    Restart("n2"),
    Restore(("n1",), plain=True),
    update_case("n1", "c1", "t2"),
)


def test_a_clock_drifts_over_reboots_and_no_run_inherits_that() -> None:
    with Loop() as loop:
        cluster = NamespacedCluster(2)
        try:
            assert loop.run(run(cluster, fully_connected(2), DRIFTS)).verdict is Verdict.PASS
            for node, percent in (("n1", 100), ("n2", -100)):
                live = cluster.live[node]
                loop.run(keeps_pace(live, percent))
                # It goes on by itself, and the tester knows how far.
                away_s = known_s = 0.0
                while abs(known_s) < 0.5:
                    away_s, known_s = loop.run(away(live))
                    assert away_s == pytest.approx(known_s, abs=0.2)
                assert away_s * percent > 0
            cluster.passed()
            assert loop.run(run(cluster, fully_connected(2), DRIFTS[:1])).verdict is Verdict.PASS
            for live in cluster.live.values():
                loop.run(keeps_pace(live, 0))
                assert loop.run(away(live)) == pytest.approx((0, 0), abs=0.2)
        finally:
            loop.run(cluster.close())


async def away(live: LiveNode) -> tuple[float, float]:
    """How far the clock of a node is ahead of ours, and how far the tester takes it to be."""
    shown_s = float((await live.admin("cluster_status"))["now_s"])
    now_s = time.time()
    return shown_s - now_s, live.pace.at(now_s) - now_s


async def is_held_up(cluster: NamespacedCluster, node: str) -> bool:
    """Whether any process of the machine is traced."""
    command = "grep -h TracerPid /proc/[0-9]*/status"
    tracers = (await told(cluster._running.machines[node], command)).split()[1::2]
    return any(map(int, tracers))


@pytest.mark.long
def test_another_user_has_the_same_packets_without_sshd() -> None:
    user = ["unshare", "-U", "--map-user=12345", "--map-group=12345", sys.executable, "-m"]
    told = subprocess.run(
        [*user, "syncmodel", "doctor"], capture_output=True, text=True, check=False
    )
    assert "target namespaces: goes without" in told.stdout
    assert "OpenSSH, which needs root" in told.stdout
    file = HERE.parents[1] / "corpus" / "cut-while-a-node-stands-still.json"
    replay = ["syncmodel", "replay", "--target", "namespaces", "--check", str(file)]
    done = subprocess.run([*user, *replay], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_planted_bug_is_found_shrunk_and_seen_again(tmp_path: Path) -> None:
    explore = ["explore", "--target", "namespaces", "--bug", "rollback-leaves-table"]
    options = [
        "--faults",
        "deployment",
        "--nodes",
        "2",
        "--seed",
        "1",
        "--jobs",
        "1",
        "--no-report",
    ]
    found = verb(*explore, *options, "--corpus", str(tmp_path))
    assert found.returncode == 1, found.stdout + found.stderr
    (again,) = re.findall(r"See it again: +(?:syncmodel )?(.*)", found.stdout)
    (file,) = tmp_path.glob("*.json")
    assert len(json.loads(file.read_text())["steps"]) <= 5
    seen = verb(*shlex.split(again.removeprefix("syncmodel ")))
    assert seen.returncode == 1, seen.stdout + seen.stderr


def verb(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "syncmodel", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)
