"""Where the workers of a shared search come from: one process that has imported what they need.

It is started before this process imports all of that itself, so that both do it at the same time
and no worker does it again. Nothing is imported here that takes long.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver, util
from multiprocessing.context import ForkServerContext, SpawnContext

from syncmodel.interrupts import ENDING
from syncmodel.safe_path import SafeChildren

#: Modules of ours, and none of the user's: those may start threads, which no fork survives.
IMPORTED = ("syncmodel.cli", "syncmodel.machine.jobs", "syncmodel.machine.cluster")

#: A path of a socket has 107 bytes, of which the listener's takes 32 below the temporary folder.
LONGEST_FOLDER = 107 - 32
#: Where there is no room for it each worker is started by itself.
FORKS = len(os.fsencode(tempfile.gettempdir())) <= LONGEST_FOLDER
CONTEXT: ForkServerContext | SpawnContext = (
    multiprocessing.get_context("forkserver") if FORKS else multiprocessing.get_context("spawn")
)


def prepare() -> None:
    """Start that process, unless it runs. It ends with this one and the last of its workers.

    It and its workers begin with the signals of `ENDING` held back.
    """
    if not FORKS:
        return
    # Python 3.11.0 would listen where every user of the computer may ask (CVE-2022-42919).
    util.abstract_sockets_supported = False  # type: ignore[misc]
    CONTEXT.set_forkserver_preload(list(IMPORTED))
    with held(ENDING), SafeChildren():
        forkserver.ensure_running()


@contextmanager
def held(signals: frozenset[signal.Signals]) -> Iterator[None]:
    """Until this ends, these signals wait; a process that is started meanwhile begins like that."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
