"""The scenes of deployments that fail, of plugins that are taken out, and of machines that boot."""

from __future__ import annotations

from syncmodel.exhaustive.limits import Limits
from syncmodel.exhaustive.scene import Scene
from syncmodel.exhaustive.searches import Grain

SCENES = (
    Scene(
        "model-faulty",
        "deployments that fail or are interrupted, a cut",
        Grain.MODEL,
        Limits(writes=2, cuts=1, faulty=1, burst=2),
        4503,
        14158,
    ),
    Scene(
        "steps-faulty",
        "deployments that fail or are interrupted, a crash",
        Grain.STEPS,
        Limits(writes=2, crashes=1, faulty=2, burst=2),
        6465,
        31253,
    ),
    Scene(
        "steps-faulty-cut",
        "three nodes: a cut, and deployments amid it",
        Grain.STEPS,
        Limits(
            nodes=3,
            writes=2,
            cuts=1,
            faulty=1,
            ops=frozenset(
                [
                    "create",
                    "set",
                    "cut",
                    "mend",
                    "heal",
                    "faulty_rollback",
                    "faulty_rollout",
                    "rollout",
                ]
            ),
        ),
        473,
        2499,
    ),
    Scene(
        "messages-faulty",
        "deployments that fail or are interrupted, amid what is under way",
        Grain.MESSAGES,
        Limits(faulty=1, burst=2),
        5186,
        10123,
    ),
    Scene(
        "model-takeout",
        "a plugin that is disabled or uninstalled, a cut",
        Grain.MODEL,
        Limits(cuts=1, takeouts=1, burst=2),
        6152,
        16814,
    ),
    Scene(
        "model-reboot",
        "what is selected and booted, a crash",
        Grain.MODEL,
        Limits(crashes=1, reboots=2, burst=2),
        5764,
        12336,
    ),
    Scene(
        "steps-takeout",
        "plugins that are disabled and uninstalled, a cut, in every order",
        Grain.STEPS,
        Limits(cuts=1, takeouts=2),
        6160,
        28170,
    ),
    Scene(
        "steps-reboot",
        "what is selected and booted, a crash, in every order",
        Grain.STEPS,
        Limits(crashes=1, reboots=3),
        1640,
        4809,
    ),
    Scene(
        "messages-takeout",
        "a plugin that is disabled or uninstalled at any point of a delivery",
        Grain.MESSAGES,
        Limits(takeouts=1, burst=2),
        10109,
        19576,
    ),
    Scene(
        "messages-reboot",
        "what is selected and booted at any point of a delivery",
        Grain.MESSAGES,
        Limits(reboots=2, burst=2),
        8878,
        17272,
    ),
)
