"""The scenes in which members come and go, and trust changes: see `scenes`."""

from __future__ import annotations

from syncmodel.exhaustive.limits import Limits
from syncmodel.exhaustive.scene import Scene
from syncmodel.exhaustive.searches import Grain

SCENES = (
    Scene(
        "model-members",
        "a node that leaves and comes back, amid a cut",
        Grain.MODEL,
        Limits(leaves=1, cuts=1, burst=2),
        2512,
        7135,
    ),
    Scene(
        "model-members-together",
        "a node that leaves or comes back at the same time as a write",
        Grain.MODEL,
        Limits(leaves=1, burst=2, together=True),
        2336,
        4084,
    ),
    Scene(
        "model-trust",
        "three writes of one row, an author that is trusted no more and again",
        Grain.MODEL,
        Limits(writes=3, distrusts=1, burst=2),
        5067,
        8567,
    ),
    Scene(
        "model-trust-cut",
        "the same with two writes, amid a cut",
        Grain.MODEL,
        Limits(distrusts=1, cuts=1, burst=2),
        3138,
        8992,
    ),
    Scene(
        "model-trust-together",
        "trust that changes at the same time as a write, and late requests",
        Grain.MODEL,
        Limits(distrusts=1, timeouts=1, burst=2, together=True),
        7214,
        13561,
    ),
    Scene(
        "model-three-members",
        "three nodes, of which one leaves and comes back",
        Grain.MODEL,
        Limits(nodes=3, leaves=1),
        311,
        588,
    ),
    Scene(
        "model-three-trust",
        "three nodes, one of which does not trust another",
        Grain.MODEL,
        Limits(nodes=3, distrusts=1),
        350,
        600,
    ),
    Scene(
        "steps-members",
        "a node that leaves and comes back and a cut, in every order",
        Grain.STEPS,
        Limits(cuts=1, leaves=1),
        455,
        1697,
    ),
    Scene(
        "steps-trust",
        "an author that is trusted no more and again and a cut, in every order",
        Grain.STEPS,
        Limits(cuts=1, distrusts=1),
        562,
        2084,
    ),
    Scene(
        "steps-three-members",
        "three nodes, two of which leave and come back",
        Grain.STEPS,
        Limits(nodes=3, leaves=2),
        292,
        795,
    ),
    Scene(
        "steps-three-trust",
        "three nodes, one of which does not trust another",
        Grain.STEPS,
        Limits(nodes=3, distrusts=1),
        82,
        192,
    ),
    Scene(
        "messages-members",
        "a node that leaves or comes back at any point of a delivery",
        Grain.MESSAGES,
        Limits(leaves=1, burst=2),
        3274,
        6104,
    ),
    Scene(
        "messages-trust",
        "trust that changes at any point of a delivery",
        Grain.MESSAGES,
        Limits(distrusts=1, burst=2),
        1030,
        1567,
    ),
)
