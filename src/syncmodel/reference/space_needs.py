"""What machines in namespaces need of this computer, and what goes without it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache

from syncmodel.faults import slow_disk
from syncmodel.faults.tcp_sockets import can_destroy
from syncmodel.reference.kinds import NAMESPACES, TUN
from syncmodel.reference.machines import hub, inside, spaces
from syncmodel.steps.base import SlowsLinks
from syncmodel.steps.disks import SlowsDisks

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
    "tcp dport 1 reject with tcp reset; }; }' && "
    "mount -t tmpfs -o size=64k none /tmp"
)
_TRIAL_LIMIT_S = 20.0


@cache
def lacking() -> tuple[str, ...]:
    """What is missing, each with what to do; nothing where everything is there."""
    if sys.platform != "linux":
        return ("Linux: take --target embedded",)
    found = [
        f"{program}: apt-get install {package}"
        for program, package in PROGRAMS.items()
        if _find(program) is None and (program != "sshd" or spaces.may_set_groups())
    ]
    return tuple(found or _of_kernel() or _of_sshd())


def _find(program: str) -> str | None:
    """sshd runs in machines, the others beside them."""
    if program == "sshd":
        return inside.program(program)
    return shutil.which(program, path=inside.PATH)


def _of_kernel() -> list[str]:
    root = os.geteuid() == 0
    user = [] if root else ["--user", "--map-root-user"]
    spaced = [hub.tool("unshare"), *user, "--net", "--mount", "--pid", "--fork"]
    try:
        done = subprocess.run(
            [*spaced, "sh", "-c", TRIAL],
            env={**os.environ, "PATH": inside.PATH},
            capture_output=True,
            text=True,
            check=False,
            timeout=_TRIAL_LIMIT_S,
        )
        failed, told = done.returncode != 0, done.stderr
    except (OSError, subprocess.TimeoutExpired) as error:
        failed, told = True, str(error)
    if failed:
        said = " ".join(told.split())[-200:]
        how = "in a container, run it --privileged" if root else "be root (sudo)"
        return [f"namespaces, veth and nftables ({said}): {how}, or take --target embedded"]
    # Another user may end connections in namespaces of his own, and has none to try it on.
    if root and not can_destroy():
        return ["a kernel with CONFIG_INET_DIAG_DESTROY, to end connections"]
    return []


def _of_sshd() -> list[str]:
    """It is tried as a machine starts it."""
    server = _find("sshd")
    if server is None or not spaces.may_set_groups():
        return []
    from syncmodel.reference.machines import sshd

    said = sshd.refusal(server, hub.tool("unshare"))
    mend = f"apt-get install --reinstall {PROGRAMS['sshd']}"
    return [f"an sshd that starts ({server} says: {said}): {mend}"] if said else []


def goes_without() -> tuple[str, ...]:
    """What there is not on these machines, and why."""
    found = []
    if not issubclass(NAMESPACES.abilities, SlowsLinks):
        found.append(f"slow links and bad lines, as {TUN} can't be opened")
    if not issubclass(NAMESPACES.abilities, SlowsDisks):
        found.append(f"slow disks, as {slow_disk.lacking(inside.program)}")
    if not spaces.CLOCKS.exists():
        found.append(
            "clocks that begin at each machine's boot, as the kernel has no CONFIG_TIME_NS"
        )
    if not spaces.may_set_groups():
        found.append("OpenSSH, which needs root: machines have a small SSH server in its place")
    return tuple(found)
