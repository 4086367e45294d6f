"""A tester that is killed leaves nothing of any system: no process, no folder."""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from syncmodel.adapter.places import program

#: The target, what it needs of this machine, and the client's module.
SYSTEMS = {
    "etcd:Etcd": ("etcd", "httpx"),
    "nostr:Nostr": ("true", "nostr_sdk"),
    "openldap:OpenLdap": ("/usr/sbin/slapd", "ldap3"),
    "postgresql:PostgreSql": ("/usr/lib/postgresql/15/bin/postgres", "psycopg"),
    "pouchdb:PouchDb": ("pouchdb-server", "httpx"),
    "redis:Redis": ("redis-server", "redis"),
}
KILLS = 3
#: The latest moment of a kill, and how long what is left may take to end. Seconds.
LATEST_S, END_S = 12.0, 30.0


def having(mark: str) -> set[int]:
    """The processes that have this in their environment, but for those that have ended."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.add(int(folder.name))
        except OSError:
            continue
    return found


def _in_time(true: Callable[[], bool], mark: str) -> bool:
    """Whether that is so before long; looked at again whenever one of the processes has ended."""
    until_s = time.monotonic() + END_S
    while not true() and time.monotonic() < until_s:
        left = sorted(having(mark)) or [os.getpid()]
        try:
            descriptor = os.pidfd_open(left[0])
        except ProcessLookupError:
            continue
        select.select([descriptor], [], [], 0.2)
        os.close(descriptor)
    return true()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SYSTEMS)
def test_nothing_outlives_a_killed_tester(name: str) -> None:
    needed, client = SYSTEMS[name]
    pytest.importorskip(client, reason=f"{client} is not installed: make adapters")
    if program(needed) is None:
        pytest.skip(f"{needed} is not installed: make adapters")
    target = f"syncmodel.adapters.{name}"
    for _ in range(KILLS):
        mark = f"killed-{uuid.uuid4().hex}"
        folder = Path("/tmp") / mark
        folder.mkdir(mode=0o711)
        command = [sys.executable, "-P", "-m", "syncmodel", "explore", "--target", target]
        with subprocess.Popen(
            [*command, "--corpus", str(folder / "found"), "--sequences", "1000"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "TMPDIR": str(folder), "MARK": mark},
        ) as tester:
            after_s = random.uniform(0.5, LATEST_S)
            with pytest.raises(subprocess.TimeoutExpired):
                tester.wait(after_s)
            tester.send_signal(signal.SIGKILL)
        assert _in_time(lambda mark=mark: not having(mark), mark), (after_s, having(mark))  # type: ignore[misc]
        left = list(folder.glob("syncmodel-*"))
        assert not left, (after_s, left)
        for one in sorted(folder.rglob("*"), reverse=True):
            one.rmdir() if one.is_dir() else one.unlink()
        folder.rmdir()
