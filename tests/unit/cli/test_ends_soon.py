"""A signal ends every verb within two seconds, in the middle of whatever it does."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from soon_ended import LIMIT_S, seconds_to_end, wait_until_it_listens

RUN = Path(__file__).parents[3] / "corpus" / "concurrent-creates-of-one-case.json"
ON_SLOW = ("--target", "mine:Slow")
ENDLESS = ("explore", "--target", "simulated", "--sequences", "1000000", "--steps", "50")
LARGE = ("--nodes", "3", "--writes", "4", "--cuts", "4", "--crashes", "4")
#: Waits in a run, asleep or at work, and says so.
MINE = """\
import asyncio
from pathlib import Path
from syncmodel.reference.simulated import SimulatedCluster

class Slow(SimulatedCluster):
    waits = True
    async def settle(self, net, *, control, limit_s):
        Path("here").touch()
        await asyncio.sleep(60)

class Busy(SimulatedCluster):
    async def settle(self, net, *, control, limit_s):
        Path("here").touch()
        while True:
            pass
"""
VERBS = {
    "explore": ("explore", *ON_SLOW),
    "explore, busy": ("explore", "--target", "mine:Busy"),
    "explore, jobs": (*ENDLESS, "--jobs", "2"),
    "check the model": ("check", "--grain", "model", *LARGE),
    "check steps": ("check", *LARGE),
    "check messages": ("check", "--grain", "messages", *LARGE),
    "check, jobs": ("check", "--scenes", "all", "--jobs", "2"),
    "check run by run": ("check", *ON_SLOW),
    "replay": ("replay", *ON_SLOW, "run.json"),
    "replay --check": ("replay", "--check", *ON_SLOW, "run.json"),
    "replay --record": ("replay", *ON_SLOW, "--record", "run.jsonl", "run.json"),
    "minimize": ("minimize", *ON_SLOW, "run.json"),
    "selftest": ("selftest", "mine:Slow"),
}


@pytest.mark.long
@pytest.mark.parametrize("verb", VERBS)
def test_a_signal_ends_each_verb_within_two_seconds(tmp_path: Path, verb: str) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    shutil.copy(RUN, tmp_path / "run.json")
    took_s = []
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        (tmp_path / "here").unlink(missing_ok=True)
        with (tmp_path / "err").open("w") as err:
            process = subprocess.Popen(
                [sys.executable, "-m", "syncmodel", *VERBS[verb]],
                cwd=tmp_path,
                stdout=err,
                stderr=err,
                text=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
        try:
            wait_until_it_listens(process)
            while "mine:" in " ".join(VERBS[verb]) and not (tmp_path / "here").exists():
                assert process.poll() is None, (tmp_path / "err").read_text()
                os.sched_yield()
            took_s.append(seconds_to_end(process, number))
        finally:
            process.kill()
        said = (tmp_path / "err").read_text()
        assert process.returncode == 130, said
        assert "interrupted" in said
        assert "Traceback" not in said
    assert min(took_s) < LIMIT_S, took_s
