"""Removes the folder of machines whose tester was killed, once no process is left to write to it.

Run with the arguments SESSION FOLDER, in its own process group, as the last thing that a fork
server does. It is spawned, not forked, so it needs the interpreter and this file to be there still;
without them the processes end all the same, and the folder stays.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import time
from pathlib import Path

from syncmodel.reference.machines import spaces

# A killed process may stay as a zombie for as long as its parent likes: this bounds the wait.
_DEATH_LIMIT_S = 0.3
# What still dies, on a machine in trouble, may write to the folder while it is removed.
_SWEEP_LIMIT_S = 10.0
_PAUSE_S = 0.01


def sweep(session: int, folder: Path) -> None:
    """Kill what is left of the session, and remove the folder, again until it is gone."""
    started_s = time.monotonic()
    while (took_s := time.monotonic() - started_s) < _SWEEP_LIMIT_S:
        dead = not _killed(session) or took_s > _DEATH_LIMIT_S
        if dead:
            # We are where the fork server was, and see the disks that it gave to machines.
            spaces.unmount_below(folder)
            shutil.rmtree(folder, ignore_errors=True)
            if not folder.exists():
                return
        select.select([], [], [], _PAUSE_S)


def _killed(session: int) -> bool:
    """Whether there was anyone to kill; zombies count."""
    try:
        os.killpg(session, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    sweep(int(sys.argv[1]), Path(sys.argv[2]))
