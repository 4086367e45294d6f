"""The floor: steps at random, each kind as likely as any other, and nothing shrinks."""

from __future__ import annotations

import contextlib
from random import Random
from typing import Any

from peers.finding import STEPS
from peers.naive import BACK_TO, CASES, EVENTS, NODES, OUT_TO, NaiveRun, cluster
from peers.recorder import Recorder
from syncmodel.model.divergence import DivergenceFound
from syncmodel.model.plan import Plan
from syncmodel.steps import Step, load
from syncmodel.steps.scope import next_increment, next_title

OPS = (
    *("create_case", "update_case", "increment_case", "delete_case"),
    *("create_event", "delete_event", "partition", "cut", "mend", "heal"),
    *("resync", "rollout", "rollback", "crash", "restart"),
)


def search(bug: str | None, seed: int, cap: int) -> Recorder:
    """At most `cap` sequences until the first failure."""
    recorder, target, random = Recorder(), cluster(bug, seed), Random(seed)
    with contextlib.suppress(DivergenceFound):
        for _ in range(cap):
            run = NaiveRun(target, recorder)
            for _ in range(STEPS):
                run.take(step(run.plan, random), hurry=random.random() < 0.5)
            run.finish()
    return recorder


def step(plan: Plan, random: Random) -> Step:
    """Any step, possible or not."""
    op = random.choice(OPS)
    node, other = random.choice(NODES), random.choice(NODES)
    case, event = random.choice(CASES), random.choice(EVENTS)
    on = random.choice((*((name,) for name in NODES), NODES))
    fields: dict[str, dict[str, Any]] = {
        "create_case": {"node": node, "case": case, "title": next_title(plan)},
        "update_case": {"node": node, "case": case, "title": next_title(plan)},
        "increment_case": {"node": node, "case": case, "by": next_increment(plan)},
        "delete_case": {"node": node, "case": case},
        "create_event": {"node": node, "event": event, "case": case, "body": next_title(plan)},
        "delete_event": {"node": node, "event": event},
        "partition": {"groups": [[node], [name for name in NODES if name != node]]},
        "cut": {"from": node, "to": other},
        "mend": {"from": node, "to": other},
        "heal": {},
        "resync": {"node": node, "full": random.random() < 0.5},
        "rollout": {"nodes": on, "generation": random.choice(OUT_TO)},
        "rollback": {"nodes": on, "generation": random.choice(BACK_TO)},
        "crash": {"node": node},
        "restart": {"node": node},
    }
    return load({"op": op, **fields[op]})
