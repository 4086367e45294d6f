"""The scenes of plugins that are taken out, and of machines that boot what is selected."""

from __future__ import annotations

from syncmodel.exhaustive.limits import Limits
from syncmodel.exhaustive.scene import Scene
from syncmodel.exhaustive.searches import Grain

SCENES = (
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
