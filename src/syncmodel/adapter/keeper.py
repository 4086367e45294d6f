"""Keeps one server and everything that it starts; when the tester is gone, all of it ends.

    python -I -S keeper.py DESCRIPTOR

It imports nothing of ours, so it starts in some milliseconds. The socket DESCRIPTOR brings one JSON
object, what to run, and then a line for each order: `signal NUMBER` (to the server), `pause`,
`resume`, `kill`. Back come `started PID`, `failed WHY`, `paused`, `resumed` and, when nothing of it
runs any more, `ended CODE`. Orphans are adopted (`prctl(2)`, PR_SET_CHILD_SUBREAPER): whatever
session a server's children make, and whatever user they become, they stay below the keeper.
"""

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_IPC_RMID = 0
_MNT_DETACH = 2
_TRIES, _PAUSE_S = 100, 0.05


def main(descriptor: int) -> None:
    """Keep the server until it ends or the tester is gone."""
    lifeline = socket.socket(fileno=descriptor)
    lifeline.set_inheritable(False)
    orders = lifeline.makefile("rwb", buffering=0)
    # Not ignored: the server would inherit that.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    asked = json.loads(orders.readline())
    woken, wake = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)

    def say(line: str) -> None:
        with contextlib.suppress(OSError):  # the tester may be gone
            orders.write(line.encode() + b"\n")

    try:
        server = _started(asked, libc)
    except OSError as error:
        say(f"failed {error}")
        return
    if server:
        say(f"started {server}")
    code = _keep(server, lifeline, woken, say)
    _forget_segments({server, *_end_all()}, libc)
    if code is None:
        for folder in asked["folders"]:
            _remove(folder, libc)
    else:
        say(f"ended {code}")


def _started(asked: dict[str, Any], libc: Any) -> int:
    """The process id of the server; 0 where none was asked for."""
    if not asked["argv"]:
        return 0
    failed_out, failed_in = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid:
        os.close(failed_in)
        with open(failed_out, "rb") as said:
            number = said.read()
        if number:
            os.waitpid(pid, 0)
            raise OSError(int(number), os.strerror(int(number)), asked["argv"][0])
        return pid
    try:
        os.setsid()
        log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        for ours, theirs in ((null, 0), (log, 1), (log, 2)):
            os.dup2(ours, theirs)
        os.chdir(asked["cwd"])
        if asked["user"]:
            user, group = asked["user"]
            os.setgroups([])
            os.setgid(group)
            os.setuid(user)
        # After the user: a change of user takes it back.
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        os.execvpe(asked["argv"][0], asked["argv"], asked["env"])
    except OSError as error:
        os.write(failed_in, str(error.errno or 1).encode())
    finally:
        os._exit(127)


def _keep(server: int, lifeline: socket.socket, woken: socket.socket, say: Any) -> int | None:
    """The exit code of the server, once it ended; None where the tester went."""
    waiting = b""
    while True:
        ready, _, _ = select.select([lifeline, woken], [], [])
        if woken in ready:
            woken.recv(4096)
            code = _reaped(server)
            if code is not None:
                return code
        if lifeline in ready:
            try:
                part = lifeline.recv(4096)
            except OSError:
                part = b""
            if not part:
                return None
            *lines, waiting = (waiting + part).split(b"\n")
            for line in lines:
                if _obeyed(server, line.decode().split(), say):
                    return -signal.SIGKILL


def _obeyed(server: int, words: list[str], say: Any) -> bool:
    """Do as told; whether all is to be killed."""
    match words:
        case ["signal", number]:
            _send(server, int(number))
        case ["pause"]:
            _to_all(signal.SIGSTOP)
            say("paused")
        case ["resume"]:
            _to_all(signal.SIGCONT)
            say("resumed")
        case _:
            return True
    return False


def _reaped(server: int) -> int | None:
    """Reap who ended; the exit code of the server, if it was among them."""
    code = None
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid == server:
                code = os.waitstatus_to_exitcode(status)
    return code


def _end_all() -> set[int]:
    """Kill all that descend from us, until there are none; who they were."""
    killed: set[int] = set()
    while True:
        killed.update(_descendants(os.getpid()))
        _to_all(signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return killed


def _forget_segments(makers: set[int], libc: Any) -> None:
    """Remove the segments of shared memory (shmget(2)) that killed processes could not: they
    outlive them, and nobody has them any more."""
    with contextlib.suppress(OSError), open("/proc/sysvipc/shm", encoding="ascii") as file:
        next(file)
        for line in file:
            _, segment, _, _, creator, _, attached, *_ = map(int, line.split())
            if creator in makers and not attached:
                libc.shmctl(segment, _IPC_RMID, None)


def _remove(folder: str, libc: Any) -> None:
    """Other keepers end their servers at the same time, and these may write until then; what the
    tester was about to mount may come, too."""
    for _ in range(_TRIES):
        _unmount_in(folder, libc)
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.lexists(folder):
            return
        time.sleep(_PAUSE_S)


def _unmount_in(folder: str, libc: Any) -> None:
    """Take away the disks that are mounted there, which are gone then. Not by the kernel's list of
    them, which has a path in other words where a link leads to it or it has a space."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            libc.umount2(os.fsencode(os.path.join(folder, name)), _MNT_DETACH)


def _to_all(number: int) -> None:
    for pid in _descendants(os.getpid()):
        _send(pid, number)


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _descendants(pid: int) -> Iterator[int]:
    """Parents before their children, so that one who is stopped can't fork unseen."""
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                children = file.read().split()
            for child in children:
                yield int(child)
                yield from _descendants(int(child))


if __name__ == "__main__":
    main(int(sys.argv[1]))
