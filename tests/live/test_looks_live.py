"""Ids and texts that hurt, on real processes: one cluster lives through every look."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dressed_rows import LOOKS, live_through

from syncmodel.engine.drive import Loop
from syncmodel.reference.embedded import EmbeddedCluster

#: It starts many processes.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    with Loop() as loop:
        yield loop


@pytest.fixture(scope="module")
def cluster(loop: Loop) -> Iterator[EmbeddedCluster]:
    cluster = EmbeddedCluster(2)
    yield cluster
    loop.run(cluster.close())


@pytest.mark.parametrize(
    ("what", "look"),
    [
        pytest.param(*one, marks=[pytest.mark.long] if number % 3 else [])
        for number, one in enumerate(LOOKS)
    ],
)
def test_rows_of_every_look(loop: Loop, cluster: EmbeddedCluster, what: str, look: str) -> None:
    loop.run(live_through(cluster, what, look))
    cluster.passed()
    assert cluster.folder is not None
    logs = [log.read_text() for log in cluster.folder.rglob("*.log")]
    assert len(logs) >= 2
    # Lines of their own, in plain words: nothing of a row gets into one as it is.
    assert all(line.isprintable() and len(line) < 1_000 for log in logs for line in log.split("\n"))
