"""The searches that `make check-model` runs, with the exact counts that they reach.

A count pins the whole transition relation of model or core: a change of behaviour that no test
notices shows here. docs/checking.md has this table with what each scene is for.
"""

from __future__ import annotations

from syncmodel.exhaustive import (
    scenes_of_deployments,
    scenes_of_members,
    scenes_of_misuse,
    scenes_of_purges,
    scenes_of_restores,
    scenes_of_spoils,
    scenes_of_stalls,
)
from syncmodel.exhaustive.limits import Limits
from syncmodel.exhaustive.scene import Scene
from syncmodel.exhaustive.searches import Grain
from syncmodel.reference.kinds import SIMULATED

__all__ = ["SCENES", "Scene", "scene"]

TABLES = tuple(SIMULATED.schema.by_name)
#: Rows that refer to each other, and rows side by side.
ONE_OF_EACH = dict.fromkeys(TABLES, 1)
TWO = {TABLES[0]: 2}


def _ops(names: str) -> frozenset[str]:
    return frozenset(names.split())


SCENES = (
    Scene(
        "model-cut",
        "three writes of one row, one cut, two steps without a rest",
        Grain.MODEL,
        Limits(writes=3, cuts=1, burst=2),
        7151,
        15799,
    ),
    Scene(
        "model-together",
        "steps at the same time, one of unknown outcome, one cut",
        Grain.MODEL,
        Limits(cuts=1, timeouts=1, burst=2, together=True),
        19492,
        43619,
    ),
    Scene(
        "model-lost-log",
        "a row and one that refers to it, a crash, a log that is lost",
        Grain.MODEL,
        Limits(rows=ONE_OF_EACH, writes=3, crashes=1, rollbacks=1),
        17474,
        24805,
    ),
    Scene(
        "model-late",
        "a request that lands late, about a log that is lost, with others at the same time",
        Grain.MODEL,
        Limits(rollbacks=1, timeouts=1, burst=2, together=True),
        14293,
        24165,
    ),
    Scene(
        "model-three",
        "three nodes, every shape of one cut, two steps without a rest",
        Grain.MODEL,
        Limits(nodes=3, cuts=1, burst=2),
        16792,
        59815,
    ),
    Scene(
        "model-three-late",
        "three nodes, a request that lands late, every shape of one cut",
        Grain.MODEL,
        Limits(nodes=3, cuts=1, timeouts=1),
        25060,
        63252,
    ),
    Scene(
        "model-read",
        "reads at any moment of what is under way",
        Grain.MODEL,
        Limits(reads=2, burst=3),
        828,
        1791,
    ),
    Scene(
        "model-read-together",
        "a read at the same time as a write, one of unknown outcome",
        Grain.MODEL,
        Limits(reads=1, timeouts=1, burst=3, together=True),
        7513,
        15449,
    ),
    Scene(
        "steps-all",
        "each kind of fault once, in every order",
        Grain.STEPS,
        Limits(cuts=1, crashes=1, rollbacks=1, resyncs=1),
        15522,
        70246,
    ),
    Scene(
        "steps-bursts",
        "the same, also with two steps without a rest",
        Grain.STEPS,
        Limits(cuts=1, crashes=1, rollbacks=1, resyncs=1, burst=2),
        68672,
        340148,
    ),
    Scene(
        "steps-three",
        "three nodes, every shape of one cut",
        Grain.STEPS,
        Limits(nodes=3, cuts=1),
        1063,
        5986,
    ),
    Scene(
        "steps-three-crash",
        "three nodes, a partition and a crash",
        Grain.STEPS,
        Limits(
            nodes=3,
            cuts=1,
            crashes=1,
            ops=_ops("create set delete partition heal crash restart"),
        ),
        887,
        3620,
    ),
    Scene(
        "steps-three-rollback",
        "three nodes, every shape of one cut, and a log that is lost",
        Grain.STEPS,
        Limits(
            nodes=3,
            writes=1,
            cuts=1,
            rollbacks=1,
            ops=_ops("create partition cut heal mend rollback rollout"),
        ),
        3141,
        21145,
    ),
    Scene(
        "steps-ref",
        "a row that refers to another, a cut and a log that is lost",
        Grain.STEPS,
        Limits(rows=ONE_OF_EACH, writes=3, cuts=1, rollbacks=1),
        17196,
        57076,
    ),
    Scene(
        "messages-conflict",
        "three nodes: a partition, a conflict across it, a heal",
        Grain.MESSAGES,
        Limits(nodes=3, cuts=1, ops=_ops("create partition heal")),
        12179,
        17048,
    ),
    Scene(
        "messages-three",
        "the same with sets and deletes",
        Grain.MESSAGES,
        Limits(nodes=3, cuts=1, ops=_ops("create set delete partition heal")),
        23019,
        32206,
    ),
    Scene(
        "messages-three-rollback",
        "three nodes: one or several lose their logs and get back what others know",
        Grain.MESSAGES,
        Limits(nodes=3, rollbacks=1),
        20731,
        29497,
    ),
    Scene(
        "messages-three-crash",
        "three nodes: a crash at any point of a delivery",
        Grain.MESSAGES,
        Limits(nodes=3, writes=1, crashes=1, burst=2, ops=_ops("create crash restart")),
        13616,
        49166,
    ),
    Scene(
        "messages-three-writes",
        "three nodes: two writes at any points of each other's delivery",
        Grain.MESSAGES,
        Limits(nodes=3, burst=2),
        2222,
        7038,
    ),
    Scene(
        "messages-three-resync",
        "three nodes: a resync of any kind, before, during and after a partition",
        Grain.MESSAGES,
        Limits(nodes=3, cuts=1, resyncs=1, ops=_ops("create set partition heal resync")),
        36675,
        51295,
    ),
    Scene(
        "messages-three-cut-crash",
        "three nodes: every shape of one cut, and a crash, in every order",
        Grain.MESSAGES,
        Limits(nodes=3, writes=1, cuts=1, crashes=1),
        37416,
        49250,
    ),
    Scene(
        "messages-three-cut-rollback",
        "three nodes: a partition and logs that are lost, in every order",
        Grain.MESSAGES,
        Limits(
            nodes=3,
            writes=1,
            cuts=1,
            rollbacks=1,
            ops=_ops("create partition heal rollback rollout"),
        ),
        52396,
        73474,
    ),
    Scene(
        "messages-crash",
        "a crash and a restart at any point of a delivery",
        Grain.MESSAGES,
        Limits(crashes=1, restarts=1, burst=2),
        10858,
        24312,
    ),
    Scene(
        "messages-rollback",
        "a log that is lost at any point of a delivery, and a rollout after it",
        Grain.MESSAGES,
        Limits(rollbacks=1, burst=2),
        7423,
        14322,
    ),
    Scene(
        "messages-resync",
        "a full or a plain resync, before, during and after a cut",
        Grain.MESSAGES,
        Limits(cuts=1, resyncs=1),
        2211,
        2955,
    ),
    Scene(
        "messages-cut",
        "links that are cut and mended at any point of a delivery",
        Grain.MESSAGES,
        Limits(cuts=1, burst=2),
        3855,
        7588,
    ),
    Scene(
        "messages-read",
        "a read at any point of a delivery, and a cut",
        Grain.MESSAGES,
        Limits(cuts=1, reads=1, burst=2),
        17372,
        39564,
    ),
    Scene(
        "messages-two-cuts",
        "two cuts, one after the other, at any points of a delivery",
        Grain.MESSAGES,
        Limits(cuts=2, burst=2),
        13942,
        32489,
    ),
    Scene(
        "messages-cut-writes",
        "three writes, and links that are cut at any point of a delivery",
        Grain.MESSAGES,
        Limits(writes=3, cuts=1, burst=2),
        42826,
        85340,
    ),
    Scene(
        "messages-two-rows",
        "two rows side by side, during a cut",
        Grain.MESSAGES,
        Limits(rows=TWO, writes=3, cuts=1),
        14645,
        17873,
    ),
    Scene(
        "messages-cut-crash",
        "links that are cut and nodes that crash at any point of a delivery",
        Grain.MESSAGES,
        Limits(cuts=1, crashes=1, burst=2),
        38407,
        84318,
    ),
    Scene(
        "messages-cut-rollback",
        "links that are cut and logs that are lost at any point of a delivery",
        Grain.MESSAGES,
        Limits(cuts=1, rollbacks=1, burst=2),
        105877,
        230843,
    ),
    Scene(
        "messages-crash-rollback",
        "nodes that crash and logs that are lost at any point of a delivery",
        Grain.MESSAGES,
        Limits(crashes=1, rollbacks=1, burst=2),
        79024,
        170143,
    ),
    Scene(
        "messages-all",
        "a cut, a crash and a lost log, in every order",
        Grain.MESSAGES,
        Limits(cuts=1, crashes=1, rollbacks=1),
        73784,
        97849,
    ),
    Scene(
        "messages-ref",
        "a row that refers to another, during a cut",
        Grain.MESSAGES,
        Limits(rows=ONE_OF_EACH, writes=3, cuts=1),
        12484,
        15299,
    ),
    Scene(
        "messages-ref-crash",
        "a row that refers to another, while a node is down",
        Grain.MESSAGES,
        Limits(rows=ONE_OF_EACH, writes=3, crashes=1),
        5080,
        5928,
    ),
    Scene(
        "messages-ref-cut",
        "a row that refers to another, a cut at any point of a delivery",
        Grain.MESSAGES,
        Limits(rows=ONE_OF_EACH, writes=3, cuts=1, burst=2),
        71534,
        143345,
    ),
    Scene(
        "messages-ref-rollback",
        "a row that refers to another, a cut and a log that is lost, in every order",
        Grain.MESSAGES,
        Limits(rows=ONE_OF_EACH, writes=3, cuts=1, rollbacks=1),
        214215,
        264804,
    ),
    *scenes_of_stalls.SCENES,
    *scenes_of_deployments.SCENES,
    *scenes_of_restores.SCENES,
    *scenes_of_purges.SCENES,
    *scenes_of_spoils.SCENES,
    *scenes_of_members.SCENES,
    *scenes_of_misuse.SCENES,
)


def scene(name: str) -> Scene | None:
    """The scene of that name."""
    return next((one for one in SCENES if one.name == name), None)
