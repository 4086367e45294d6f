"""What machines in namespaces need of this computer, and what each kernel has of it."""

from __future__ import annotations

import os
import shutil
import sys

from syncmodel.faults.tcp_sockets import can_destroy
from syncmodel.reference.machines import hub

#: The programs, with the package of Debian that has each.
PROGRAMS = {"sshd": "openssh-server", "ip": "iproute2", "nft": "nftables"}


def lacking() -> list[str]:
    """What is missing, each with what to do; nothing where everything is there."""
    if sys.platform != "linux":
        return ["Linux: take --target embedded"]
    found = []
    if os.geteuid() != 0:
        found.append("root: start it with sudo, or take --target embedded")
    for program, package in PROGRAMS.items():
        if shutil.which(program, path=hub.PATH) is None:
            found.append(f"{program}: apt-get install {package}")
    if not found and not can_destroy():
        found.append("a kernel that can end connections: CONFIG_INET_DIAG_DESTROY")
    return found


def goes_without() -> list[str]:
    """What is not drawn here, and why."""
    return [] if hub.has_tun() else ["slow links: there is no /dev/net/tun"]
