"""Where servers of an adapter are: ports that are free, and folders that are copied."""

from __future__ import annotations

import random
import shutil
import socket
import subprocess
from pathlib import Path

from syncmodel.errors import BootError

#: Below those that the kernel hands out: a port from there is soon somebody's outgoing connection.
PORTS = range(15_000, 32_000)
PORT_TRIES = 100


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens at, none of them twice."""
    found: list[int] = []
    for _ in range(PORT_TRIES * count):
        port = random.choice(PORTS)
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
        if len(found) == count:
            return found
    raise BootError(f"No {count} free ports between {PORTS.start} and {PORTS.stop}.")


def copy_folder(source: Path, copy: Path) -> None:
    """The folder as it is, owners and modes too, in place of what is there."""
    if copy.exists():
        shutil.rmtree(copy)
    subprocess.run(["cp", "-a", str(source), str(copy)], check=True)
