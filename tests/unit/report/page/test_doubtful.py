"""A run that says nothing has a page too: from which step on, and why."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from syncmodel.campaign.campaign import Campaign, Report
from syncmodel.engine.findings import Settings
from syncmodel.engine.pool import Pool
from syncmodel.errors import InvalidRunError
from syncmodel.machine.cluster import ClusterMachine
from syncmodel.machine.search import searching
from syncmodel.model.net import Net
from syncmodel.model.outcome import Outcome
from syncmodel.model.values import Write
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.report.page.searched import searched
from syncmodel.targets import registry
from syncmodel.targets.base import Settled, Target, Unsettled

FEW = Settings(nodes=2, sequences=4, steps=6, seed=2)


class Outage(SimulatedCluster):
    """The way to a machine breaks."""

    async def write(self, node: str, write: Write) -> Outcome:
        raise InvalidRunError(f"The SSH connection to {node} broke.")


class Slow(SimulatedCluster):
    """It is busy after each write, until it is asked again."""

    busy = False

    async def write(self, node: str, write: Write) -> Outcome:
        self.busy = True
        return await super().write(node, write)

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        if self.busy:
            self.busy = False
            return Unsettled("n2 is behind")
        return await super().settle(net, control=control, limit_s=limit_s)


class Broken(SimulatedCluster):
    """An adapter has a mistake."""

    async def write(self, node: str, write: Write) -> Outcome:
        raise ZeroDivisionError("division by zero")


def found_by(target: type[Target], folder: Path) -> Report:
    kind = evolve(registry.get("simulated"), make=target, abilities=target)
    with Pool(kind) as pool:
        return Campaign(pool, FEW, folder, searching(ClusterMachine)).run()


@pytest.mark.parametrize(
    ("target", "verdict", "reason"),
    [
        (Outage, "invalid", "The SSH connection to n"),
        (Slow, "unknown", "not settled in time"),
        (Broken, "invalid", "division by zero"),
    ],
)
def test_it_has_a_page_beside_its_file_and_in_the_index(
    tmp_path: Path, target: type[Target], verdict: str, reason: str
) -> None:
    report = found_by(target, tmp_path / "found")
    assert report.doubtful
    assert searched(report, FEW, None, waits=False)
    for doubt in report.doubtful:
        page = doubt.file.with_suffix(".html").read_text()
        found = json.loads(re.findall(r'id="data">(.*?)</script>', page, re.S)[0])["runs"][0]
        assert found["verdict"] == verdict
        assert re.match(
            rf"Nothing can be said of this run from step \d+ on \(.*\): it is {verdict}, "
            r"and no divergence\.",
            found["headline"],
        )
        assert reason in found["why"][0]
        assert len(found["moments"]) == len(doubt.reproduction.steps) + 1
        assert found["wrong"] == []
    searched(report, FEW, tmp_path / "pages", waits=False)
    whole: Any = json.loads((tmp_path / "pages" / "report.json").read_text())
    listed = [one for one in whole["runs"] if one["file"]]
    assert [one["verdict"] for one in listed] == [verdict] * len(report.doubtful)
    for one in listed:
        assert (tmp_path / "pages" / one["page"]).is_file()
        assert reason in one["headline"]
