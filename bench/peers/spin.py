"""SPIN on the register: the verifier it makes of register.pml, depth first and breadth first."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from peers.measured import Measured, Scope

NAME = "SPIN (spin and gcc)"
MODEL = Path(__file__).with_name("register.pml")
#: Depth first goes far down: the stack's limit, in steps.
DEPTH = 2_000_000
#: One process has nothing to reorder, so SPIN's reduction is off and every state is counted.
MODES = {
    "SPIN (depth first)": ("-DSAFETY", "-DNOREDUCE"),
    "SPIN (breadth first)": ("-DSAFETY", "-DNOREDUCE", "-DBFS"),
}


def installed() -> bool:
    """Whether both the tool and the compiler it needs are there."""
    return bool(shutil.which("spin") and shutil.which("gcc"))


def measure(scope: Scope) -> Iterator[Measured]:
    """Both ways to search. Raises `CalledProcessError` if a tool fails, and `ValueError` if its
    answer can't be read."""
    for mode, flags in MODES.items():
        with TemporaryDirectory() as folder:
            yield _measure(scope, mode, flags, folder)


def _measure(scope: Scope, mode: str, flags: tuple[str, ...], folder: str) -> Measured:
    started = time.perf_counter()
    sizes = {
        "NODES": scope.nodes,
        "WRITES": scope.writes,
        "CUTS": scope.cuts,
        "FORGETS": int(scope.planted),
    }
    _run(["spin", *(f"-D{name}={size}" for name, size in sizes.items()), "-a", str(MODEL)], folder)
    _run(["gcc", "-O2", "-w", *flags, "-o", "pan", "pan.c"], folder)
    built = time.perf_counter()
    said = _run(["./pan", "-E", f"-m{DEPTH}"], folder)
    seconds = time.perf_counter() - built
    errors = _number(r"errors: (\d+)", said)
    return Measured(
        tool=mode,
        scope=scope,
        answer="violated" if errors else "holds",
        seconds=seconds,
        states=_number(r"(\d+) states, stored", said),
        exhausted=not errors and "max search depth too small" not in said,
        # SPIN counts the steps before the one that broke it.
        length=_number(r"\(at depth (\d+)\)", said) + 1 if errors else None,
        remarks=f"and {built - started:.1f} s to make the verifier",
    )


def _run(command: list[str], folder: str) -> str:
    done = subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True, timeout=600
    )
    return done.stdout


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    if found is None:
        raise ValueError(f"SPIN's answer has nothing like {pattern!r}:\n{text}")
    return int(found.group(1))
