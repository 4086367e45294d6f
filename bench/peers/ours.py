"""Our own search, as `syncmodel explore` has it: explorer, minimiser, further search."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from peers.finding import OURS, STEPS
from peers.naive import NODES, cluster
from peers.recorder import Recorder, Search
from syncmodel.campaign.campaign import Campaign
from syncmodel.campaign.triage import Finding
from syncmodel.engine.drive import Straight
from syncmodel.engine.findings import Failure, Settings
from syncmodel.engine.pool import Pool
from syncmodel.engine.script import length
from syncmodel.machine.cluster import ClusterMachine
from syncmodel.machine.search import searched, searching
from syncmodel.shrink.minimize import Progress


def search(bug: str, seed: int, cap: int, target: str = "simulated") -> Search:
    """At most `cap` sequences until the first failure, which is then made as short as can be."""
    started, explored = time.perf_counter(), Recorder()
    runs: list[Progress] = []
    with tempfile.TemporaryDirectory() as folder, Pool(target) as pool:
        explore = searching(ClusterMachine)
        campaign = Campaign(pool, _settings(seed, cap), Path(folder), explore, bugs=(bug,))
        campaign.observe, campaign.minimizing = explored, runs.append
        report = campaign.run()
    if report.halted is not None or report.interrupted:
        raise RuntimeError(f"{bug}, seed {seed}: the search was cut short: {report.halted}")
    found, failure = report.found, report.findings.failure
    return Search(
        engine=OURS,
        bug=bug,
        seed=seed,
        cap=cap,
        found=found is not None,
        sequences=len(explored.runs),
        steps=sum(run.steps for run in explored.runs),
        seconds=round(time.perf_counter() - started, 3),
        **({} if found is None or failure is None else _shortened(found, failure, runs)),
    )


def sequences_to_failure(bug: str, seed: int, cap: int) -> int | None:
    """How many sequences the same search takes on the simulator; None: none of `cap` failed."""
    findings = searched(cluster(bug, seed), Straight(), _settings(seed, cap))
    return None if findings.failure is None else findings.failure.number


def _settings(seed: int, cap: int) -> Settings:
    return Settings(nodes=len(NODES), sequences=cap, steps=STEPS, seed=seed)


def _shortened(found: Finding, failure: Failure, progress: list[Progress]) -> dict[str, Any]:
    effort = found.effort
    assert effort is not None
    runs = [one for one in progress if not one.further]
    last = runs[-1]
    first = next(one for one in runs if one.length == last.length)
    shorter = last.length < found.length_before
    return {
        "first_length": found.length_before,
        "final_length": found.counterexample.length,
        "minimized_length": last.length,
        "to_minimal": first.executions if shorter else 0,
        "steps_to_minimal": first.steps if shorter else 0,
        "shrinking": effort.executions,
        "steps_shrinking": effort.steps,
        "further": 0 if found.sharpened is None else found.sharpened.runs,
        "otherwise_length": found.otherwise and length(found.otherwise.steps),
        "first_divergence": " ".join(failure.counterexample.key).strip(),
        "final_divergence": " ".join(found.counterexample.key).strip(),
    }
