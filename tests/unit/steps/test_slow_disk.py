"""A disk that is slow: only when things come changes, and a probe says that it is."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from one_machine import Machine
from supertest import create_case, fully_connected

from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run
from syncmodel.engine.tally import Sometimes, Tally
from syncmodel.errors import FaultError, UsageError
from syncmodel.faults import slow_disk
from syncmodel.model.plan import Plan
from syncmodel.reference.kinds import EMBEDDED, SIMULATED, spaced
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Burst, Concurrently, Crash, Pause, Rollback, SlowDisk, Step
from syncmodel.steps.disks import LONGEST_MS, SlowsDisks
from syncmodel.steps.packets import ImpairsLinks

PLAN = Plan(fully_connected(3))
SLOW, QUICK = SlowDisk("n1", 2), SlowDisk("n1", 0)
STEPS: tuple[Step, ...] = (
    create_case("n1", "c1", "t1"),
    SLOW,
    create_case("n1", "c2", "t2"),
    QUICK,
)


class Slowed(SimulatedCluster, SlowsDisks):
    """Nodes in memory, and what their disks were told."""

    def __init__(self) -> None:
        super().__init__(3)
        self.told: list[tuple[str, int]] = []

    async def slow_disk(self, node: str, delay_ms: int) -> None:
        self.told.append((node, delay_ms))


def test_it_is_a_node_that_runs_with_the_plugin() -> None:
    assert SLOW.advance(PLAN) == PLAN
    for step in (Crash("n1"), Pause("n1"), Rollback(("n1",), 1)):
        assert not SLOW.enabled(step.advance(PLAN))
    drawn = list(SlowDisk.choices(PLAN, None))  # type: ignore[arg-type]
    assert len(drawn) == 9
    assert all(step.enabled(PLAN) for step in drawn)


@pytest.mark.parametrize("wrong", [-1, LONGEST_MS + 1])
def test_it_is_not_slower_than_is_waited_for(wrong: int) -> None:
    assert not SlowDisk("n1", wrong).enabled(PLAN)
    assert not SlowDisk("n9", 1).enabled(PLAN)


def test_nothing_is_asked_of_anybody_beside_it() -> None:
    assert Burst((create_case("n2", "c1", "t1"), SLOW)).enabled(PLAN)
    assert not Concurrently((create_case("n2", "c1", "t1"), SLOW)).enabled(PLAN)


def test_it_is_drawn_only_where_writes_can_be_held_up() -> None:
    for packets in (False, True):
        assert issubclass(spaced(packets=packets, traces=True), SlowsDisks)
        assert not issubclass(spaced(packets=packets, traces=False), SlowsDisks)
        assert issubclass(spaced(packets=packets, traces=True), ImpairsLinks) is packets
    assert not EMBEDDED.takes(SlowDisk)
    assert not SIMULATED.takes(SlowDisk)
    with pytest.raises(UsageError, match="lacks the ability SlowsDisks"):
        asyncio.run(run(SimulatedCluster(3), PLAN.net, (SLOW,)))


def test_a_run_with_it_passes_and_is_counted() -> None:
    target, tally = Slowed(), Tally()
    result = asyncio.run(run(target, PLAN.net, STEPS, observe=tally))
    assert result.verdict is Verdict.PASS
    assert target.told == [("n1", 2), ("n1", 0)]
    assert tally.seen[Sometimes.SLOW_DISKS] == 2
    assert Sometimes.SLOW_DISKS not in Tally().never(SIMULATED.ops)


def test_its_words_say_what_happens() -> None:
    assert str(SLOW) == "n1: the disk is slow (2 ms a write)"
    assert str(QUICK) == "n1: the disk is quick"


# --- what holds writes up ----------------------------------------------------------------------

#: It writes to a file and says how long that took, milliseconds, once for each line that it reads.
WRITER = """
import os, sys, time
file = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)
for line in sys.stdin:
    began = time.monotonic()
    os.pwrite(file, b"x", 0)
    os.fsync(file)
    print(int((time.monotonic() - began) * 1000), flush=True)
"""


class Writer:
    """A process that writes."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            (sys.executable, "-c", WRITER, str(folder / "file")),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def took_ms(self) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    if lacks := slow_disk.lacking():
        pytest.skip(lacks)
    return Writer(tmp_path)


def test_each_write_takes_so_long_until_it_is_quick_again(writer: Writer) -> None:
    async def main() -> None:
        disk, pid = slow_disk.SlowDisk(), writer.process.pid
        try:
            assert not await disk.slow(pid, 0)
            assert await disk.slow(pid, 100)
            assert writer.took_ms() >= 200
            assert await disk.slow(pid, 50)
            assert writer.took_ms() >= 100
            assert not await disk.slow(pid, 0)
            assert min(writer.took_ms() for _ in range(5)) < 100
        finally:
            writer.end()

    asyncio.run(main())


def test_it_ends_with_the_process(writer: Writer) -> None:
    async def main() -> None:
        disk, pid = slow_disk.SlowDisk(), writer.process.pid
        assert await disk.slow(pid, 20)
        tracer = disk._tracer
        assert tracer is not None
        writer.end()
        assert await asyncio.wait_for(tracer.wait(), 10) is not None
        assert slow_disk.tracer_of(pid) == 0
        assert not await disk.slow(pid, 0)

    asyncio.run(main())


#: It begins and ends so many threads for each line that it reads, and says so.
THREADS = """
import sys, threading
for line in sys.stdin:
    for _ in range(int(line)):
        thread = threading.Thread(target=lambda: None)
        thread.start()
        thread.join()
    print("done", flush=True)
"""


@pytest.mark.slow
def test_a_process_of_many_threads_goes_on() -> None:
    if lacks := slow_disk.lacking():
        pytest.skip(lacks)

    async def main() -> None:
        disk = slow_disk.SlowDisk()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            THREADS,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert await disk.slow(process.pid, 1)
            process.stdin.write(b"9000\n")
            assert await asyncio.wait_for(process.stdout.readline(), 60) == b"done\n"
            assert not await disk.slow(process.pid, 0)
        finally:
            process.kill()
            await process.wait()

    asyncio.run(main())


def test_a_machine_refuses_what_it_can_not_do(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert asyncio.run(machine.refused("disk.slow", delay_ms=-1))["code"] == "malformed"
    assert asyncio.run(machine.refused("disk.slow", delay_ms=1))["code"] == "no_disk"
    assert asyncio.run(machine.ask("disk.slow", delay_ms=0)) == {"slow": False}


def test_what_can_not_be_traced_is_one_sentence(writer: Writer) -> None:
    writer.end()
    with pytest.raises(FaultError, match="strace could not trace"):
        asyncio.run(slow_disk.SlowDisk().slow(writer.process.pid, 20))


def test_what_lacks_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert slow_disk.lacking() == "strace is not there: apt-get install strace"
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/strace")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(slow_disk, "_rights", lambda: 0)
    assert "give the container SYS_PTRACE" in slow_disk.lacking()
    monkeypatch.setattr(slow_disk, "_rights", lambda: 1 << 19)
    assert not slow_disk.lacking()
