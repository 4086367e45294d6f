"""The network that machines in namespaces have in common: that of their fork server.

It is a router: each machine has a pair of veth(4) interfaces to it, and what passes between two
machines passes here, where packets are filtered. It ends with the fork server, and so does
everything in it; the network of the computer itself is not touched. Lives here: making it, and what
a tester may have made in it. Not here: the tester's side (`namespaces`), the filters (`faults`).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from syncmodel.errors import UsageError
from syncmodel.reference.machines import inside, spaces
from syncmodel.reference.machines.process import fork_child
from syncmodel.reference.node.layout import Layout

#: Where machines find the hub, whatever their own addresses.
GATEWAY = "10.77.255.254"
#: What a tester may ask for: see `serve`.
OPS = frozenset({"socket", "kernel", "sender", "receiver", "nft", "tun"})
NETLINK_SOCK_DIAG = 4
_CONNECTIONS = 1024
#: The disk of a machine's store: more than the rows of twenty runs.
DISK_BYTES = 128 << 20
# tun(4): TUNSETIFF, IFF_TUN, IFF_NO_PI.
_TUNSETIFF, _TUN, _NO_PI = 0x400454CA, 0x0001, 0x1000


def tool(name: str) -> str:
    """The path of a program that this needs. Raises `UsageError`."""
    found = shutil.which(name, path=inside.PATH)
    if found is None:
        raise UsageError(f"Machines in namespaces need {name}, which is not installed here.")
    return found


def open_hub() -> None:
    """Have a network of our own, which passes packets on."""
    spaces.become_root()
    spaces.unshare(spaces.NEW_NET | spaces.NEW_MOUNTS)
    spaces.keep_mounts_private()
    # A packet that was led aside for a while comes back by another device than it came.
    for name in ("all", "default"):
        spaces.net_sysctl(f"ipv4/conf/{name}/rp_filter", "0")
        spaces.net_sysctl(f"ipv4/conf/{name}/send_redirects", "0")
    spaces.net_sysctl("ipv4/ip_forward", "1")
    # Machines get tables of their own, as to go through those of the whole computer for a link's
    # connections takes 5 ms. Older kernels can't.
    with contextlib.suppress(OSError):
        spaces.net_sysctl("ipv4/tcp_child_ehash_entries", str(_CONNECTIONS))
    ip("link set lo up", f"addr add {GATEWAY}/32 dev lo")


def give_disk(root: Path) -> None:
    """Have a small disk of its own for the store of the machine at `root`, with what is there now.

    It is mounted where no one but our children sees it, so that it outlives the machine's reboot,
    and is gone with the folder, or with us.
    """
    folder = Layout(root).database.parent
    if folder.stat().st_dev != folder.parent.stat().st_dev:
        return
    held = [(one.name, one.read_bytes()) for one in folder.iterdir()]
    spaces.mount_memory(folder, DISK_BYTES)
    for name, content in held:
        (folder / name).write_bytes(content)


def ip(*lines: str) -> None:
    """Have ip(8) carry these out, in this process's network. Raises `OSError`."""
    done = subprocess.run(
        [tool("ip"), "-batch", "-"],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise OSError(f"`ip -batch` says {done.stderr.strip()[-300:]}")


def serve(order: Mapping[str, Any], end: socket.socket, machines: Mapping[str, int]) -> None:
    """Give what is asked for by `end`; its end means that it could not be had.

    A socket in the hub or in a machine; one to ask the machine's kernel; the device by which marked
    packets go. `end` itself becomes the standard input and output of an nft(8) in the hub.
    """
    with end:
        if order["op"] == "nft":
            fork_child(lambda: _nft(end))
            return
        if order["op"] == "tun":
            # The kernel tells of each child that ended: who runs ip(8) must not be told twice.
            fork_child(lambda: _detour(end, order["number"]))
            return
        try:
            _give(order, end, machines)
        except (OSError, KeyError) as error:
            end.send(f"{type(error).__name__}: {error}".encode())


def _give(order: Mapping[str, Any], end: socket.socket, machines: Mapping[str, int]) -> None:
    make = {"kernel": _kernel, "sender": _udp, "receiver": _raw}.get(order["op"], _tcp)
    pid = machines[order["root"]] if order["root"] else os.getpid()
    many = range(order.get("many", 1))
    made = spaces.in_net_of(pid, lambda: [make() for _ in many])
    socket.send_fds(end, [b"ok"], [one.fileno() for one in made])
    for one in made:
        one.close()


def _kernel() -> socket.socket:
    return spaces.kernel_socket(NETLINK_SOCK_DIAG)


def _tcp() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)


def _udp() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def _raw() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)


def _detour(end: socket.socket, mark: int) -> None:
    """Give a device by which packets with that mark go, wherever they were to go."""
    device = detour_of(mark)
    made = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(made, _TUNSETIFF, struct.pack("16sH", device.encode(), _TUN | _NO_PI))
    ip(f"link set {device} up", f"route add default dev {device} table {mark}")
    with contextlib.suppress(OSError):  # an earlier cluster with this number left its rule
        ip(f"rule add fwmark {mark} lookup {mark}")
    socket.send_fds(end, [b"ok"], [made])


def detour_of(mark: int) -> str:
    """The name of the device by which packets with that mark go."""
    return f"slow{mark}"


def _nft(end: socket.socket) -> int:
    for number in (0, 1, 2):
        os.dup2(end.fileno(), number)
    os.execv(tool("nft"), ["nft", "-i"])


def plug(pid: int, device: str, addresses: list[str]) -> None:
    """Give a process's network an interface `eth0` to this one."""
    ip(
        f"link add {device} type veth peer name eth0 netns {pid}",
        f"link set {device} up",
        *(f"route replace {address}/32 dev {device}" for address in addresses),
    )


def configure(addresses: list[str]) -> None:
    """The other end: this process's own network, whose first address is who it is."""
    ip(
        "link set lo up",
        *(f"addr add {address}/32 dev eth0" for address in addresses),
        "link set eth0 up",
        f"route add {GATEWAY} dev eth0",
        *(
            f"route add {_net(address)} via {GATEWAY} src {address} onlink dev eth0"
            for address in addresses
        ),
        f"route add default via {GATEWAY} src {addresses[0]} onlink dev eth0",
    )


def _net(address: str) -> str:
    return f"{'.'.join(address.split('.')[:2])}.0.0/16"
