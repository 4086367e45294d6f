"""Our own search, as `syncmodel explore` has it: explorer, minimiser, further search."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from peers.finding import OURS, STEPS
from peers.naive import NODES
from peers.recorder import Recorder, Search
from syncmodel.campaign.campaign import Campaign
from syncmodel.campaign.triage import Found
from syncmodel.engine.findings import Settings
from syncmodel.engine.pool import Pool
from syncmodel.engine.script import length
from syncmodel.machine.cluster import ClusterMachine
from syncmodel.machine.search import searching
from syncmodel.shrink.minimize import Progress


def search(bug: str, seed: int, cap: int, target: str = "simulated") -> Search:
    """At most `cap` sequences until the first failure, which is then made as short as can be."""
    started, explored = time.perf_counter(), Recorder()
    runs: list[Progress] = []
    settings = Settings(nodes=len(NODES), sequences=cap, steps=STEPS, seed=seed)
    with tempfile.TemporaryDirectory() as folder, Pool(target) as pool:
        explore = searching(ClusterMachine)
        campaign = Campaign(pool, settings, Path(folder), explore, bugs=(bug,))
        campaign.observe, campaign.minimizing = explored, runs.append
        report = campaign.run()
    if report.halted is not None or report.interrupted:
        raise RuntimeError(f"{bug}, seed {seed}: the search was cut short: {report.halted}")
    found = report.found
    return Search(
        engine=OURS,
        bug=bug,
        seed=seed,
        cap=cap,
        found=found is not None,
        sequences=len(explored.runs),
        steps=sum(run.steps for run in explored.runs),
        seconds=round(time.perf_counter() - started, 3),
        **({} if found is None else _shortened(found, runs)),
    )


def _shortened(found: Found, progress: list[Progress]) -> dict[str, Any]:
    minimized, reproduction = found.minimized, found.reproduction
    assert minimized is not None
    runs = [one for one in progress if not one.further]
    last = runs[-1]
    first = next(one for one in runs if one.length == last.length)
    name, table = found.ended.divergences[0].key
    return {
        "first_length": found.length_before,
        "final_length": length(reproduction.steps),
        "minimized_length": last.length,
        "to_minimal": first.executions if last.length < found.length_before else 0,
        "steps_to_minimal": first.live_steps if last.length < found.length_before else 0,
        "shrinking": minimized.executions,
        "steps_shrinking": minimized.live_steps,
        "further": 0 if found.sharper is None else found.sharper.runs,
        "otherwise_length": found.otherwise and length(found.otherwise.steps),
        "first_divergence": f"{name} {table}".strip(),
        "final_divergence": " ".join(minimized.key).strip(),
    }
