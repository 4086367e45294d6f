"""Quint's simulator on the register: random runs of register.qnt until the invariant breaks."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs

from peers.measured import Measured, Scope

NAME = "Quint (npm @informalsystems/quint)"
HERE = Path(__file__).parent
QUINT = HERE / "node_modules" / ".bin" / "quint"
#: Runs, and steps in each: enough for every scope here, few enough for a simulator that is slow.
SAMPLES_WRONG, SAMPLES_RIGHT, STEPS = 20_000, 300, 30
#: Quint's seeds go on by small steps from run to run, so those of searches lie far apart.
APART = 1_000_003


@attrs.frozen
class Search:
    """One search: how long, about how many runs, and the length of what it found."""

    seconds: float
    traces: int
    length: int | None


def installed() -> bool:
    """Whether npm has installed it here."""
    return QUINT.exists()


def measure(scope: Scope, seeds: int) -> Measured:
    """The median of this many searches; one of the correct protocol, which proves nothing."""
    with TemporaryDirectory() as folder:
        model = Path(folder, "model.qnt")
        model.write_text(_model(scope), encoding="utf-8")
        samples = SAMPLES_WRONG if scope.planted else SAMPLES_RIGHT
        searches = [
            _search(model, (seed + 1) * APART, samples)
            for seed in range(seeds if scope.planted else 1)
        ]
    found = [search.length for search in searches if search.length is not None]
    traces = statistics.median_low(search.traces for search in searches)
    return Measured(
        tool="Quint's simulator",
        scope=scope,
        answer="violated" if found else "unknown",
        seconds=statistics.median(search.seconds for search in searches),
        length=statistics.median_low(found) if found else None,
        remarks=f"median of {len(searches)} seeds, {len(found)} found it; about {traces} runs"
        if scope.planted
        else f"nothing in {samples} runs of {STEPS} steps",
    )


def _model(scope: Scope) -> str:
    forgets = str(scope.planted).lower()
    sizes = f"NODES={scope.nodes}, WRITES={scope.writes}, CUTS={scope.cuts}, FORGETS={forgets}"
    text = HERE.joinpath("register.qnt").read_text(encoding="utf-8")
    return f"{text}\nmodule measured {{ import register({sizes}).* }}\n"


def _search(model: Path, seed: int, samples: int) -> Search:
    trace = model.with_suffix(f".{seed}.json")
    command = [
        *(str(QUINT), "run", str(model), "--main=measured", "--backend=typescript"),
        *("--invariant=nothingOldShows", f"--max-samples={samples}", f"--max-steps={STEPS}"),
        *(f"--seed={seed}", f"--out-itf={trace}", "--verbosity=1"),
    ]
    # It exits with 1 when it found something.
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=1_800)
    said = re.search(r"\((\d+)ms at (\d+) traces/second\)", done.stdout)
    if said is None:
        raise ValueError(f"Quint did not search:\n{done.stdout}{done.stderr}")
    milliseconds, rate = map(int, said.groups())
    wrong = "[violation]" in done.stdout
    length = len(json.loads(trace.read_text(encoding="utf-8"))["states"]) - 1 if wrong else None
    return Search(milliseconds / 1e3, max(1, round(milliseconds * rate / 1e3)), length)
