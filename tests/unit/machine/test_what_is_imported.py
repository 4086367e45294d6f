"""A search on the simulator starts soon: it imports nothing that only live nodes or tests need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
HEAVY = ("asyncssh", "httpx", "pytest")
PROGRAM = f"""
import sys
from syncmodel.cli import main
assert main(["explore", "--target", "simulated", "--sequences", "1", "--steps", "1"]) == 0
print(*[name for name in {HEAVY} if name in sys.modules])
"""


def test_a_search_on_the_simulator_imports_no_client_and_no_pytest(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert done.stdout.splitlines()[-1].strip() == ""
