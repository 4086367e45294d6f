"""What `syncmodel doctor` asks of one host. Each check ends in one line.

A check tells what it found; `missing` and `degraded` say otherwise, and what to do.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from enum import Enum
from statistics import median

import asyncssh
from attrs import frozen

from syncmodel.errors import SyncModelError
from syncmodel.inventory import capabilities, kinds
from syncmodel.inventory.file import AHEAD
from syncmodel.inventory.host import HostNode
from syncmodel.transport import ssh
from syncmodel.transport.clients import Indefinite, Unreachable

#: A request that takes so much longer than the way there and back meets somebody's timer.
SLOW_REQUEST_S = 0.02
SLOW_COMMAND_S = 0.3
#: An admin request is good for 60 s.
WRONG_CLOCK_S, FAR_CLOCK_S = 30.0, 1.0
LITTLE_DISK_KB, NO_DISK_KB = 2**20, 100 * 2**10
TIMES = 5
STILL_S, GOES_ON_S, AHEAD_S = 0.2, 20.0, 30


class Health(Enum):
    """How a check ended."""

    OK = "ok"
    DEGRADED = "degraded"
    MISSING = "missing"


@frozen
class Line:
    """One check of one host (or of what `about` says), and how it ended."""

    health: Health
    about: str
    told: str


class BadError(Exception):
    """A check ended so; what it was about, `health`, and what is told."""

    def __init__(self, health: Health, told: str) -> None:
        super().__init__(told)
        self.health = health


def missing(told: str) -> BadError:
    return BadError(Health.MISSING, told)


def degraded(told: str) -> BadError:
    return BadError(Health.DEGRADED, told)


Check = Callable[[HostNode], Awaitable[str]]


async def line_of(node: HostNode, name: str, check: Check) -> Line:
    about = f"{node.name} {name}"
    try:
        return Line(Health.OK, about, await check(node))
    except BadError as bad:
        return Line(bad.health, about, str(bad))
    except SyncModelError as error:
        return Line(Health.MISSING, about, str(error))


async def log_in(node: HostNode) -> str:
    started = time.perf_counter()
    await node.connect()
    return f"{node.host.alias} lets us in, in {ms(time.perf_counter() - started)}"


async def _command(node: HostNode) -> str:
    took = []
    for _ in range(3):
        started = time.perf_counter()
        code, said = await node.shell("true", node.inventory.limits.connect)
        if code != 0:
            raise missing(f"it runs no commands for us: `true` ended with {code}: {said:.200}")
        took.append(time.perf_counter() - started)
    if (usual := median(took)) > SLOW_COMMAND_S:
        raise degraded(
            f"a command takes {ms(usual)}, and so does each start, stop and kill: see what the "
            f"login shell starts (.bashrc)"
        )
    return f"a command takes {ms(usual)}"


async def _sudo(node: HostNode) -> str:
    sudo, limit_s = node.host.sudo, node.inventory.limits.connect
    if not sudo:
        return "no command asks for it"
    code, said = await node.shell(f"{sudo}true", limit_s)
    if code == 0:
        return "it asks for no password"
    # It may be let run these alone.
    refused = []
    for verb, command in node.host.commands.items():
        asked = command.removeprefix(sudo).replace(AHEAD, "0")
        code, _ = await node.shell(f"{sudo}-l {asked}", limit_s)
        refused += [verb] if code != 0 else []
    if refused:
        raise missing(
            f"`{sudo}true` says: {said[:200] or 'nothing'}; it must run {', '.join(refused)} "
            f"without a password (NOPASSWD in sudoers)"
        )
    return "it runs each command without a password, and not all"


async def _links(node: HostNode) -> str:
    try:
        selected, running = await node.read_links()
    except (asyncssh.Error, OSError, ValueError) as error:
        raise degraded(f"generation links can't be read ({error}); they are not compared") from None
    return f"SFTP shows generation {selected} selected and {running} running"


async def _clock(node: HostNode) -> str:
    before = time.time()
    _, said = await node.shell("date +%s.%N", node.inventory.limits.connect)
    after = time.time()
    try:
        there = float(said.splitlines()[-1])
    except (ValueError, IndexError):
        raise degraded(f"`date +%s.%N` says {said[:80]!r}: its clock is not known") from None
    off = max(before - there, there - after, 0.0)
    if off > WRONG_CLOCK_S:
        raise missing(
            f"its clock is {off:.0f} s off ours, and a signature is good for 60 s: set it"
        )
    if off > FAR_CLOCK_S:
        raise degraded(f"its clock is {off:.1f} s off ours: start its NTP client")
    return "its clock is ours"


async def _disk(node: HostNode) -> str:
    _, said = await node.shell("df -Pk / /tmp", node.inventory.limits.connect)
    free = [
        int(words[3])
        for line in said.splitlines()
        if (words := line.split())[3:4] and words[3].isdecimal()
    ]
    if not free:
        raise degraded("`df -Pk / /tmp` does not say how much room is left")
    if min(free) < NO_DISK_KB:
        raise missing(f"{min(free) // 1024} MiB are free on / or /tmp: make room")
    if min(free) < LITTLE_DISK_KB:
        raise degraded(f"only {min(free) // 1024} MiB are free on / or /tmp")
    return f"{min(free) // 2**20} GiB are free"


async def _tools(node: HostNode) -> str:
    """What faults are made with, and what keeps testers apart."""
    _, said = await node.shell(
        "for one in flock timeout nft ss; do command -v $one; done", node.inventory.limits.connect
    )
    there = {word.rsplit("/", 1)[-1] for word in said.split()}
    if "flock" not in there:
        raise degraded("flock is not there, so no second tester is kept out: install util-linux")
    if "timeout" not in there:
        raise degraded("timeout is not there, so nobody stands still: install coreutils")
    return f"{', '.join(sorted(there))} are there"


async def _api(node: HostNode) -> str:
    place = node.host.api
    took = []
    for _ in range(TIMES):
        started = time.perf_counter()
        try:
            await node.ask_plugin("GET", "health")
        except Unreachable:
            raise missing(f"nothing listens at {place}: start the node, or see `api`") from None
        except Indefinite as error:
            raise missing(f"what listens at {place} does not answer: {error}") from None
        took.append(time.perf_counter() - started)
    usual, way = median(took[1:]), await _way(node)
    if usual > way + SLOW_REQUEST_S:
        raise degraded(f"a request takes {ms(usual)} where the way takes {ms(way)}: is it busy?")
    return f"a request takes {ms(usual)}, the way there and back {ms(way)}"


async def _way(node: HostNode) -> float:
    """How long the way there and back takes: the smallest question of SFTP, if there is any."""
    connection = node.connection
    took = []
    try:
        async with await ssh.with_session(connection.start_sftp_client, node.name) as sftp:
            for _ in range(TIMES):
                started = time.perf_counter()
                await sftp.realpath("/")
                took.append(time.perf_counter() - started)
    except (asyncssh.Error, OSError):
        return 0.0
    return median(took)


async def _asked(node: HostNode) -> str:
    node.lacks = await kinds.lacks_of(node)
    there = len(capabilities.WITHOUT) - len(node.lacks)
    return f"it is accepted, and {there} of {len(capabilities.WITHOUT)} capabilities are there"


async def _members(node: HostNode) -> str:
    await kinds.check_members(node)
    return "its cluster has the nodes of the inventory"


async def disturbed(node: HostNode) -> str:
    if "control" in node.lacks:
        raise degraded("nobody can stop or start it")
    started = time.perf_counter()
    await node.machine.kill()
    await node.machine.start()
    return f"it was killed and answered again after {ms(time.perf_counter() - started)}"


async def stood_still(node: HostNode) -> str:
    """Whether it does, and goes on when nobody says any more that it must not."""
    if "pauses" in node.lacks:
        raise degraded("it can't be made to stand still")
    await node.machine.pause()
    answered = await node.answers_within(STILL_S)
    # As when the tester dies: its connection is gone, and nobody undoes anything.
    node.machine.held.clear()
    await node.close()
    started = time.perf_counter()
    while not await node.answers_within(STILL_S):
        if time.perf_counter() - started > GOES_ON_S:
            raise missing(f"it stands still {GOES_ON_S:.0f} s after its tester has gone: resume it")
    if answered:
        raise missing("`pause` ended well, and it answered all the same")
    return f"it did, and went on by itself after {ms(time.perf_counter() - started)}"


async def jumped(node: HostNode) -> str:
    if "clocks" in node.lacks:
        raise degraded("its clock can't be set")
    await node.set_clock(AHEAD_S)
    try:
        shows = int((await node.admin("cluster_status"))["now_s"]) - time.time()
    finally:
        await node.set_clock(0)
    if not AHEAD_S / 2 < shows < AHEAD_S * 1.5:
        raise missing(
            f"it was set {AHEAD_S} s ahead, and its application shows {shows:.0f} s: was that "
            f"started with libfaketime, and without its cache?"
        )
    return f"it was set {AHEAD_S} s ahead, and its application shows that"


ON_HOST: tuple[tuple[str, Check], ...] = (
    ("commands", _command),
    ("sudo", _sudo),
    ("clock", _clock),
    ("disk", _disk),
    ("tools", _tools),
    ("api", _api),
    ("admin key", _asked),
    ("members", _members),
    ("links", _links),
)
#: What disturbs a node.
DISTURBING: tuple[tuple[str, Check], ...] = (
    ("kill and start", disturbed),
    ("standing still", stood_still),
    ("clock that jumps", jumped),
)
#: Without these nothing more can be asked of a node.
NEEDED = frozenset({"api", "admin key"})


def ms(took_s: float) -> str:
    return f"{took_s * 1000:.0f} ms" if took_s < 10 else f"{took_s:.0f} s"
