"""`syncmodel doctor`: what this machine, or the hosts of an inventory, have and lack."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from syncmodel.errors import InvalidRunError, UsageError

if TYPE_CHECKING:
    from syncmodel.inventory.checks import Line

NAME = "doctor"
HELP = "say what this machine, or the hosts of an inventory, have, lack, and what to do"
EXAMPLES = """\
  syncmodel doctor                       which targets work on this machine
  syncmodel doctor hosts.toml            every host of an inventory, and the ways between them
  syncmodel doctor hosts.toml --disturb  the same, and each is killed, paused, set ahead

exit codes: 0 if runs can be made, 3 if something is missing that they need
"""

FREE_MIB = 200
DISKS = "their disks can be full, or slow"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The inventory, and whether its nodes may be disturbed."""
    parser.add_argument(
        "inventory", metavar="INVENTORY", nargs="?", type=Path, help="a TOML file (docs/hosts.md)"
    )
    parser.add_argument(
        "--disturb",
        action="store_true",
        help="kill, pause and set ahead each node, to see that it works",
    )


def run(args: argparse.Namespace) -> int:
    """Print one line for each check."""
    from syncmodel.inventory.checks import Health
    from syncmodel.report.terminal import say

    def tell(line: Line) -> None:
        say(f"{line.health.value:9} {line.about}: {line.told.rstrip('.')}.")

    if args.inventory is None:
        found = list(_here())
        for line in found:
            tell(line)
        # One target is enough; the rest is what each needs.
        lacking = [line for line in found if line.health is Health.MISSING]
        bad = any(not line.about.startswith("target") for line in lacking)
        return InvalidRunError.exit_code if bad else 0
    from syncmodel.inventory import checkup, file

    worst = checkup.run(file.load(args.inventory), tell, disturb=args.disturb)
    return InvalidRunError.exit_code if worst is Health.MISSING else 0


def _here() -> Iterator[Line]:
    """What this machine has, and what therefore works."""
    from syncmodel.corpus.budgets import at_home
    from syncmodel.inventory.checks import Health, Line
    from syncmodel.reference import needs

    yield Line(Health.OK, "target simulated", "needs nothing but this package")
    missing = needs.missing()
    if missing:
        told = f"{', '.join(missing)} not installed: pip install 'syncmodel[reference]'"
        yield Line(Health.MISSING, "target embedded", told)
    else:
        yield _files()
        yield _spaces()
    yield _room()
    config = Path("~/.ssh/config")
    with suppress(UsageError):
        config = at_home(config)
    if config.is_file():
        yield Line(Health.OK, "target inventory", f"hosts are found as {config} has them")
    else:
        told = f"there is no {config}: name another with `ssh_config` in the inventory"
        yield Line(Health.DEGRADED, "target inventory", told)
    yield Line(Health.OK, "processors", f"{os.cpu_count() or 1}: see --jobs")
    tools = ("sshd", "unshare", "ip", "nft", "tc", "flock", "strace")
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    there = [tool for tool in tools if shutil.which(tool, path=path)]
    absent = [tool for tool in tools if tool not in there]
    told = f"found: {', '.join(there) or 'none'}"
    if absent:
        told += f"; not found: {', '.join(absent)}"
    yield Line(Health.OK, "tools", told)


def _files() -> Line:
    from syncmodel.inventory.checks import Health, Line
    from syncmodel.machine.wanted import NODES
    from syncmodel.reference import needs

    try:
        needs.open_files(NODES)
    except InvalidRunError as error:
        return Line(Health.MISSING, "target embedded", str(error))
    return Line(Health.OK, "target embedded", "real processes of this computer")


def _spaces() -> Line:
    from syncmodel.inventory.checks import Health, Line
    from syncmodel.reference import space_needs

    name = "target namespaces"
    if lacking := space_needs.lacking():
        return Line(Health.MISSING, name, "; ".join(lacking))
    if without := space_needs.goes_without():
        return Line(Health.DEGRADED, name, f"goes without {'; '.join(without)}")
    return Line(Health.OK, name, f"machines with sshd and real packets, in namespaces; {DISKS}")


def _room() -> Line:
    import tempfile

    from syncmodel.campaign.campaign import lack_of_room
    from syncmodel.inventory.checks import Health, Line

    if lacking := lack_of_room():
        return Line(Health.MISSING, "disk", lacking)
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free // 2**20
    if free < FREE_MIB:
        told = f"{free} MiB are free in {folder}: make room, or name another with TMPDIR"
        return Line(Health.DEGRADED, "disk", told)
    return Line(Health.OK, "disk", f"{free:,} MiB are free in {folder}")
