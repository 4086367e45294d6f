"""The cluster of machines in namespaces: real sshd, real packets, on one Linux machine.

It is the embedded cluster on other machines, with other links: everything else is the same code.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import ClassVar

from syncmodel.errors import UsageError
from syncmodel.faults.routed_links import RoutedLinks
from syncmodel.model.net import Link
from syncmodel.reference import space_needs
from syncmodel.reference.embedded import EmbeddedCluster
from syncmodel.reference.machines.local import LocalCluster, LocalMachines
from syncmodel.reference.machines.namespaces import RELAY_PORT, NamespaceCluster, NamespaceMachines
from syncmodel.steps.packets import ImpairsLinks


class NamespacedCluster(EmbeddedCluster, ImpairsLinks):
    """A `Target` of machines n1, n2, ... in namespaces."""

    MACHINES: ClassVar[type[LocalMachines]] = NamespaceMachines

    def __init__(self, count: int = 3, bugs: Sequence[str] = ()) -> None:
        """As `EmbeddedCluster`. Raises `UsageError` where there can be no such machines."""
        if lacking := space_needs.lacking():
            raise UsageError(f"Machines in namespaces need {'; '.join(lacking)}.")
        super().__init__(count, bugs)
        self._routed: RoutedLinks

    async def impair(self, link: Link, wrong: str) -> None:
        """Have this wrong with the line of a link; probed by datagrams."""
        async with self._cutting:
            await self._routed.impair(link, wrong)

    async def _lay(self, local: LocalCluster) -> Mapping[Link, str]:
        assert isinstance(local, NamespaceCluster)
        await local.start()
        first = {name: addresses[0] for name, addresses in local.addresses.items()}
        self._routed = links = RoutedLinks(first, RELAY_PORT, local)
        self._links = links
        await links.open()
        return {}

    def _entered(self) -> Sequence[str]:
        pid = None if self._machines is None else self._machines.pid
        if pid is None:
            return ()
        user = [f"--user=/proc/{pid}/ns/user", "--preserve-credentials"]
        mine = [] if os.geteuid() == 0 else user
        return ("nsenter", *mine, f"--net=/proc/{pid}/ns/net")
