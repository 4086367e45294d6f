"""The scenes in which a node's store is damaged at rest: see `scenes`."""

from __future__ import annotations

from syncmodel.exhaustive.limits import Limits
from syncmodel.exhaustive.scene import Scene
from syncmodel.exhaustive.searches import Grain

SCENES = (
    Scene(
        "model-spoil",
        "a store that is damaged, amid a cut",
        Grain.MODEL,
        Limits(writes=2, cuts=1, spoils=1),
        1576,
        3180,
    ),
    Scene(
        "steps-spoil",
        "a store that is damaged, amid a cut, in every order",
        Grain.STEPS,
        Limits(writes=2, cuts=1, spoils=1),
        813,
        2959,
    ),
)
