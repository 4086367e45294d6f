"""Servers that are rented, as machines in namespaces: each with a network and processes of its own.

The test's thread moves into a network that is the router of all of them, with what it starts there:
the computer's own network sees nothing of it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from syncmodel.reference.machines import spaces

#: All addresses are in one network, whoever rents them out.
_ROUTER, _WIDTH = "10.255.255.254", 8
_HOLD = "echo up; exec sleep infinity"


def _run(*words: object) -> None:
    subprocess.run([str(word) for word in words], check=True)


@contextmanager
def router() -> Iterator[None]:
    """Be in a network of our own, to which servers are connected."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    spaces.unshare(spaces.NEW_NET)
    try:
        _run("ip", "link", "set", "lo", "up")
        _run("ip", "link", "add", "br0", "type", "bridge")
        _run("ip", "address", "add", f"{_ROUTER}/{_WIDTH}", "dev", "br0")
        _run("ip", "link", "set", "br0", "up")
        yield
    finally:
        spaces.enter_net(home)
        os.close(home)


class Machine:
    """One server: its first process, and whatever is started in it."""

    def __init__(self, number: int, address: str) -> None:
        kinds = ("--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
        self._holder = subprocess.Popen(
            ("unshare", *kinds, "sh", "-c", _HOLD), stdout=subprocess.PIPE, text=True
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "up\n"
        holder = self._holder.pid
        self._first = int(Path(f"/proc/{holder}/task/{holder}/children").read_text().split()[0])
        _run("ip", "link", "add", f"v{number}", "type", "veth", "peer", "eth0", "netns", holder)
        _run("ip", "link", "set", f"v{number}", "master", "br0", "up")
        _run(*self.inside, "ip", "link", "set", "lo", "up")
        _run(*self.inside, "ip", "address", "add", f"{address}/{_WIDTH}", "dev", "eth0")
        _run(*self.inside, "ip", "link", "set", "eth0", "up")

    @property
    def inside(self) -> tuple[str, ...]:
        """The words before a command that runs in it."""
        return ("nsenter", "--target", str(self._first), "--net", "--mount", "--pid")

    def end(self) -> None:
        """It is switched off: the kernel ends everything in it."""
        self._holder.kill()
        self._holder.communicate()
