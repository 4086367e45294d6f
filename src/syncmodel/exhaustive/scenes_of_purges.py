"""The scenes in which deletes are purged: see `scenes`."""

from __future__ import annotations

from syncmodel.exhaustive.limits import Limits
from syncmodel.exhaustive.scene import Scene
from syncmodel.exhaustive.searches import Grain

SCENES = (
    Scene(
        "model-purge",
        "deletes of a row, one purge, amid a cut",
        Grain.MODEL,
        Limits(writes=3, cuts=1, purges=1),
        6513,
        10912,
    ),
    Scene(
        "steps-purge",
        "a row that is deleted, purged (once) and created again, amid a cut, in every order",
        Grain.STEPS,
        Limits(writes=3, cuts=1, purges=1),
        1540,
        5269,
    ),
)
