"""The processes of one machine in namespaces of its own: network, mounts and processes.

    fork server (the hub)
      `- the machine's holder, in its network
           `- its first process
                |- sshd
                `- supervisor, and below it the application

Each dies with the one above it, and all with the first: the kernel sees to that, and no mount, link
or process of it has a name outside. The root folder has the places of `docs/contract.md`; of the
computer's own files it sees the others, and can't change them.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syncmodel.faults.slow_disk import SlowDisk
from syncmodel.machines.endings import ending, tail
from syncmodel.reference.machines import hub, inside, spaces, ssh_front, sshd
from syncmodel.reference.machines.process import fork_child, log_to
from syncmodel.reference.node.control import Control
from syncmodel.reference.node.layout import Layout

if TYPE_CHECKING:
    from syncmodel.reference.machines.machine_process import WayIn

#: Disks are not among them.
DEVICES = ("full", "null", "random", "tty", "urandom", "zero")
#: For how long a machine was up that has just booted again.
JUST_BOOTED_S = 1
_DAY_S = 86_400
_AGAIN_S = 0.002


def up_for_s(address: str) -> int:
    """For how long the machine of that address was up when it is first seen: so many days."""
    return int(address.rsplit(".", 1)[-1]) * _DAY_S


def run_isolated(
    root: Path,
    app: Callable[[Path], None],
    lifeline: socket.socket,
    start_limit_s: float,
    addresses: list[str],
) -> int:
    """Be the holder of the machine whose disk is `root`, until it ends."""
    log_to(Layout(root).supervisor_log)
    holder = os.getpid()
    enter, entered = os.pipe()
    plugging = fork_child(lambda: _plug(enter, holder, addresses))
    spaces.unshare(spaces.NEW_NET | spaces.NEW_MOUNTS)
    os.write(entered, b"!")
    _, failed = os.waitpid(plugging, 0)
    if failed:
        return 1
    hub.configure(addresses)
    spaces.keep_mounts_private()
    # A clock that begins at boot says something else on each machine, and anew after a reboot.
    booted = (root / "run/sshd").exists()
    furnish(root)
    # Looked for here, where links can be followed that a machine does not see.
    writes = SlowDisk(inside.program("strace") or "strace")
    server = (inside.program("sshd") or "sshd") if spaces.may_set_groups() else None
    alive, held = os.pipe()  # its other end is open as long as the holder lives

    def machine() -> int:
        from syncmodel.reference.machines.machine_process import run_machine

        way_in = (_front_at if server is None else _sshd_at)(addresses[0])
        here, told = Path("/"), (lifeline, start_limit_s)
        return run_machine(here, app, *told, way_in=way_in, seen_as=holder, writes=writes)

    def first() -> int:
        os.close(held)
        return _first(root, alive, lifeline, machine, server)

    # From here on, as the next child is the first process there; it sees no parent.
    spaces.be_up_for(JUST_BOOTED_S if booted else up_for_s(addresses[0]))
    spaces.unshare(spaces.NEW_PROCESSES)
    os.waitpid(fork_child(first, parent=0), 0)
    return 1


def _plug(enter: int, holder: int, addresses: list[str]) -> None:
    os.read(enter, 1)
    hub.plug(holder, f"v{holder}", addresses)


def furnish(root: Path) -> None:
    """Put everything that a machine sees beside its own files below its root."""
    for name in ("dev/pts", "dev/shm", "proc", "root", "run/sshd", "sys", "tmp"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for entry in sorted(os.scandir("/"), key=lambda one: one.name):
        if entry.name in inside.OWN:
            continue
        if entry.is_symlink():
            _link(root / entry.name, os.readlink(entry.path))
        elif entry.is_dir():
            _show(Path(entry.path), root)
    for path in inside.of_python():
        _show(path, root)
    _show(Path("/etc/ld.so.cache"), root)
    for name in DEVICES:
        _show(Path("/dev", name), root, read_only=False)
    spaces.mount_terminals(root / "dev/pts")
    _link(root / "dev/ptmx", "pts/ptmx")


def _show(path: Path, root: Path, *, read_only: bool = True) -> None:
    """Have a folder or a file of the computer, if it has that, at its place below `root`."""
    place = root / path.relative_to("/")
    if path.is_dir():
        place.mkdir(parents=True, exist_ok=True)
    elif path.exists():
        place.touch()
    else:
        return
    spaces.bind(path, place, read_only=read_only)


def _link(place: Path, target: str) -> None:
    if not place.is_symlink():
        place.symlink_to(target)


def _first(
    root: Path, alive: int, lifeline: socket.socket, machine: Callable[[], int], server: str | None
) -> int:
    """Be the first process: everyone without a parent is its child, and all end with it.

    `server` is the path of sshd, None where there can be none. If that ends, the tester is told.
    """
    from syncmodel.reference.machines.machine_process import tell

    poll = select.poll()
    poll.register(alive, 0)
    if poll.poll(0):
        return 1  # the holder died before the kernel was to tell us
    spaces.mount_processes(root / "proc")
    os.chroot(root)
    os.chdir("/")
    supervisor = fork_child(machine)
    way_in = None if server is None else fork_child(lambda: _sshd(server))
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == way_in:
            how = ending(os.waitstatus_to_exitcode(status))
            said = tail(Path("/", sshd.LOG))
            tell(lifeline, {"error": f"its sshd {how}. Its log ends:\n{said}"})
        if pid in {supervisor, way_in}:
            return 1


def _sshd_at(address: str) -> WayIn:
    @asynccontextmanager
    async def way_in(layout: Layout, control: Control) -> AsyncIterator[dict[str, Any]]:
        del layout, control  # it leads to the control's socket
        await _listens(address)
        yield {"port": sshd.PORT}

    return way_in


def _front_at(address: str) -> WayIn:
    """A small SSH server in sshd's place."""

    @asynccontextmanager
    async def way_in(layout: Layout, control: Control) -> AsyncIterator[dict[str, Any]]:
        async with await ssh_front.listen(layout, control, (address, sshd.PORT)):
            yield {"port": sshd.PORT}

    return way_in


def _sshd(server: str) -> int:
    log_to(Path("/", sshd.LOG))
    try:
        os.execv(server, [server, "-D", "-e", "-f", f"/{sshd.CONFIG}"])
    except OSError as error:
        print(f"{server} can't be started: {error.strerror}.", file=sys.stderr)
    return 1


async def _listens(address: str) -> None:
    """Return when somebody accepts connections there; sshd tells nobody that it does."""
    while True:
        with socket.socket() as probe:
            probe.setblocking(False)
            try:
                await asyncio.get_running_loop().sock_connect(probe, (address, sshd.PORT))
            except ConnectionRefusedError:
                await asyncio.sleep(_AGAIN_S)
            else:
                return
