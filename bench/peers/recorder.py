"""What every search is measured by: the runs it made, in order, and what follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from syncmodel.engine.history import Began, Ended, Entry, Performed, Verdict
from syncmodel.engine.script import length


@attrs.define
class Run:
    """One run on the simulator: its steps (those inside a burst count one each), how it ended."""

    steps: int = 0
    failed: bool = False
    divergence: str = ""


class Recorder:
    """An observer of sessions that keeps what each run cost and how it ended."""

    def __init__(self) -> None:
        self.runs: list[Run] = []

    def __call__(self, entry: Entry) -> None:
        match entry:
            case Began():
                self.runs.append(Run())
            case Performed(_, step):
                self.runs[-1].steps += length((step,))
            case Ended(verdict=Verdict.DIVERGED, divergences=(first, *_)):
                self.runs[-1].failed = True
                self.runs[-1].divergence = " ".join(first.key).strip()
            case _:
                pass

    @property
    def failed(self) -> bool:
        """Whether any run failed so far."""
        return any(run.failed for run in self.runs)


@attrs.frozen(kw_only=True)
class Search:
    """One search: its engine, its bug, and its cost. Counts are of runs on the simulator.

    `sequences` and `steps` lead to the first failure, it included (the whole search, if `found` is
    false). `to_minimal` counts runs (and `steps_to_minimal` their steps) after it, up to the first
    that was as short as the final one; `shrinking` counts all of them. Lengths are in steps.
    Ours alone searches further, on the simulator: `minimized_length` is what there was before that,
    `further` the runs that it took, and `otherwise_length` the length of a shorter run that it
    reported, which fails in another way.
    """

    engine: str
    bug: str
    seed: int
    cap: int
    found: bool
    sequences: int
    steps: int
    first_length: int | None = None
    final_length: int | None = None
    to_minimal: int | None = None
    steps_to_minimal: int | None = None
    shrinking: int | None = None
    steps_shrinking: int | None = None
    first_divergence: str = ""
    final_divergence: str = ""
    minimized_length: int | None = None
    further: int = 0
    otherwise_length: int | None = None
    seconds: float = 0.0

    @property
    def told(self) -> int | None:
        """The length of the shortest run that it reported, however that fails."""
        lengths = (self.final_length, self.otherwise_length)
        return min((length for length in lengths if length is not None), default=None)


def searched(
    runs: Sequence[Run], *, engine: str, bug: str, seed: int, cap: int, seconds: float
) -> Search:
    """The search that made these runs; what failed last is what it ended with."""
    first = next((i for i, run in enumerate(runs) if run.failed), None)
    upto = runs if first is None else runs[: first + 1]
    found: dict[str, Any] = {} if first is None else _shrunk(runs, first)
    return Search(
        engine=engine,
        bug=bug,
        seed=seed,
        cap=cap,
        found=first is not None,
        sequences=len(upto),
        steps=sum(run.steps for run in upto),
        seconds=round(seconds, 3),
        **found,
    )


def _shrunk(runs: Sequence[Run], first: int) -> dict[str, Any]:
    failing = [run for run in runs if run.failed]
    final = failing[-1]
    shortest = next(i for i, run in enumerate(runs) if run.failed and run.steps == final.steps)
    return {
        "first_length": failing[0].steps,
        "final_length": final.steps,
        "to_minimal": shortest - first,
        "steps_to_minimal": sum(run.steps for run in runs[first + 1 : shortest + 1]),
        "shrinking": len(runs) - 1 - first,
        "steps_shrinking": sum(run.steps for run in runs[first + 1 :]),
        "first_divergence": failing[0].divergence,
        "final_divergence": final.divergence,
    }
