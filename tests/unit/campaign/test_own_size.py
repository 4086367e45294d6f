"""What is saved fails on as many nodes as it has: a replay makes no more of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from supertest import create_case, fully_connected

from syncmodel.campaign.keeping import Origin
from syncmodel.campaign.triage import Triage
from syncmodel.corpus import load
from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.pool import Pool
from syncmodel.engine.replay import Judgement, replay
from syncmodel.engine.run import run
from syncmodel.shrink import sharpen
from syncmodel.steps import Cut, Mend, Partition, Step, Uninstall
from syncmodel.targets import registry

#: It shows where a peer is silent, as one is that a minimiser only leaves down.
BUG = "silent-peer-has-it"
APART = Partition((("n1",), ("n2", "n3")))


@pytest.mark.slow
@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(
            [APART, create_case("n1", "c1", "t1"), Uninstall("n1", False)], marks=pytest.mark.long
        ),
        [
            Cut("n1", "n2"),
            Mend("n1", "n2"),
            APART,
            create_case("n2", "c2", "t2"),
            create_case("n1", "c1", "t1"),
            Uninstall("n1", False),
        ],
    ],
    ids=["short", "long"],
)
def test_a_node_that_only_has_to_be_there_stays(
    steps: list[Step], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Some of every search that comes after: how far they go is not what this is about.
    monkeypatch.setattr(sharpen, "MOMENTS", 200)
    net = fully_connected(3)
    with Pool("simulated") as pool:
        once = run(pool.target(3, [BUG]), net, steps)
        failing = Counterexample.of(net, pool.driver.run(once), bugs=[BUG])
        triage = Triage(pool, Origin(tmp_path), failing)
        triage.minimize(lambda _: None)
        finding = triage.save()
        assert finding.file is not None
        saved = load(finding.file, registry.registered)
        assert (len(saved.nodes), len(saved.steps)) == (2, 3)
        again = pool.driver.run(replay(pool.target(2, [BUG]), saved))
        assert again.judgement is Judgement.AS_EXPECTED
