"""What machines in namespaces need of this computer, and what goes without it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache

from syncmodel.faults.tcp_sockets import can_destroy
from syncmodel.reference.kinds import NAMESPACES, TUN
from syncmodel.reference.machines import hub
from syncmodel.steps.base import SlowsLinks

#: The programs, with the package of Debian that has each.
PROGRAMS = {
    "sshd": "openssh-server",
    "ip": "iproute2",
    "nft": "nftables",
    "unshare": "util-linux",
}
#: What a machine and its network are made of, tried at once and gone with the command.
TRIAL = (
    "ip link set lo up && ip link add v0 type veth peer name v1 && "
    "nft 'table inet t { chain c { type filter hook forward priority 0; "
    "tcp dport 1 reject with tcp reset; }; }'"
)
_TRIAL_LIMIT_S = 20.0


@cache
def lacking() -> tuple[str, ...]:
    """What is missing, each with what to do; nothing where everything is there."""
    if sys.platform != "linux":
        return ("Linux: take --target embedded",)
    found = []
    if os.geteuid() != 0:
        found.append("root: start it with sudo, or take --target embedded")
    for program, package in PROGRAMS.items():
        if shutil.which(program, path=hub.PATH) is None:
            found.append(f"{program}: apt-get install {package}")
    return tuple(found or _of_kernel())


def _of_kernel() -> list[str]:
    command = [hub.tool("unshare"), "--net", "--mount", "--pid", "--fork", "sh", "-c", TRIAL]
    env = {**os.environ, "PATH": hub.PATH}
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, check=False, timeout=_TRIAL_LIMIT_S
    )
    if done.returncode:
        said = " ".join(done.stderr.split())[-200:]
        return [f"namespaces, veth and nftables ({said}): in a container, run it --privileged"]
    return [] if can_destroy() else ["a kernel with CONFIG_INET_DIAG_DESTROY, to end connections"]


def goes_without() -> tuple[str, ...]:
    """The kinds of faults that are not drawn here, and why."""
    slow = issubclass(NAMESPACES.abilities, SlowsLinks)
    return () if slow else (f"slow links, as there is no {TUN}",)
