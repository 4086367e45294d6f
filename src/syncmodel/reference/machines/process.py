"""Processes that can't outlive the one that started them (Linux: prctl(2), fork(2)).

Lives here: the two prctl options we need, and one way to fork a child. Not here: what the
children do (`fork_server`, `machine_process`, `spawner`).
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

# Loaded at import: a child that was just forked must not have to look for libraries.
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int, with_signal: signal.Signals = signal.SIGKILL) -> bool:
    """Have the kernel send us `with_signal` when `parent` (a process id) dies.

    Returns False if it is gone already: the kernel does not report an earlier death.
    The signal comes when the *thread* that forked us ends, so fork from a main thread only.
    """
    _prctl(_PR_SET_PDEATHSIG, with_signal)
    return os.getppid() == parent


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent died, so that we can reap them."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def fork_child(run: Callable[[], int | None], parent: int | None = None) -> int:
    """Fork; the child dies with us, runs `run` and exits with what that returned (None is 0).

    `parent` is how the child sees us, if not by our own process id.

    Returns the child's process id. An exception in `run` goes to the child's stderr, exit code 1.
    """
    parent = os.getpid() if parent is None else parent
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        if die_with_parent(parent):
            code = run() or 0
    except SystemExit as stopped:
        code = _exit_code(stopped)
    except BaseException:  # noqa: BLE001 - the edge of the process: nothing above can handle it
        traceback.print_exc()
    finally:
        # Not sys.exit: the parent's frames, finally blocks and atexit hooks are not ours.
        _flush()
        os._exit(code)


def log_to(path: Path) -> None:
    """Send stdout and stderr to the end of `path`, and read nothing from stdin."""
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    _flush()
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.close(null)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl({option}, {value}): {os.strerror(number)}")


def _exit_code(stopped: SystemExit) -> int:
    if stopped.code is None or isinstance(stopped.code, int):
        return stopped.code or 0
    sys.stderr.write(f"{stopped.code}\n")
    return 1


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue  # closed, missing or on a full disk: nothing more can be written anyway
