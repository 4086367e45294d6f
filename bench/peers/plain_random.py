"""The floor: steps at random, each kind as likely as any other, and nothing shrinks."""

from __future__ import annotations

import contextlib
from random import Random
from typing import Any

from peers.finding import STEPS
from peers.naive import (
    BACK_TO,
    CASES,
    EVENTS,
    NODES,
    OUT_TO,
    NaiveRun,
    cluster,
    next_amount,
    next_token,
)
from peers.recorder import Recorder
from syncmodel.model.divergence import DivergenceFound
from syncmodel.model.plan import Plan
from syncmodel.steps import Step, load

#: Each is as likely as any other.
KINDS = (
    *("create a case", "set a title", "add to a counter", "delete a case"),
    *("create an event", "delete an event", "partition", "cut", "mend", "heal"),
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
    kind = random.choice(KINDS)
    node, other = random.choice(NODES), random.choice(NODES)
    case = {"node": node, "table": "cases", "row": random.choice(CASES)}
    event = {"node": node, "table": "events", "row": random.choice(EVENTS)}
    on = random.choice((*((name,) for name in NODES), NODES))
    token, by = next_token(plan), next_amount(plan)
    body = {"case": case["row"], "body": token}
    fields: dict[str, dict[str, Any]] = {
        "create a case": {"op": "create", **case, "values": {"title": token}},
        "set a title": {"op": "set", **case, "column": "title", "value": token},
        "add to a counter": {"op": "add", **case, "column": "counter", "by": by},
        "delete a case": {"op": "delete", **case},
        "create an event": {"op": "create", **event, "values": body},
        "delete an event": {"op": "delete", **event},
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
    return load({"op": kind, **fields[kind]})
