"""Run in a network namespace of its own: hosts in namespaces behind a bridge, links cut by nft.

The last line that it prints is `done`; nothing of it outlives the namespace.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from hosts import Hosts, Place, hosts

from syncmodel.engine.drive import Loop
from syncmodel.inventory import file, kinds
from syncmodel.inventory.cluster import HostCluster
from syncmodel.inventory.hold import Hold
from syncmodel.inventory.links import dials
from syncmodel.inventory.packets import PacketLinks
from syncmodel.model.net import fully_connected
from syncmodel.targets.base import Settled
from syncmodel.targets.wire import SUPERTEST

NET = fully_connected(SUPERTEST, 2)
LINK = ("n1", "n2")
#: Stand-ins: who runs what by sudo is seen by what that runs.
SUDO = '#!/bin/sh\n[ "$1" = -n ] && shift && BY_SUDO=1 exec "$@"\n'
NFT = '#!/bin/sh\n[ "$BY_SUDO" ] && exec {nft} "$@"\necho Operation not permitted\nexit 1\n'


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@contextmanager
def place(number: int) -> Iterator[Place]:
    """A namespace with two addresses behind the bridge, one of them of IPv6."""
    command = ["unshare", "--net", "sh", "-c", "echo ready; exec sleep 600"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            holder.stdout.readline()
            enter = ("nsenter", f"--net=/proc/{holder.pid}/ns/net")
            address, v6, outer = f"10.77.0.{number}", f"fd77::{number}", f"v{number}"
            ip("link", "add", outer, "type", "veth", "peer", "name", "e0", "netns", str(holder.pid))
            ip("link", "set", outer, "master", "br0", "up")
            for words in (
                f"addr add {address}/24 dev e0",
                f"addr add {v6}/64 dev e0 nodad",
                "link set e0 up",
                "link set lo up",
            ):
                subprocess.run([*enter, "ip", *words.split()], check=True)
            yield Place(address, enter, v6)
        finally:
            holder.kill()


def sockets(at: Place, state: str, source: str = "") -> int:
    """How many TCP connections a host has in this state from its first address, or from another
    one, but for those of SSH."""
    done = subprocess.run(
        [*at.enter, "ss", "-Htn", "state", state, "src", source or at.address],
        check=True,
        capture_output=True,
        text=True,
    )
    return sum("10.77.0.254" not in line for line in done.stdout.splitlines())


async def one_way(target: HostCluster, places: dict[str, Place]) -> None:
    """A cut holds rows back in one direction, and leaves no connection of the link alive."""
    await target.begin(NET)
    assert [sockets(at, "established") for at in places.values()] == [2, 2]
    started = time.perf_counter()
    await target.set_cut(frozenset({LINK}))
    # Refused, and not waited for: a dialler is told at once.
    assert time.perf_counter() - started < 3.0
    assert [sockets(at, "established") for at in places.values()] == [1, 1]
    # Who is refused by one address tries the other one: a cut that misses that leaks.
    assert [sockets(at, "established", f"[{at.v6}]") for at in places.values()] == [0, 0]
    for node in ("n1", "n2"):
        assert await target.partial[node].mark(target.run_id, f"of-{node}")
    seen = await target.settle(NET.with_cut({LINK}), control=True, limit_s=10)
    assert isinstance(seen, Settled), seen
    assert {node: view and len(view.rows) for node, view in seen.views.items()} == {
        "n1": 4,
        "n2": 2,
    }
    await target.set_cut(frozenset())
    seen = await target.settle(NET, control=False, limit_s=10)
    assert isinstance(seen, Settled), seen
    assert seen.views["n1"] == seen.views["n2"]


async def hangs(target: HostCluster, places: dict[str, Place]) -> None:
    """Nothing passes over a link that hangs, and nobody is told; what it had is dead afterwards."""
    await target.begin(NET)
    before = [sockets(at, "established") for at in places.values()]
    await target.hang(LINK)
    # Both ends have their connections, as they were.
    assert [sockets(at, "established") for at in places.values()] == before
    assert await target.partial["n1"].mark(target.run_id, "of-n1")
    seen = await target.settle(NET.with_cut({LINK}), control=True, limit_s=10)
    assert isinstance(seen, Settled), seen
    assert [len(view.rows) for view in seen.views.values() if view] == [2, 0]
    started = time.perf_counter()
    await target.set_cut(frozenset())
    seen = await target.settle(NET, control=False, limit_s=10)
    assert isinstance(seen, Settled), seen
    assert seen.views["n1"] == seen.views["n2"]
    # It has found out by the silence, of 2 s.
    assert time.perf_counter() - started > 0.5
    print("hung, and was dialled anew", flush=True)


def table(at: Place, nft: str, verb: str) -> str:
    """Delete a host's table, or list it."""
    command = [*at.enter, nft, verb, "table", "inet", "syncmodel"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


async def outlives(target: HostCluster, places: dict[str, Place], nft: str) -> None:
    """A cut outlives the reboot of either host, which takes its table away."""
    await target.begin(NET)
    await target.set_cut(frozenset({LINK}))
    dialler = target._hold.connections["n2"]
    for node, at in places.items():
        table(at, nft, "delete")
        for relay in target._inventory.hosts["n1"].relay:
            assert not await dials(dialler, relay, 1.0)
        await target._ways.again(node)
        assert "expires" in table(at, nft, "list")
    await target._ways.check()
    await target.set_cut(frozenset())
    print("cut by the other one meanwhile", flush=True)


async def forgotten(made: Hosts, *, hung: bool) -> None:
    """A cut, or a link that hangs, whose tester is gone ends by itself; the next tester finds no
    table in its way."""
    inventory = file.load(made.file)
    hold, links = Hold(inventory), PacketLinks(timeout_s=3)
    await hold.open()
    try:
        await links.open(inventory, hold.connections)
        await (links.hang(LINK) if hung else links.set_cut(frozenset({LINK})))
        at = inventory.hosts["n1"].relay[0]
        assert not await dials(hold.connections["n2"], at, 0.5)
        async with asyncio.timeout(20):
            # Paced: nobody tells when it has ended.
            while not await dials(hold.connections["n2"], at, 1.0):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    finally:
        await hold.close()
    print("ended by itself", flush=True)


def verb(*words: object) -> None:
    command = [sys.executable, "-m", "syncmodel", *map(str, words)]
    done = subprocess.run(command, check=False)
    assert done.returncode == 0, done


def translated(made: Hosts, at: Place, nft: str) -> None:
    """What a host sends is translated on its way out: its kernel does not say so, its peer does."""
    rule = "add rule inet wrong out ip daddr 10.77.0.2 snat ip to 10.77.0.99"
    chain = "add chain inet wrong out { type nat hook postrouting priority 100; }"
    for command in (
        ["ip", "addr", "add", "10.77.0.99/24", "dev", "e0"],
        [nft, f"add table inet wrong; {chain}; {rule}"],
    ):
        subprocess.run([*at.enter, *command], check=True)
    verb("doctor", made.file)


def main(nft: str) -> None:
    ip("link", "set", "lo", "up")
    ip("link", "add", "br0", "type", "bridge")
    ip("addr", "add", "10.77.0.254/24", "dev", "br0")
    ip("link", "set", "br0", "up")
    with ExitStack() as stack:
        places = {f"n{n}": stack.enter_context(place(n)) for n in (1, 2)}
        made = stack.enter_context(hosts(2, places=places, nft="nft-by-sudo"))
        # A table is made by sudo, or not at all.
        for name, text in (("sudo", SUDO), ("nft-by-sudo", NFT.format(nft=nft))):
            (made.folder / "bin").mkdir(exist_ok=True)
            (made.folder / "bin" / name).write_text(text)
            (made.folder / "bin" / name).chmod(0o755)
        path = f"{made.folder}/bin/nft-by-sudo"
        words = made.file.read_text().replace("nft-by-sudo", path)
        made.file.write_text(f"sudo = true\n{words}")
        target = kinds.kind_of(made.file).make(2, ())
        assert isinstance(target, HostCluster)
        driver = Loop()
        try:
            driver.run(asyncio.wait_for(one_way(target, places), 60))
            driver.run(asyncio.wait_for(hangs(target, places), 60))
            driver.run(asyncio.wait_for(outlives(target, places, nft), 60))
            driver.run(target.close())
            for hung in (False, True):
                driver.run(asyncio.wait_for(forgotten(made, hung=hung), 60))
        finally:
            driver.close()
        verb("doctor", made.file)
        few = ("--sequences", 3, "--steps", 12, "--seed", 4, "--no-scenes")
        verb("explore", "--inventory", made.file, *few, "--corpus", made.folder / "found")
        translated(made, places["n1"], nft)
    print("done", flush=True)


main(sys.argv[1])
