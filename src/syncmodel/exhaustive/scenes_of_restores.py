"""The scenes of disks that are copied and put back."""

from __future__ import annotations

from syncmodel.exhaustive.limits import Limits
from syncmodel.exhaustive.scene import Scene
from syncmodel.exhaustive.searches import Grain

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
)
