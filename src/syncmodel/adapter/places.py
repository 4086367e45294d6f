"""Where servers of an adapter are, and whose: free ports, folders that are copied, users."""

from __future__ import annotations

import inspect
import os
import pwd
import random
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from syncmodel.errors import BootError, UsageError

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


def program(name: str) -> str | None:
    """The program of that name, in the folder of our Python's own or on the path; None if none."""
    return shutil.which(name, path=f"{sys.prefix}/bin{os.pathsep}{os.environ.get('PATH', '')}")


def beside(kind: type, name: str) -> str:
    """The text of the file of that name where the class is written, or one that it inherits from.

    Raises `UsageError`.
    """
    for one in kind.__mro__[:-1]:
        file = Path(inspect.getfile(one)).with_name(name)
        if file.is_file():
            return file.read_text(encoding="utf-8")
    raise UsageError(f"{kind.__name__} needs a file {name!r}: put it beside the adapter.")


def copy_folder(source: Path, copy: Path) -> None:
    """The folder as it is, owners and modes too, in place of what is there."""
    if copy.exists():
        shutil.rmtree(copy)
    subprocess.run(["cp", "-a", str(source), str(copy)], check=True)


#: A user and their group, by number.
Owner = tuple[int, int]


def owner(user: str) -> Owner | None:
    """Who that is; None where no user is named, or we are not root. Raises `UsageError`."""
    if not user or os.geteuid() != 0:
        return None
    try:
        found = pwd.getpwnam(user)
    except KeyError:
        raise UsageError(
            f"There is no user {user!r} for the servers to run as: install the system first."
        ) from None
    return found.pw_uid, found.pw_gid


def give_folder(folder: Path, to: Owner | None) -> None:
    """The folder and all that is in it are theirs from now on."""
    if to is None:
        return
    for where, _, names in os.walk(folder):
        for path in (where, *(os.path.join(where, name) for name in names)):
            os.chown(path, *to, follow_symlinks=False)
