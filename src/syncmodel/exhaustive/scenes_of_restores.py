"""The scenes of disks that are copied and put back."""

from __future__ import annotations

from syncmodel.exhaustive.limits import Limits
from syncmodel.exhaustive.scene import Scene
from syncmodel.exhaustive.searches import Grain

#: Writes but for increments, disks, and cuts that part all nodes.
PARTITION = frozenset({"create", "set", "delete", "backup", "restore", "partition", "heal"})

SCENES = (
    Scene(
        "model-restore",
        "disks that are copied and put back, two steps without a rest",
        Grain.MODEL,
        Limits(backups=1, restores=1, burst=2),
        2281,
        3678,
    ),
    Scene(
        "steps-restore",
        "disks that are copied and put back, and a crash, in every order",
        Grain.STEPS,
        Limits(crashes=1, backups=1, restores=1),
        2051,
        4172,
    ),
    Scene(
        "messages-restore",
        "disks that are copied and put back, amid what is under way",
        Grain.MESSAGES,
        Limits(backups=1, restores=1),
        3072,
        3444,
    ),
    Scene(
        "model-three-restore",
        "three nodes, disks that are copied and put back, two steps without a rest",
        Grain.MODEL,
        Limits(nodes=3, backups=1, restores=1, burst=2),
        5078,
        12796,
    ),
    Scene(
        "model-three-restore-cut",
        "three nodes, disks that are copied and put back amid a partition",
        Grain.MODEL,
        Limits(nodes=3, cuts=1, backups=1, restores=1, ops=PARTITION),
        23347,
        47650,
    ),
    Scene(
        "steps-three-restore",
        "three nodes, disks that are copied and put back",
        Grain.STEPS,
        Limits(nodes=3, backups=1, restores=1),
        372,
        676,
    ),
    Scene(
        "steps-three-restore-crash",
        "three nodes, disks that are copied and put back, and a crash, in every order",
        Grain.STEPS,
        Limits(nodes=3, crashes=1, backups=1, restores=1),
        3209,
        7391,
    ),
    Scene(
        "steps-three-restore-cut",
        "three nodes, disks that are copied and put back, and a partition, in every order",
        Grain.STEPS,
        Limits(nodes=3, cuts=1, backups=1, restores=1, ops=PARTITION),
        8582,
        29313,
    ),
    Scene(
        "messages-three-restore",
        "three nodes: disks that are copied and put back",
        Grain.MESSAGES,
        Limits(nodes=3, backups=1, restores=1),
        26430,
        34295,
    ),
)
