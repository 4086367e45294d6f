"""The reference system as kinds of targets: real processes, or the nodes' cores in memory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from attrs import evolve

from syncmodel.faults import slow_disk
from syncmodel.reference.machines import inside
from syncmodel.steps.base import (
    Deploys,
    HangsLinks,
    Malforms,
    Pauses,
    Reads,
    Resyncs,
    SetsClocks,
    SlowsLinks,
    Stops,
)
from syncmodel.steps.clocks import DriftsClocks
from syncmodel.steps.disks import FillsDisks, SlowsDisks
from syncmodel.steps.faulty_deploy import DeploysAmidFaults
from syncmodel.steps.machines import Boots
from syncmodel.steps.membership import HasMembers
from syncmodel.steps.misused import Misuses
from syncmodel.steps.packets import ImpairsLinks
from syncmodel.steps.plugins import Uninstalls
from syncmodel.steps.purging import Purges
from syncmodel.steps.restoring import PutsBack
from syncmodel.steps.spoiling import Spoils
from syncmodel.steps.trusting import Trusts
from syncmodel.targets.base import Searchable, Target
from syncmodel.targets.registry import TargetKind
from syncmodel.targets.wire import DROPPING, SUPERTEST

#: By this device packets are led aside for a while, and come back.
TUN = Path("/dev/net/tun")
#: What there is nothing for where links carry no packets, and machines have no disks or clocks.
UNPACKED = frozenset({"impair", "full_disk", "slow_disk", "drift"})


class Unhurried(
    HangsLinks,
    Resyncs,
    Deploys,
    DeploysAmidFaults,
    Uninstalls,
    Boots,
    HasMembers,
    Trusts,
    PutsBack,
    Purges,
    Spoils,
    Stops,
    Pauses,
    SetsClocks,
    Malforms,
    Reads,
    Misuses,
):
    """All but slow links."""


class Everything(Unhurried, SlowsLinks):
    """The abilities of the reference system: all of them."""


class Disks(Unhurried, FillsDisks, DriftsClocks):
    """The same, with disks and clocks of their own."""


class Packets(Everything, Disks, ImpairsLinks):
    """The same, with links that carry packets."""


class InMemory(Everything, Searchable):
    """The same, with nodes that are values."""


def spaced(*, packets: bool, traces: bool) -> type:
    """The abilities of machines in namespaces, where packets can be led aside or not, and writes be
    held up."""
    has = Packets if packets else Disks
    return type("Spaced", (has, SlowsDisks), {}) if traces else has


def _embedded(count: int, bugs: Sequence[str]) -> Target:
    from syncmodel.reference.embedded import EmbeddedCluster

    return EmbeddedCluster(count, bugs)


def _namespaced(count: int, bugs: Sequence[str]) -> Target:
    from syncmodel.reference.namespaced import NamespacedCluster

    return NamespacedCluster(count, bugs)


def _embedded_dropping(count: int, bugs: Sequence[str]) -> Target:
    from syncmodel.reference.embedded import DroppingCluster

    return DroppingCluster(count, bugs)


def _simulated_dropping(count: int, bugs: Sequence[str]) -> Target:
    from syncmodel.reference.simulated import DroppingSimulation

    return DroppingSimulation(count, bugs)


def _simulated(count: int, bugs: Sequence[str]) -> Target:
    from syncmodel.reference.simulated import SimulatedCluster

    return SimulatedCluster(count, bugs)


EMBEDDED = TargetKind(
    "embedded",
    "real processes of this computer, over SSH and HTTP",
    _embedded,
    SUPERTEST,
    Everything,
    twin="simulated",
    missing_nothing=UNPACKED,
)
SIMULATED = TargetKind(
    "simulated",
    "the nodes' cores joined in memory",
    _simulated,
    SUPERTEST,
    InMemory,
    waits=False,
    twin="simulated",
    missing_nothing=UNPACKED,
)
EMBEDDED_DROPPING = evolve(
    EMBEDDED,
    name="embedded-dropping",
    title=f"{EMBEDDED.title}, with a third version of their plugin, which drops a column",
    make=_embedded_dropping,
    schema=DROPPING,
    twin="simulated-dropping",
)
SIMULATED_DROPPING = evolve(
    SIMULATED,
    name="simulated-dropping",
    title=f"{SIMULATED.title}, with a third version of their plugin, which drops a column",
    make=_simulated_dropping,
    schema=DROPPING,
    twin="simulated-dropping",
)
NAMESPACES = TargetKind(
    "namespaces",
    "machines in Linux namespaces, with OpenSSH and real packets",
    _namespaced,
    SUPERTEST,
    spaced(
        packets=os.access(TUN, os.R_OK | os.W_OK),
        traces=not slow_disk.lacking(inside.program),
    ),
    twin="simulated",
)
