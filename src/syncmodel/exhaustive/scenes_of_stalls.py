"""The scenes of nodes that stand still, clocks that jump and links that hang."""

from __future__ import annotations

from syncmodel.exhaustive.limits import Limits
from syncmodel.exhaustive.scene import Scene
from syncmodel.exhaustive.searches import Grain

SCENES = (
    Scene(
        "model-pause",
        "a node that stands still amid a cut, with requests that wait for it",
        Grain.MODEL,
        Limits(cuts=1, pauses=1, burst=2),
        6552,
        18415,
    ),
    Scene(
        "model-pause-together",
        "a node that begins to stand still while it is asked, and late requests",
        Grain.MODEL,
        Limits(pauses=1, timeouts=1, burst=2, together=True),
        11417,
        21812,
    ),
    Scene(
        "steps-pause",
        "a standstill, a cut and a crash, in every order",
        Grain.STEPS,
        Limits(cuts=1, crashes=1, pauses=1),
        4132,
        15435,
    ),
    Scene(
        "steps-three-pause",
        "three nodes, a standstill and every shape of one cut",
        Grain.STEPS,
        Limits(nodes=3, writes=1, cuts=1, pauses=1),
        1809,
        9540,
    ),
    Scene(
        "steps-clock",
        "a clock that jumps and a restart, in every order",
        Grain.STEPS,
        Limits(restarts=1, clocks=1),
        248,
        676,
    ),
    Scene(
        "steps-hang",
        "a link that hangs, a cut and a crash, in every order",
        Grain.STEPS,
        Limits(cuts=1, crashes=1, hangs=1),
        1525,
        6699,
    ),
    Scene(
        "messages-pause",
        "a standstill and a cut, in every order",
        Grain.MESSAGES,
        Limits(cuts=1, pauses=1),
        7066,
        9479,
    ),
    Scene(
        "messages-hang",
        "a link that hangs, at any point of a run",
        Grain.MESSAGES,
        Limits(hangs=1),
        365,
        458,
    ),
)
