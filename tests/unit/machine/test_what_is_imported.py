"""A search on the simulator starts soon: it imports nothing that only live nodes or tests need.

And where several processes do it, no worker imports what it needs by itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
HEAVY = ("asyncssh", "httpx", "pytest")
#: What takes long to import.
SLOW = ("asyncio", "attr", "hypothesis", "networkx", "syncmodel.model", "syncmodel.steps")
#: What only the process that asked for the search needs.
TOLD = ("syncmodel.report", "syncmodel.engine.replay", "syncmodel.machine.testcase")
PROGRAM = f"""
import sys
from importlib import import_module
from syncmodel.machine.workers import IMPORTED
early = [name for name in {SLOW} if name in sys.modules]
for name in IMPORTED:
    import_module(name)
imported = set(sys.modules)
from syncmodel.cli import main
assert main(["explore", "--target", "simulated", "--sequences", "1", "--steps", "1"]) == 0
late = [name for name in set(sys.modules) - imported if name.startswith(("syncmodel", *{SLOW}))]
heavy = [name for name in {HEAVY} if name in sys.modules]
print(heavy, early, sorted(name for name in late if not name.startswith({TOLD})))
"""


def test_a_search_imports_what_it_needs_and_its_workers_nothing_by_themselves(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert done.stdout.splitlines()[-1] == "[] [] []"
