"""Where does a simulated step's time go? Looked up again and again while a search runs.

    python bench/where.py [--seeds 1 2 3] [--sequences 150] [--json FILE]

Every two milliseconds of processor time it is noted what runs. Two tables: the parts of a step (by
the first call that belongs to one), and the packages (by the code that runs itself, Hypothesis and
others too). Below them: how much of all is spent in or below the code that a schema's tables and
columns are looked up with (`model/schema.py`, `columns.py`, `registers.py`): what it costs that
tables are data is less than that. Shares of one run: the machine's speed and load don't matter.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType

from rich.console import Console
from rich.table import Table

from syncmodel.engine.drive import Straight
from syncmodel.engine.findings import Settings
from syncmodel.machine.search import searched
from syncmodel.reference.simulated import SimulatedCluster

EVERY_S = 0.002
#: What belongs to which part: an ending of the file's name, and the function ("" for any).
PARTS = {
    ("strategies/inside.py", "do_draw"): "draw the step",
    ("steps/base.py", "advance"): "advance the plan",
    ("steps/compound.py", "advance"): "advance the plan",
    ("simulated/cluster.py", "begin"): "begin the run",
    ("simulated/cluster.py", "settle"): "come to rest, and read",
    ("model/control.py", ""): "compare the control plane",
    ("model/rest.py", "compare"): "compare the nodes",
    ("engine/tally.py", ""): "count for the summary",
}
SCHEMA = ("model/schema.py", "model/columns.py", "model/registers.py")


class Looks:
    """Counts what runs, at each look."""

    def __init__(self) -> None:
        self.parts: Counter[str] = Counter()
        self.packages: Counter[str] = Counter()
        self.generic = self.all = 0
        self._known: dict[CodeType, tuple[str, str, bool]] = {}

    def __call__(self, _number: int, frame: FrameType | None) -> None:
        """Look at all that runs, the innermost first."""
        facts = [self._fact(code) for code in _codes(frame)]
        if not facts:
            return
        self.all += 1
        self.packages[facts[0][1]] += 1
        self.parts[next((part for part, _, _ in reversed(facts) if part), "all else")] += 1
        self.generic += any(generic for _, _, generic in facts)

    def _fact(self, code: CodeType) -> tuple[str, str, bool]:
        """The part that it is of, its package, and whether it looks tables up."""
        known = self._known.get(code)
        if known is None:
            file, name = code.co_filename, code.co_name
            known = (_part(file, name), _package(file), file.endswith(SCHEMA))
            self._known[code] = known
        return known


def _codes(frame: FrameType | None) -> Iterator[CodeType]:
    while frame is not None:
        yield frame.f_code
        frame = frame.f_back


def _part(file: str, name: str) -> str:
    if "syncmodel/steps/" in file and name in ("perform", "expect"):
        return "perform the step" if name == "perform" else "judge the answers"
    for (ending, only), part in PARTS.items():
        if file.endswith(ending) and only in ("", name):
            return part
    return ""


def _package(file: str) -> str:
    if "strategies/" in file and "hypothesis" not in file:
        return "syncmodel.strategies"
    if "syncmodel/" in file:
        return "syncmodel." + file.rpartition("syncmodel/")[2].partition("/")[0]
    if "site-packages/" in file:
        return file.rpartition("site-packages/")[2].partition("/")[0]
    return "Python"


def look(seeds: list[int], sequences: int) -> Looks:
    """Look at these searches."""
    looks = Looks()
    searched(SimulatedCluster(3, (), 0), Straight(), Settings(sequences=20, seed=0))
    before = signal.signal(signal.SIGPROF, looks)
    signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)
    try:
        for seed in seeds:
            settings = Settings(sequences=sequences, seed=seed)
            searched(SimulatedCluster(3, (), seed), Straight(), settings)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    return looks


def main(argv: list[str]) -> int:
    """Look, print tables, write JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--sequences", type=int, default=150)
    parser.add_argument("--json", type=Path, default=Path("bench/results/where.json"))
    options = parser.parse_args(argv)
    looks = look(options.seeds, options.sequences)
    for title, counts in (("part of a step", looks.parts), ("package", looks.packages)):
        table = Table(title, "share")
        for name, count in counts.most_common():
            table.add_row(name, f"{count / looks.all:.1%}")
        Console(width=60).print(table)
    print(f"In or below tables and columns as data: {looks.generic / looks.all:.1%}")
    print(f"({looks.all} looks)")
    result = {"parts": looks.parts, "packages": looks.packages, "generic": looks.generic}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({"all": looks.all} | result, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
