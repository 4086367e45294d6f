"""The search: reproducible by seed, complete in what it draws, robust against what fails."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref
from collections import Counter
from pathlib import Path

import pytest

from syncmodel.engine.drive import Straight
from syncmodel.engine.history import Began, Entry, Performed, Verdict
from syncmodel.engine.run import first_disabled
from syncmodel.errors import TransportError
from syncmodel.machine.backend import Undecided
from syncmodel.machine.explore import Explorer, Settings
from syncmodel.model.net import Net
from syncmodel.model.outcome import Outcome
from syncmodel.model.values import Case
from syncmodel.model.view import View
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Burst, Concurrently, Refused, Request, Step, vocabulary
from syncmodel.targets.base import Settled, Unsettled


class Recorder:
    """The step lists of every run, as they were performed."""

    def __init__(self) -> None:
        self.runs: list[tuple[Net, list[Step]]] = []

    def __call__(self, entry: Entry) -> None:
        if isinstance(entry, Began):
            self.runs.append((entry.net, []))
        elif isinstance(entry, Performed):
            self.runs[-1][1].append(entry.step)


def search(target: SimulatedCluster, settings: Settings) -> tuple[Explorer, Recorder]:
    recorder = Recorder()
    explorer = Explorer(target, Straight(), settings, recorder)
    explorer.run()
    return explorer, recorder


def test_a_seed_gives_the_same_sequences_on_any_system() -> None:
    settings = Settings(sequences=15, steps=20, seed=11)
    _, first = search(SimulatedCluster(3), settings)
    _, again = search(SimulatedCluster(3, seed=5), settings)
    _, other = search(SimulatedCluster(3), Settings(sequences=15, steps=20, seed=12))
    assert first.runs == again.runs
    assert first.runs != other.runs


def test_a_search_has_as_many_sequences_as_asked_for_and_each_as_many_steps() -> None:
    """Hypothesis' own backend cuts some short, and goes on beyond what it is told."""
    explorer, recorder = search(SimulatedCluster(3), Settings(sequences=40, steps=12, seed=2))
    assert [len(steps) for _, steps in recorder.runs] == [12] * 40
    assert (explorer.findings.sequences, explorer.findings.steps) == (40, 480)


@pytest.mark.parametrize("kind", ["float", "string", "bytes"])
def test_what_the_plan_does_not_decide_is_not_left_to_chance(kind: str) -> None:
    with pytest.raises(RuntimeError, match=f"nothing may draw .*{kind}"):
        getattr(Undecided(None), f"draw_{kind}")()


#: Prints the steps of a search. What it is given as an argument is imported before.
PROGRAM = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
from syncmodel.engine.drive import Straight
from syncmodel.machine.explore import Explorer, Settings
from syncmodel.engine.history import Performed
from syncmodel.reference.simulated import SimulatedCluster
show = lambda entry: isinstance(entry, Performed) and print(entry.step)
Explorer(SimulatedCluster(3), Straight(), Settings(seed=5, sequences=20), show).run()
"""


def test_a_seed_gives_the_same_sequences_whatever_else_is_loaded(tmp_path: Path) -> None:
    """Hypothesis draws from the constants in the modules of whoever runs it: a seed must not."""
    (tmp_path / "anybody.py").write_text("LIMITS = [1234567, 101, 102, 103, 254, 2**33 + 1]\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONHASHSEED": "1"}
    found = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM, *modules],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
            env=environment,
        ).stdout
        for modules in ([], ["anybody"], ["syncmodel.pytest_plugin", "syncmodel.nostr.nip98"])
    ]
    assert found[0].count("\n") > 400
    assert found[0] == found[1] == found[2]


def test_every_kind_of_step_is_drawn_and_enabled() -> None:
    _, recorder = search(SimulatedCluster(3), Settings(sequences=150, steps=30, seed=1))
    drawn: Counter[str] = Counter()
    for net, steps in recorder.runs:
        assert first_disabled(net, steps) is None
        for step in steps:
            drawn[step.op] += 1
            if isinstance(step, Burst | Concurrently):
                drawn.update(inner.op for inner in step.steps)
            if isinstance(step, Refused):
                drawn[step.why] += 1
    assert set(vocabulary()) <= set(drawn)
    assert {"unreachable", "no_plugin", "no_such_row", "missing_case", "malformed"} <= set(drawn)


def test_the_first_failure_is_kept_and_its_rerun_touches_nothing() -> None:
    settings = Settings(sequences=200, steps=30, seed=0)
    explorer, recorder = search(SimulatedCluster(3, ["tombstone-lost-on-resync"]), settings)
    failure = explorer.findings.failure
    assert failure is not None
    assert failure.over.verdict is Verdict.DIVERGED
    # The run that failed is the last one that was performed.
    assert recorder.runs[-1] == (failure.net, list(failure.steps))
    assert explorer.findings.sequences == len(recorder.runs)


class Haunted(SimulatedCluster):
    """Every node shows a row that nobody wrote, from the beginning."""

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        del control, limit_s
        return Settled(dict.fromkeys(net.up, View((("c9", Case("t9", 0)),))), {})


def test_a_run_that_fails_before_its_first_step_is_a_failure() -> None:
    explorer, recorder = search(Haunted(3), Settings(sequences=9, steps=5, seed=1))
    failure = explorer.findings.failure
    assert failure is not None
    assert failure.over.verdict is Verdict.DIVERGED
    assert failure.steps == ()
    assert len(recorder.runs) == explorer.findings.sequences == 1


class BrokenOff(SimulatedCluster):
    """Raises this in the run of that number, at the rest after so many steps."""

    def __init__(self, error: BaseException, run: int, rest: int) -> None:
        super().__init__(3)
        self.error, self.run, self.rest = error, run, rest
        self.begun = self.rests = self.good = 0
        self.used = False

    async def begin(self, net: Net) -> None:
        self.begun, self.rests = self.begun + 1, 0
        await super().begin(net)

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        if (self.begun, self.rests) == (self.run, self.rest):
            raise self.error
        self.rests += 1
        return await super().settle(net, control=control, limit_s=limit_s)

    def passed(self) -> None:
        self.good += 1

    def renew(self) -> None:
        """Each run is on new machines anyway."""


@pytest.mark.parametrize("shrink", [False, True])
@pytest.mark.parametrize("error", [KeyError("a mistake in a target"), KeyboardInterrupt()])
@pytest.mark.parametrize(("run", "rest"), [(1, 0), (1, 3), (2, 0), (2, 3), (4, 1)])
def test_what_a_target_raises_ends_the_search_as_it_is(
    error: BaseException, run: int, rest: int, shrink: bool
) -> None:
    """Hypothesis would make another run of it, and tell of that. And no broken run has passed."""
    target = BrokenOff(error, run, rest)
    with pytest.raises(type(error)) as raised:
        search(target, Settings(sequences=6, steps=5, seed=1, shrink=shrink))
    assert raised.value is error
    assert (target.begun, target.good) == (run, run - 1)


def test_nothing_is_left_of_a_search() -> None:
    """Hypothesis keeps what it knows of a class of machines; a search must not hang on that."""
    explorer, _ = search(SimulatedCluster(3), Settings(sequences=2, steps=5))
    left = weakref.ref(explorer)
    del explorer
    gc.collect()
    assert left() is None


class Outage(SimulatedCluster):
    """Every third request of a run finds the way to the machine broken."""

    asked = 0

    async def request(self, node: str, request: Request) -> Outcome:
        Outage.asked += 1
        if Outage.asked % 3 == 0:
            raise TransportError("The SSH connection to n1 broke.")
        return await super().request(node, request)


def test_an_outage_is_counted_and_generation_goes_on_as_before() -> None:
    settings = Settings(sequences=10, steps=20, seed=3)
    explorer, broken = search(Outage(3), settings)
    _, whole = search(SimulatedCluster(3), settings)
    assert len(explorer.findings.invalid) > 3
    assert explorer.findings.failure is None
    assert [net for net, _ in broken.runs] == [net for net, _ in whole.runs]
    for (_, some), (_, every) in zip(broken.runs, whole.runs, strict=True):
        assert some == every[: len(some)]


def test_hypothesis_shrinks_too_where_it_is_asked_to() -> None:
    settings = Settings(sequences=100, steps=30, seed=0, shrink=True)
    explorer, _ = search(SimulatedCluster(3, ["tombstone-lost-on-resync"]), settings)
    assert explorer.findings.failure is not None
    assert len(explorer.findings.failure.steps) <= 8


@pytest.mark.parametrize("nodes", [2, 4])
def test_clusters_of_other_sizes(nodes: int) -> None:
    settings = Settings(nodes=nodes, sequences=10, steps=20, seed=1)
    explorer, _ = search(SimulatedCluster(nodes), settings)
    assert explorer.findings.failure is None
    assert not explorer.findings.invalid
