"""The system calls of namespaces: unshare(2), setns(2), mount(2), mount_setattr(2)."""

from __future__ import annotations

import ctypes
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

NEW_CLOCKS = 0x00000080
NEW_MOUNTS, NEW_USERS, NEW_PROCESSES, NEW_NET = 0x00020000, 0x10000000, 0x20000000, 0x40000000
_BIND, _RECURSIVE, _PRIVATE = 0x1000, 0x4000, 0x40000
_SYS_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE = 442, -100, 0x8000
_READ_ONLY = 1
_DETACH = 2

# Loaded at import, as in `process`.
_libc = ctypes.CDLL(None, use_errno=True)

Made = TypeVar("Made")


class _Attributes(ctypes.Structure):
    _fields_ = (
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns", ctypes.c_uint64),
    )


#: Clocks that begin at boot, of children to come: time_namespaces(7).
CLOCKS = Path("/proc/self/timens_offsets")
_SETGROUPS = Path("/proc/self/setgroups")


def may_set_groups() -> bool:
    """Whether processes may change their groups, as sshd must: root, and not one of a namespace
    that another user has made."""
    return os.geteuid() == 0 and _SETGROUPS.read_text(encoding="ascii").strip() == "allow"


def become_root() -> None:
    """Be root, of a namespace of our own if we are not root here. The kernel forgets then whom our
    end was to follow."""
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        return
    unshare(NEW_USERS)
    _SETGROUPS.write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1", encoding="ascii")


def unshare(kinds: int) -> None:
    """Be in new namespaces of these kinds; of processes, the children are."""
    _call("unshare", _libc.unshare(kinds))


def enter_net(net: int) -> None:
    """Have this thread in that network, an open file of /proc."""
    _call("setns", _libc.setns(net, NEW_NET))


def be_up_for(up_s: int) -> None:
    """Have children for which the computer was booted so many seconds ago; nothing where the kernel
    has no such clocks."""
    if not CLOCKS.exists():
        return
    unshare(NEW_CLOCKS)
    offset = up_s - int(time.clock_gettime(time.CLOCK_MONOTONIC))
    CLOCKS.write_text(f"monotonic {offset} 0\nboottime {offset} 0\n", encoding="ascii")


def in_net_of(pid: int, make: Callable[[], Made]) -> Made:
    """What `make` makes in the network of another process: a socket stays there.

    The whole process must have one thread.
    """
    home, there = (os.open(f"/proc/{of}/ns/net", os.O_RDONLY) for of in ("self", pid))
    try:
        enter_net(there)
        try:
            return make()
        finally:
            enter_net(home)
    finally:
        os.close(home)
        os.close(there)


def keep_mounts_private() -> None:
    """What is mounted from here on is seen in this namespace alone."""
    _mount("none", Path("/"), "", _RECURSIVE | _PRIVATE)


def bind(source: Path, target: Path, *, read_only: bool = True) -> None:
    """Have `source`, with all that is mounted below it, at `target` too."""
    _mount(os.fspath(source), target, "", _BIND | _RECURSIVE)
    if read_only:
        wanted = _Attributes(_READ_ONLY, 0, 0, 0)
        done = _libc.syscall(
            ctypes.c_long(_SYS_MOUNT_SETATTR),
            ctypes.c_int(_AT_FDCWD),
            ctypes.c_char_p(os.fsencode(target)),
            ctypes.c_uint(_AT_RECURSIVE),
            ctypes.byref(wanted),
            ctypes.c_size_t(ctypes.sizeof(wanted)),
        )
        _call(f"mount_setattr {target}", done)


def mount_processes(target: Path) -> None:
    """The processes of this namespace, as files."""
    _mount("proc", target, "proc", 0)


def mount_terminals(target: Path) -> None:
    """Terminals of this namespace, for who logs in."""
    _mount("devpts", target, "devpts", 0, "newinstance,ptmxmode=0666,mode=0600")


def mount_memory(target: Path, size: int) -> None:
    """A disk of so many bytes, that is gone when nobody sees it any more."""
    _mount("tmpfs", target, "tmpfs", 0, f"size={size},mode=0700")


def unmount_below(folder: Path) -> None:
    """Take away what is mounted there, as far as we may; who still uses it does so."""
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        place = line.split()[4]
        if Path(place).is_relative_to(folder):
            _libc.umount2(os.fsencode(place), ctypes.c_int(_DETACH))


def net_sysctl(name: str, value: str) -> None:
    """Set one of /proc/sys/net of this process's network."""
    Path("/proc/sys/net", name).write_text(value, encoding="ascii")


def kernel_socket(protocol: int) -> socket.socket:
    """A netlink(7) socket, to ask the kernel about the network that it was made in."""
    return socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, protocol)


def _mount(source: str, target: Path, kind: str, flags: int, options: str = "") -> None:
    arguments = os.fsencode(source), os.fsencode(target), kind.encode()
    done = _libc.mount(*arguments, ctypes.c_ulong(flags), options.encode() or None)
    _call(f"mount {target}", done)


def _call(what: str, result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
