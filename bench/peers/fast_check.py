"""fast-check's model-based commands (npm) on the simulator over a pipe: see fast_check.mjs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from peers.finding import STEPS
from peers.recorder import Recorder, Run

HERE = Path(__file__).parent


def installed() -> bool:
    """Whether node is there and `make peers` was run."""
    return bool(shutil.which("node")) and (HERE / "node_modules" / "fast-check").is_dir()


def search(bug: str | None, seed: int, cap: int) -> Recorder:
    """At most `cap` sequences until the first failure, then fast-check shrinks as it likes.

    Raises `CalledProcessError` if it did not end on its own.
    """
    command = ["node", str(HERE / "fast_check.mjs"), sys.executable]
    command += [] if bug is None else ["--bug", bug]
    command += ["--seed", str(seed), "--cap", str(cap), "--steps", str(STEPS)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    recorder = Recorder()
    recorder.runs = [Run(**run) for run in json.loads(done.stdout)["runs"]]
    return recorder
