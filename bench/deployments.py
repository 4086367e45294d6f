"""What do deployments, joins and restores of one live node cost, in restarts of its application?

    python bench/deployments.py [--rounds 10] [--json FILE]

Each is a step of a run on two live nodes, with the rest and the looks after it; they take turns.
Prints medians, and their ratios to a restart in this very run: the goals are 2.5 for a rollout or
rollback, and 3 for a join or restore. Then every scenario by `syncmodel scenario`, with its seconds
(20 are the goal) and the size of what it leaves (2 MB); bare times depend on the machine.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from syncmodel.engine.drive import Loop
from syncmodel.engine.session import Session
from syncmodel.model.net import fully_connected
from syncmodel.reference.embedded import EmbeddedCluster
from syncmodel.steps import (
    Backup,
    Create,
    Join,
    Leave,
    Restart,
    Restore,
    Rollback,
    Rollout,
    Step,
)
from syncmodel.targets.wire import SUPERTEST

ROOT = Path(__file__).parent.parent
SCENARIOS = ROOT / "corpus" / "scenarios"
#: What is measured by name, with its goal; None is not measured.
TURNS: tuple[tuple[str | None, Step], ...] = (
    ("restart", Restart("n1")),
    ("rollout", Rollout(("n1",), 3)),
    ("rollback", Rollback(("n1",), 2)),
    (None, Leave("n1")),
    ("join", Join("n1")),
    (None, Backup(("n1",))),
    ("restore", Restore(("n1",), plain=False)),
)
GOALS = {"rollout": 2.5, "rollback": 2.5, "join": 3.0, "restore": 3.0}
GOAL_S, GOAL_BYTES = 20.0, 2_000_000


def measure(rounds: int) -> dict[str, float]:
    """Medians of the steps, in seconds."""
    took: dict[str, list[float]] = {name: [] for name, _ in TURNS if name}
    with Loop() as loop:
        cluster = EmbeddedCluster(2)
        try:
            session = Session(cluster, fully_connected(SUPERTEST, 2))
            loop.run(session.begin())
            loop.run(session.take(Create("n1", "cases", "c1", (("title", "t1"),))))
            for _ in range(rounds):
                for name, step in TURNS:
                    started = time.perf_counter()
                    loop.run(session.take(step))
                    if name:
                        took[name].append(time.perf_counter() - started)
                    if session.over is not None:
                        raise RuntimeError(f"the cluster is not as it should be: {session.over}")
        finally:
            loop.run(cluster.close())
    return {name: statistics.median(seconds) for name, seconds in took.items()}


def scenario(name: str) -> tuple[float, float, int]:
    """Seconds, those of a processor, with boot and all, and how many bytes it leaves.

    Raises RuntimeError if it does not pass.
    """
    with tempfile.TemporaryDirectory(prefix="sm-bench-") as kept:
        command = [sys.executable, "-m", "syncmodel", "scenario", name, "--artefacts", kept]
        started, before_s = time.perf_counter(), _children_s()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        took = time.perf_counter() - started
        if done.returncode:
            raise RuntimeError(f"{name} did not pass: {done.stdout}{done.stderr}")
        files = (one for one in Path(kept).rglob("*") if one.is_file())
        return took, _children_s() - before_s, sum(one.stat().st_size for one in files)


def _children_s() -> float:
    """The processor's seconds of all our children that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure, print, and say so by the exit code if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    steps = measure(asked.rounds)
    scenarios = {path.stem: scenario(path.stem) for path in sorted(SCENARIOS.glob("*.json"))}
    ratios = {name: steps[name] / steps["restart"] for name in GOALS}
    table = Table("step of one node", "ms", "restarts", "goal")
    for name, seconds in steps.items():
        ratio, goal = seconds / steps["restart"], GOALS.get(name)
        table.add_row(name, f"{seconds * 1000:.0f}", f"{ratio:.2f}", f"{goal or ''}")
    files = Table("scenario", "s", "of a processor", "kB")
    for name, (seconds, busy_s, size) in scenarios.items():
        files.add_row(name, f"{seconds:.1f}", f"{busy_s:.1f}", f"{size / 1000:.0f}")
    console = Console()
    console.print(table, files)
    if asked.json:
        found = {"steps_s": steps, "ratios": ratios, "scenarios": scenarios}
        asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    missed = [name for name, goal in GOALS.items() if ratios[name] > goal]
    missed += [n for n, (s, _, size) in scenarios.items() if s > GOAL_S or size > GOAL_BYTES]
    sys.exit(f"Beyond its goal: {', '.join(missed)}." if missed else 0)


if __name__ == "__main__":
    main()
