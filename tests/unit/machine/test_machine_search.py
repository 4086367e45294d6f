"""The search: reproducible by seed, complete in what it draws, robust against what fails."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
import weakref
from collections import Counter
from pathlib import Path
from typing import ClassVar

import hypothesis
import pytest
from searches import Recorder, digest, drawn, search
from supertest import case, case_row

from syncmodel.campaign.campaign import Place
from syncmodel.engine.drive import Straight
from syncmodel.engine.findings import Findings, Settings
from syncmodel.engine.run import first_disabled
from syncmodel.engine.tally import Tally
from syncmodel.errors import InvalidRunError, TransportError, UsageError
from syncmodel.machine.cluster import ClusterMachine
from syncmodel.machine.search import Search, Share
from syncmodel.model.net import Net
from syncmodel.model.outcome import Outcome
from syncmodel.model.values import Write
from syncmodel.model.view import View
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Burst, Concurrently, Refused, Step, vocabulary
from syncmodel.steps.scope import REFUSALS, Scope
from syncmodel.targets.base import Settled, Unsettled

BUG = "tombstone-lost-on-resync"
ROOT = Path(__file__).parents[3]


# --- sequences -----------------------------------------------------------------------------------


def test_a_seed_gives_the_same_sequences_on_any_system() -> None:
    settings = Settings(sequences=15, steps=20, seed=11)
    _, first = search(SimulatedCluster(3), settings)
    _, again = search(SimulatedCluster(3, seed=5), settings)
    _, other = search(SimulatedCluster(3), Settings(sequences=15, steps=20, seed=12))
    assert first.runs == again.runs
    assert first.runs != other.runs


def test_a_search_has_as_many_sequences_as_asked_for_and_each_as_many_steps() -> None:
    """Neither Hypothesis' simplest test case nor the rule that begins a run counts."""
    findings, recorder = search(settings=Settings(sequences=40, steps=12, seed=2))
    assert [len(steps) for _, steps in recorder.runs] == [12] * 40
    assert recorder.numbers == list(range(1, 41))
    assert (findings.sequences, findings.steps) == (40, 480)


#: Seen on Python 3.11 and 3.13, with Hypothesis 6.137 and 6.170. It changes with the vocabulary and
#: the weights, and with nothing else.
DIGEST = "b81f0b9c63d8af99"


def test_a_seed_is_the_same_on_every_python_and_hypothesis() -> None:
    """And what is drawn follows from the plan alone: whether it is performed changes nothing."""
    settings = Settings(seed=5, sequences=12)
    performed = search(settings=settings)[1]
    assert performed.digest == DIGEST
    assert drawn(settings) == performed.runs


#: Prints a digest of a search. What it is given as an argument is imported before.
PROGRAM = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
from searches import Settings, digest, drawn
print(digest(enumerate(drawn(Settings(seed=5, sequences=12)), 1)))
"""


def told(program: str, *arguments: str, python: str = sys.executable, folder: Path) -> str:
    path = [str(folder), str(ROOT / "src"), str(Path(__file__).parent)]
    done = subprocess.run(
        [python, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path), "PYTHONHASHSEED": "1"},
    )
    return done.stdout.strip()


@pytest.mark.slow
def test_a_seed_gives_the_same_sequences_whatever_else_is_loaded(tmp_path: Path) -> None:
    """Hypothesis draws from the constants in the modules that are loaded: a seed must not."""
    (tmp_path / "anybody.py").write_text("LIMITS = [1234567, 101, 102, 103, 254, 2**33 + 1]\n")
    assert told(PROGRAM, "anybody", folder=tmp_path) == DIGEST
    assert told(PROGRAM, "syncmodel.pytest_plugin", "test_own_step", folder=tmp_path) == DIGEST


def test_shares_are_the_same_sequences() -> None:
    settings = Settings(seed=5, sequences=11, steps=10)
    _, whole = search(settings=settings)
    parts = [search(settings=settings, share=Share(first, 3))[1] for first in (1, 2, 3)]
    assert [part.numbers for part in parts] == [[1, 4, 7, 10], [2, 5, 8, 11], [3, 6, 9]]
    runs = [each for part in parts for each in zip(part.numbers, part.runs, strict=True)]
    assert digest(runs) == whole.digest


def test_a_share_of_nothing_is_nothing() -> None:
    findings, _ = search(settings=Settings(sequences=2), share=Share(3, 3))
    assert findings == Findings()


def takes(step: type[Step]) -> bool:
    return step.NEEDS is None or issubclass(SimulatedCluster, step.NEEDS)


def test_every_kind_of_step_is_drawn_and_enabled() -> None:
    ops: Counter[str] = Counter()
    for net, steps in drawn(Settings(sequences=150, steps=30, seed=2)):
        assert first_disabled(net, steps) is None
        for step in steps:
            ops[step.op] += 1
            if isinstance(step, Burst | Concurrently):
                ops.update(inner.op for inner in step.steps)
            if isinstance(step, Refused):
                ops[step.why] += 1
    assert {op for op, step in vocabulary().items() if takes(step)} <= set(ops)
    assert set(REFUSALS) - {"read_only"} <= set(ops)


def test_a_rule_without_a_choice_costs_no_step() -> None:
    """Nothing is there to be healed, mended, updated or deleted at the beginning."""

    class Little(ClusterMachine):
        weights: ClassVar[dict[str, int]] = {"create": 1, "heal": 99, "set": 99}

    settings = Settings(sequences=20, steps=5, seed=1)
    _, recorder = search(settings=settings, machine=Little)
    assert [len(steps) for _, steps in recorder.runs] == [5] * 20
    assert not {steps[0].op for _, steps in recorder.runs} & {"heal", "set"}


def test_only_what_is_in_scope_is_drawn() -> None:
    scope = Scope(frozenset({"create", "restart", "burst"}), {"cases": ("c7",)})

    class Few(ClusterMachine):
        pass

    Few.scope = scope
    runs = drawn(Settings(sequences=5, steps=20, seed=1), Few)
    assert {step.op for _, steps in runs for step in steps} == scope.ops
    none = Settings(sequences=5, scope=Scope(frozenset({"heal"}), {}))
    with pytest.raises(UsageError, match="No rule of heal is possible here"):
        search(settings=none)


@pytest.mark.parametrize("nodes", [2, 4])
def test_clusters_of_other_sizes(nodes: int) -> None:
    findings, _ = search(settings=Settings(nodes=nodes, sequences=10, steps=20, seed=1))
    assert findings.failure is None
    assert not findings.invalid


# --- failures ------------------------------------------------------------------------------------


def test_the_first_failure_is_kept_and_its_reruns_touch_nothing() -> None:
    settings = Settings(sequences=200, steps=30, seed=0)
    findings, recorder = search(SimulatedCluster(3, [BUG]), settings)
    failure = findings.failure
    assert failure is not None
    assert failure.counterexample.divergences
    # The run that failed is the last one that was performed, though Hypothesis ran it twice more.
    script = failure.counterexample.script
    assert recorder.runs[-1] == (script.net, list(script.steps))
    assert findings.sequences == len(recorder.runs) == failure.number
    assert any(f"state.{script.steps[-1].op}(step=" in note for note in findings.notes)


class Once(SimulatedCluster):
    """A write is lost in the third run, and never again."""

    begun = 0

    async def begin(self, net: Net) -> None:
        self.begun += 1
        await super().begin(net)

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        found = await super().settle(net, control=control, limit_s=limit_s)
        if self.begun == 3 and isinstance(found, Settled) and any(found.views.values()):
            self.begun += 1
            return Settled(dict.fromkeys(found.views, View(((case_row("c9"), case("t9")),))), {})
        return found


def test_what_fails_only_once_is_a_failure_all_the_same() -> None:
    findings, _ = search(Once(3), Settings(sequences=20, steps=20, seed=1))
    assert findings.failure is not None
    assert findings.failure.number == 3


class Haunted(SimulatedCluster):
    """Every node shows a row that nobody wrote, from the beginning."""

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        del control, limit_s
        return Settled(dict.fromkeys(net.up, View(((case_row("c9"), case("t9")),))), {})


def test_a_run_that_fails_before_its_first_step_is_a_failure() -> None:
    findings, recorder = search(Haunted(3), Settings(sequences=9, steps=5, seed=1))
    failure = findings.failure
    assert failure is not None
    assert failure.counterexample.script.steps == ()
    assert len(recorder.runs) == findings.sequences == failure.number == 1


def test_beyond_a_number_no_sequence_begins() -> None:
    findings, _ = search(settings=Settings(sequences=9, steps=5), beyond=lambda number: number > 4)
    assert (findings.sequences, findings.out_of_time) == (4, False)


def test_no_sequence_begins_once_the_time_is_over() -> None:
    findings, _ = search(settings=Settings(sequences=9, steps=5), until_s=time.monotonic())
    assert (findings.sequences, findings.out_of_time) == (0, True)
    usual = Settings(sequences=9, steps=5, backend="hypothesis")
    findings, _ = search(settings=usual, until_s=time.monotonic())
    assert (findings.sequences, findings.out_of_time) == (0, True)


# --- what ends it --------------------------------------------------------------------------------


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


@pytest.mark.parametrize("backend", ["syncmodel", "hypothesis"])
@pytest.mark.parametrize("error", [KeyError("a mistake in a target"), KeyboardInterrupt()])
@pytest.mark.parametrize(("run", "rest"), [(1, 0), (1, 3), (2, 0), (2, 3), (4, 1)])
def test_what_a_target_raises_ends_the_search_as_it_is(
    error: BaseException, run: int, rest: int, backend: str
) -> None:
    """Hypothesis would make another run of it, and tell of that. And no broken run has passed."""
    target = BrokenOff(error, run, rest)
    with pytest.raises(type(error)) as raised:
        search(target, Settings(sequences=6, steps=5, seed=1, backend=backend))
    assert raised.value is error
    assert (target.begun, target.good) == (run, run - 1)


def test_nothing_is_left_of_a_search() -> None:
    """Hypothesis keeps what it knows of a class of machines; a search must not hang on that."""
    settings, recorder = Settings(sequences=2, steps=5), Recorder()
    cluster = SimulatedCluster(3)
    place = Place(lambda: cluster, Straight(), settings, recorder, Findings(), Tally())
    one = Search(ClusterMachine, place)
    one.run()
    left = weakref.ref(one)
    del one
    gc.collect()
    assert left() is None


class Outage(SimulatedCluster):
    """Every request but so many finds the way to the machine broken."""

    asked = 0
    good = 20

    async def write(self, node: str, write: Write) -> Outcome:
        self.asked += 1
        if self.asked % self.good == 0:
            raise TransportError("The SSH connection to n1 broke.")
        return await super().write(node, write)


def test_an_outage_is_counted_and_generation_goes_on_as_before() -> None:
    settings = Settings(sequences=20, steps=20, seed=3)
    findings, broken = search(Outage(3), settings)
    _, whole = search(SimulatedCluster(3), settings)
    assert len(findings.invalid) > 3
    assert findings.failure is None
    assert [net for net, _ in broken.runs] == [net for net, _ in whole.runs]
    for (_, some), (_, every) in zip(broken.runs, whole.runs, strict=True):
        assert some == every[: len(some)]


def test_three_runs_in_a_row_that_say_nothing_end_it() -> None:
    target = Outage(3)
    target.good = 1
    with pytest.raises(InvalidRunError, match="3 runs in a row said nothing of the system"):
        search(target, Settings(sequences=20, steps=20, seed=3))


# --- Hypothesis' own backend ---------------------------------------------------------------------


@pytest.mark.long
def test_the_usual_backend_finds_and_shrinks() -> None:
    settings = Settings(sequences=150, steps=30, seed=0, backend="hypothesis")
    findings, _ = search(SimulatedCluster(3, [BUG]), settings)
    assert findings.failure is not None
    assert len(findings.failure.counterexample.script.steps) <= 8


def test_settings_alone_decide_who_shrinks() -> None:
    settings = Settings(sequences=150, steps=30, seed=0, backend="hypothesis")
    base = hypothesis.settings(phases=[hypothesis.Phase.generate], database=None)
    findings, recorder = search(SimulatedCluster(3, [BUG]), settings, base=base)
    assert findings.failure is not None
    assert len(recorder.runs) <= 152
