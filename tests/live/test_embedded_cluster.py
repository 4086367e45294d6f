"""The embedded cluster: real processes, one walk through every ability, and bad days."""

from __future__ import annotations

import os
import signal
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest
from every_step import EVERYTHING
from later_columns import assert_severities, severities
from supertest import (
    create_case,
    fully_connected,
    update_case,
)

from syncmodel.engine.drive import Loop
from syncmodel.engine.history import Entry, Performed, Rested, Verdict
from syncmodel.engine.run import Result, run
from syncmodel.engine.session import Session
from syncmodel.model.divergence import Kind
from syncmodel.reference.embedded import EmbeddedCluster
from syncmodel.reference.machines.local import LocalMachine
from syncmodel.steps import (
    Resync,
    Step,
)

NET = fully_connected(3)


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    with Loop() as loop:
        yield loop


@pytest.fixture(scope="module")
def cluster(loop: Loop) -> Iterator[EmbeddedCluster]:
    cluster = EmbeddedCluster(3)
    yield cluster
    loop.run(cluster.close())


def perform(loop: Loop, cluster: EmbeddedCluster, steps: tuple[Step, ...]) -> Result:
    return loop.run(run(cluster, NET, steps))


@pytest.mark.slow
def test_every_step_on_live_nodes(loop: Loop, cluster: EmbeddedCluster) -> None:
    for _ in range(2):
        result = perform(loop, cluster, EVERYTHING)
        assert result.verdict is Verdict.PASS, (result.divergences, result.reason)


def test_a_later_versions_column_outlives_earlier_versions(
    loop: Loop, cluster: EmbeddedCluster
) -> None:
    assert_severities(loop.run(severities(cluster)))


def test_runs_share_a_cluster_until_one_fails(loop: Loop, cluster: EmbeddedCluster) -> None:
    perform(loop, cluster, EVERYTHING[:3])
    key = cluster.admin_key
    perform(loop, cluster, EVERYTHING[:2])
    assert cluster.admin_key is key
    session = Session(cluster, NET)
    loop.run(session.begin())
    # It was never said that this run ended well.
    perform(loop, cluster, EVERYTHING[:1])
    assert cluster.admin_key is not key


def test_a_node_that_dies_by_itself_is_a_divergence(loop: Loop, cluster: EmbeddedCluster) -> None:
    session = Session(cluster, NET)
    loop.run(session.begin())
    loop.run(session.take(create_case("n1", "c1", "t1")))
    loop.run(cluster.live["n2"].machine.kill())
    loop.run(session.take(update_case("n1", "c1", "t2")))
    assert session.over is not None
    assert session.over.verdict is Verdict.DIVERGED
    assert session.over.divergences[0].kind is Kind.CONTROL_PLANE
    assert session.over.divergences[0].node == "n2"


def test_a_machine_that_is_lost_makes_the_run_invalid(loop: Loop, cluster: EmbeddedCluster) -> None:
    session = Session(cluster, NET)
    loop.run(session.begin())
    machine = cluster.live["n3"].machine
    assert isinstance(machine, LocalMachine)
    os.kill(machine.supervisor_pid, signal.SIGKILL)
    loop.run(session.take(create_case("n1", "c1", "t1")))
    loop.run(session.take(Resync("n3")))
    assert session.over is not None
    assert session.over.verdict is Verdict.INVALID
    assert perform(loop, cluster, EVERYTHING[:2]).verdict is Verdict.PASS


@pytest.mark.slow
def test_a_divergence_is_known_at_rest_and_not_at_a_limit(loop: Loop) -> None:
    """A settle that diverges takes no longer than three that pass."""
    passing: list[float] = []
    diverging: list[float] = []
    steps = (
        create_case("n1", "c1", "t0"),
        *(update_case("n1", "c1", f"t{i}") for i in range(1, 20)),
    )
    cluster = EmbeddedCluster(3, ["update-not-later"])
    seconds: list[float] = []

    def observe(entry: Entry) -> None:
        if isinstance(entry, Rested):
            seconds.append(entry.seconds)
            passing.append(entry.seconds)
        elif isinstance(entry, Performed):
            seconds.append(entry.seconds)

    try:
        for _ in range(5):
            session = Session(cluster, NET, observe=observe)
            loop.run(session.begin())
            for step in steps:
                started = loop.time()
                seconds.clear()
                loop.run(session.take(step))
                if session.over is not None:
                    diverging.append(loop.time() - started - sum(seconds))
                    break
    finally:
        loop.run(cluster.close())
    assert len(diverging) == 5
    assert statistics.median(diverging) < 3 * statistics.median(passing)


def test_clusters_share_a_fork_server_until_the_last_one_is_closed(loop: Loop) -> None:
    first, second = EmbeddedCluster(2), EmbeddedCluster(2, ["update-not-later"])
    for cluster in (first, second):
        loop.run(run(cluster, fully_connected(2), EVERYTHING[:1]))
    assert first.folder is not None
    assert second.folder is not None
    shared = first.folder.parent
    assert second.folder.parent == shared
    loop.run(first.close())
    assert not first.folder
    assert loop.run(run(second, fully_connected(2), EVERYTHING[:1])).verdict is Verdict.PASS
    folder = second.folder
    loop.run(second.close())
    assert not folder.exists()


def test_a_fork_server_that_died_is_replaced_for_the_next_run(loop: Loop) -> None:
    cluster = EmbeddedCluster(2)
    try:
        loop.run(run(cluster, fully_connected(2), EVERYTHING[:1]))
        assert cluster.folder is not None
        before = cluster.folder.parent
        machine = cluster.live["n1"].machine
        assert isinstance(machine, LocalMachine)
        stat = Path(f"/proc/{machine.supervisor_pid}/stat").read_text()
        os.kill(int(stat.rpartition(")")[2].split()[1]), signal.SIGKILL)
        for _ in range(2):  # the first may still meet machines that end
            result = loop.run(run(cluster, fully_connected(2), EVERYTHING[:1]))
        assert result.verdict is Verdict.PASS, result.reason
        assert cluster.folder.parent != before
    finally:
        loop.run(cluster.close())


def test_nothing_is_left(loop: Loop, tmp_path: Path) -> None:
    cluster = EmbeddedCluster(2)
    loop.run(run(cluster, fully_connected(2), EVERYTHING[:1]))
    assert cluster.folder is not None
    folder = cluster.folder
    assert folder.exists()
    loop.run(cluster.close())
    assert not folder.exists()
