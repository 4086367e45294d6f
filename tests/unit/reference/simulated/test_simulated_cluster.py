"""The simulated target: the same steps give the same bytes, and the correct core is never blamed.

`SYNCMODEL_SIMULATED_STEPS` sets how many steps the correct core has to pass in `make test-long`
(50,000 if it is not set; `make test` takes 1,000, `make soak` a million).
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from hashlib import sha256
from random import Random

import pytest
from later_columns import assert_severities, severities
from msgspec.structs import replace
from supertest import create_case, fully_connected

from syncmodel.engine.drive import Straight
from syncmodel.engine.findings import Settings
from syncmodel.engine.fitting import fitted
from syncmodel.engine.history import Entry, Performed, Rested
from syncmodel.engine.run import run
from syncmodel.engine.script import Script
from syncmodel.engine.session import Session
from syncmodel.engine.tally import leaves
from syncmodel.errors import UsageError
from syncmodel.machine.search import searched
from syncmodel.reference.kinds import SIMULATED
from syncmodel.reference.node import bugs
from syncmodel.reference.simulated import (
    Deliverable,
    SimulatedCluster,
    acts,
    at_rest,
    canonical,
    deliverables,
)
from syncmodel.steps import Step, dump
from syncmodel.steps.base import CutsLinks, Deploys, Resyncs, Stops
from syncmodel.strategies.steps import choose
from syncmodel.targets.base import Settled, Unsettled
from syncmodel.targets.wire import SUPERTEST

STEPS = int(os.environ.get("SYNCMODEL_SIMULATED_STEPS", "50000"))
STEPS_A_SEQUENCE = 6


class Trace:
    """A digest of all that happened: steps, outcomes, sights, and what the nodes hold."""

    def __init__(self) -> None:
        self.digest = sha256()
        self.entries = 0

    def hear(self, entry: Entry) -> None:
        if isinstance(entry, Performed):
            self.write(f"{entry.index} {dump(entry.step)} {entry.outcome}")
        elif isinstance(entry, Rested):
            self.write(f"{entry.index} {sorted(entry.views.items())}")

    def write(self, text: str) -> None:
        self.entries += 1
        self.digest.update(text.encode())


def sequences(seed: int, count: int) -> str:
    """The digest of so many sequences."""
    rng, driver, scope = Random(seed), Straight(), SIMULATED.scope
    target, trace = SimulatedCluster(3, (), seed), Trace()
    for _ in range(count):
        session = Session(target, fully_connected(3), observe=trace.hear)
        driver.run(session.begin())
        for _ in range(STEPS_A_SEQUENCE):
            driver.run(session.take(choose(session.world.plan, scope, rng)))
        assert session.over is None, session.over
        trace.write(repr(canonical(target.world)))
    assert trace.entries == count * (2 * STEPS_A_SEQUENCE + 2)
    return trace.digest.hexdigest()


@pytest.mark.parametrize("count", [50, pytest.param(1_000, marks=pytest.mark.long)])
def test_sequences_twice_are_the_same_bytes(count: int) -> None:
    assert sequences(1, count) == sequences(1, count)


@pytest.mark.slow
def test_the_bytes_do_not_depend_on_the_process() -> None:
    # Hashes of texts differ between processes: whatever follows from them would show here.
    assert replayed_elsewhere("1") == replayed_elsewhere("2")


def replayed_elsewhere(hash_seed: str) -> str:
    program = (
        "from syncmodel.reference.simulated import SimulatedCluster, canonical\n"
        "from syncmodel.engine.drive import Straight\n"
        "from syncmodel.engine.session import Session\n"
        "from syncmodel.model.net import fully_connected\n"
        "from syncmodel.reference.kinds import SIMULATED\n"
        "from syncmodel.strategies.steps import choose\n"
        "from random import Random\n"
        "rng, driver, target = Random(1), Straight(), SimulatedCluster(3, (), 1)\n"
        "for _ in range(20):\n"
        "    session = Session(target, fully_connected(SIMULATED.schema, 3))\n"
        "    driver.run(session.begin())\n"
        "    for _ in range(20):\n"
        "        driver.run(session.take(choose(session.world.plan, SIMULATED.scope, rng)))\n"
        "    print(canonical(target.world), session.steps)\n"
    )

    async def main() -> str:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            program,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
        )
        out, _ = await process.communicate()
        assert process.returncode == 0
        return out.decode()

    return asyncio.run(main())


@pytest.mark.parametrize("steps", [1_000, pytest.param(STEPS, marks=pytest.mark.long)])
def test_the_correct_core_is_never_blamed(steps: int) -> None:
    taken = 0
    for seed in range(1, 1_000_000):
        settings = Settings(sequences=min(100, steps // 30), seed=seed)
        findings = searched(SimulatedCluster(3, (), seed), Straight(), settings)
        assert findings.failure is None, findings.failure
        assert not findings.unknown
        assert not findings.invalid
        taken += findings.steps
        if taken >= steps - 30:
            break


@pytest.mark.long
@pytest.mark.parametrize("name", [bug.name for bug in bugs.all_bugs()])
def test_every_planted_bug_is_found(name: str) -> None:
    found = []
    for seed in (1, 2, 3):
        settings = Settings(sequences=200, seed=seed)
        findings = searched(SimulatedCluster(3, (name,), seed), Straight(), settings)
        if findings.failure is not None:
            found.append(seed)
            break
    assert found


def runs(target: SimulatedCluster, *steps: Step) -> Iterator[Session]:
    driver = Straight()
    session = Session(target, fully_connected(len(target.nodes)))
    driver.run(session.begin())
    for step in steps:
        driver.run(session.take(step))
        yield session


def test_the_same_steps_are_the_same_run_whatever_ran_before() -> None:
    target = SimulatedCluster(3, (), 7)
    steps = [create_case("n1", "c1", "t1"), create_case("n2", "c1", "t2")]
    worlds = []
    for others in (0, 3):
        for number in range(others):
            list(runs(target, create_case("n3", "c2", f"t{number}")))
        list(runs(target, *steps))
        worlds.append(target.world)
    assert worlds[0] == worlds[1]


@pytest.mark.parametrize("seed", range(40))
def test_a_node_that_never_runs_changes_nothing(seed: int) -> None:
    """So what a minimiser finds on too many nodes is the same run on those that it takes."""
    rng, driver, scope = Random(seed), Straight(), SIMULATED.scope
    net = fully_connected(2)
    both: list[list[object]] = [[], []]
    script = Script(net, ())
    alone = SimulatedCluster(2, (), seed)
    session = Session(alone, net, observe=both[0].append)
    driver.run(session.begin())
    for _ in range(12):
        step = choose(session.world.plan, scope, rng)
        script = Script(net, (*script.steps, step))
        driver.run(session.take(step))
    beside = SimulatedCluster(3, (), seed)
    there = fitted(script, beside.nodes)
    driver.run(run(beside, there.net, there.steps, observe=both[1].append))
    seen = [[_sight(entry) for entry in entries] for entries in both]
    assert seen[0] == seen[1][: len(seen[0])]


def _sight(entry: object) -> object:
    """What was answered, or shown. Who could not be asked for its rows is another one more."""
    if not isinstance(entry, Performed):
        return getattr(entry, "views", None)
    answers = [outcome for _, outcome in leaves(entry.step, entry.outcome)]
    rows = [{**(one.row or {}), "not_asked": None} for one in answers]
    return [replace(one, row=row) for one, row in zip(answers, rows, strict=True)]


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_a_later_versions_column_outlives_earlier_versions(seed: int | None) -> None:
    assert_severities(Straight().run(severities(SimulatedCluster(3, seed=seed))))


def test_seeds_give_different_networks_and_clocks() -> None:
    skews = set()
    for seed in range(20):
        target = SimulatedCluster(3, (), seed)
        list(runs(target, create_case("n1", "c1", "t1")))
        skews.add(tuple(target.world.machines[n].skew_s for n in target.nodes))
    assert len(skews) > 3
    assert (0, 0, 0) in skews
    assert all(abs(skew_s) <= 60 for one in skews for skew_s in one)


def test_without_a_seed_all_clocks_agree_and_nothing_travels_before_a_rest() -> None:
    target = SimulatedCluster(2)
    driver = Straight()
    driver.run(target.begin(fully_connected(2)))
    driver.run(target.settle(fully_connected(2), control=False, limit_s=1.0))
    wire = create_case("n1", "c1", "t").asks(SUPERTEST)
    driver.run(target.write("n1", wire))
    assert len(target.world.wires["n1", "n2"].told) == 1
    assert {machine.skew_s for machine in target.world.machines.values()} == {0}


def test_it_has_every_ability_and_knows_its_bugs() -> None:
    target = SimulatedCluster(2)
    for ability in (CutsLinks, Resyncs, Deploys, Stops):
        assert isinstance(target, ability)
    with pytest.raises(UsageError, match="no-such-bug"):
        SimulatedCluster(2, ("no-such-bug",))


def test_control_is_read_only_when_it_is_asked_for() -> None:
    driver, target, net = Straight(), SimulatedCluster(2), fully_connected(2)
    driver.run(target.begin(net))
    quiet = driver.run(target.settle(net, control=False, limit_s=1.0))
    asked = driver.run(target.settle(net, control=True, limit_s=1.0))
    assert not isinstance(quiet, Unsettled)
    assert isinstance(asked, Settled)
    assert (quiet.control, set(asked.control)) == ({}, {"n1", "n2"})


def test_a_rest_reads_and_so_stores() -> None:
    driver, net = Straight(), fully_connected(2)
    target = SimulatedCluster(2, ("cursor-before-rows",))
    driver.run(target.begin(net))
    driver.run(target.settle(net, control=False, limit_s=1.0))
    driver.run(target.write("n1", create_case("n1", "c1", "t").asks(SUPERTEST)))
    driver.run(target.settle(net, control=False, limit_s=1.0))
    assert not any(machine.pending for machine in target.world.machines.values())


class Losing(SimulatedCluster):
    """Loses the last message of a log once: nobody says so, and nothing is under way any more."""

    def lose(self) -> None:
        tell = Deliverable("tell", ("n1", "n2"))
        assert tell in deliverables(self.world)
        self._world = acts.lose(self.world, tell)


def test_quiet_is_not_rest_while_somebody_is_behind() -> None:
    driver, net, target = Straight(), fully_connected(2), Losing(2)
    driver.run(target.begin(net))
    driver.run(target.settle(net, control=False, limit_s=1.0))
    driver.run(target.write("n1", create_case("n1", "c1", "t").asks(SUPERTEST)))
    target.lose()
    found = driver.run(target.settle(net, control=False, limit_s=1.0))
    assert isinstance(found, Unsettled)
    assert "n2 has not processed n1's log" in found.reason
    assert not at_rest(target.world)
