"""What does the same simulated step cost, here and in another checkout?

    python bench/replayed.py DIR [--sequences 60] [--rounds 12] [--turns 3] [--seed 1]

The other checkout's search draws the steps, so that both know them; a search of ours has other
kinds of steps, which cost something else. Each plays them in a process of its own, in turns, every
sequence `rounds` times: the fastest of each counts, for the machine is never slower than nothing
else makes it. Prints microseconds of processor time a step (as it is drawn: one may hold several),
and the ratios of the turns.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from immutables import Map

from syncmodel.engine.drive import Straight
from syncmodel.engine.findings import Settings
from syncmodel.engine.history import Began, Entry, Performed
from syncmodel.engine.run import run
from syncmodel.machine.search import searched
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net
from syncmodel.model.world import promised
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Step, form

HERE = Path(__file__).resolve().parent.parent
Script = tuple[Net, tuple[Step, ...]]


def draw(file: Path, sequences: int, seed: int) -> None:
    """Write the sequences of a search to the file: nodes with their generations, and steps."""
    drawn: list[tuple[dict[str, int], list[Any]]] = []

    def note(entry: Entry) -> None:
        if isinstance(entry, Began):
            drawn.append((dict(entry.net.running), []))
        elif isinstance(entry, Performed):
            drawn[-1][1].append(form.dump(entry.step))

    settings = Settings(sequences=sequences, seed=seed)
    searched(SimulatedCluster(3, (), seed), Straight(), settings, note)
    file.write_text(json.dumps(drawn), encoding="utf-8")


def read(file: Path) -> list[Script]:
    """The sequences of a file."""
    scripts: list[Script] = []
    for nodes, steps in json.loads(file.read_text(encoding="utf-8")):
        net = Net(SimulatedCluster.schema, tuple(sorted(nodes)), Map(nodes))
        scripts.append((promised(net, Guarantees()), form.load_all(steps, str(file))))
    return scripts


def play(file: Path, rounds: int) -> float:
    """Microseconds a step takes. Raises `RuntimeError` for a run that does not pass."""
    scripts = read(file)
    target, drive = SimulatedCluster(3, (), 0), Straight()
    fastest = [float("inf")] * len(scripts)
    gc.collect()
    gc.disable()
    for _ in range(rounds):
        for number, (net, steps) in enumerate(scripts):
            started = time.process_time()
            result = drive.run(run(target, net, steps))
            fastest[number] = min(fastest[number], time.process_time() - started)
            if result.verdict.value != "pass":
                raise RuntimeError(f"sequence {number}: {result.verdict.value} {result.reason}")
    return sum(fastest) * 1e6 / sum(len(steps) for _, steps in scripts)


def elsewhere(checkout: Path, *arguments: str) -> str:
    """What this file prints with that checkout's code."""
    environment = {**os.environ, "PYTHONPATH": str(checkout / "src")}
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("before", type=Path, metavar="DIR", help="the other checkout")
    parser.add_argument("--sequences", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--draw", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--play", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.draw:
        draw(options.draw, options.sequences, options.seed)
        return 0
    if options.play:
        print(play(options.play, options.rounds))
        return 0
    if not (options.before / "src" / "syncmodel").is_dir():
        print(f"There is no checkout in {options.before}: git worktree add makes one.")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        file, count = Path(folder, "steps.json"), ("--rounds", str(options.rounds))
        drawn = ("--sequences", str(options.sequences), "--seed", str(options.seed))
        elsewhere(options.before, ".", "--draw", str(file), *drawn)
        ratios = []
        for _ in range(options.turns):
            played = (".", "--play", str(file), *count)
            before, now = (float(elsewhere(one, *played)) for one in (options.before, HERE))
            ratios.append(now / before)
            print(f"before {before:.0f} us, now {now:.0f} us: {ratios[-1]:.2f}", flush=True)
    print(f"median of {len(ratios)}: {statistics.median(ratios):.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
