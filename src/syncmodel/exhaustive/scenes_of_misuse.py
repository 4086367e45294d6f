"""The scenes of admin requests that must be refused: see `scenes`."""

from __future__ import annotations

from syncmodel.exhaustive.limits import Limits
from syncmodel.exhaustive.scene import Scene
from syncmodel.exhaustive.searches import Grain

SCENES = (
    Scene(
        "model-misuse",
        "admin requests that must be refused, amid a cut and a rollback",
        Grain.MODEL,
        Limits(writes=1, cuts=1, rollbacks=1, misuses=1),
        396,
        3272,
    ),
    Scene(
        "steps-misuse",
        "admin requests that must be refused, amid a crash and a rollback, in every order",
        Grain.STEPS,
        Limits(writes=1, crashes=1, rollbacks=1, misuses=1),
        156,
        1751,
    ),
)
