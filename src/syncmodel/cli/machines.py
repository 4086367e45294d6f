"""`syncmodel machines`: rent machines for a cluster, list them, and give them back."""

from __future__ import annotations

import argparse
import os
import re
import time
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

from syncmodel.cli.rent import create, quote, renter_of, say_destroyed, when
from syncmodel.errors import UsageError

if TYPE_CHECKING:
    from syncmodel.providers.renting import Renter

NAME = "machines"
HELP = "rent machines for a cluster at Hetzner, Scaleway or OVH, list them, and give them back"
EXAMPLES = """\
  syncmodel machines quote hetzner:3                  what three machines cost
  syncmodel machines create hetzner:3 --at-most 0.10  rent them for two hours, write an inventory
  syncmodel machines create hetzner scaleway ovh --at-most 1 --ttl 4h --to cluster
  syncmodel machines create hetzner:3 --at-most 1 --node reference --to cluster
  syncmodel explore --inventory cluster/hosts.toml    and use them
  syncmodel machines create hetzner scaleway ovh --at-most 1 --then scenario \\
      cluster-plugin-rollout-sync-split-brain         all of it: rent, test, give back
  syncmodel machines list                             what is rented, by whom, until when
  syncmodel machines destroy cluster                  give them back: a folder, or the lease's name
  syncmodel machines sweep                            destroy what is over, whoever left it

The account is that of the environment: HCLOUD_TOKEN or HCLOUD_TOKEN_FILE; SCW_ACCESS_KEY,
SCW_SECRET_KEY, SCW_DEFAULT_PROJECT_ID; OS_AUTH_URL and so on, or OS_CLOUD. See docs/providers.md.
"""
DOES = ("quote", "create", "list", "destroy", "sweep")
UNITS = {"m": 60, "h": 3600, "d": 86400}
TTL_S = (5 * 60, 30 * 86400)


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, with what."""
    add = parser.add_argument
    add("do", metavar="DO", choices=DOES, help=f"one of {', '.join(DOES)}")
    add("what", metavar="WHAT", nargs="*", default=[], help="PROVIDER[:COUNT], or what to destroy")
    add("--at-most", metavar="EUR", type=_euros, help="rent nothing that may cost more")
    add("--ttl", metavar="TIME", type=_time, default=7200, help="90m, 2h (default), 1d")
    add("--size", metavar="[P=]NAME,...", action="append", default=[], help="tried in turn")
    add("--place", metavar="[P=]NAME,...", action="append", default=[], help="tried in turn")
    add("--image", metavar="[P=]NAME", action="append", default=[], help="default: Debian 12")
    add("--node", choices=("reference",), help="put our reference node on each: a cluster to test")
    add("--user-data", metavar="FILE", type=Path, help="orders for cloud-init, after ours")
    add("--only-if", metavar="COMMAND", help="rent nothing unless this succeeds")
    add("--to", metavar="DIR", type=Path, help="where keys and inventory go")
    add(
        "--keep",
        action="store_true",
        help="keep machines that could not be set up, or after --then",
    )
    add("--provider", metavar="P", action="append", default=[], help="default: all accounts")
    add(
        "--then",
        nargs=argparse.REMAINDER,
        metavar="VERB",
        help="the last option: put our reference node on each, perform this verb, with all that "
        "follows, on them, and give them back; its exit code is ours",
    )


def run(args: argparse.Namespace) -> int:
    """Do it."""
    if args.do in {"list", "sweep"} and args.what:
        raise UsageError(f"{args.do} takes no {args.what[0]}: leave it out.")
    for name in ("at_most", "then"):
        if args.do != "create" and getattr(args, name) is not None:
            raise UsageError(f"--{name.replace('_', '-')} is for create: leave it out.")
    does = {"quote": quote, "create": create, "list": _list, "destroy": _destroy}
    return (does | {"sweep": _sweep})[args.do](args)


# --- what is rented --------------------------------------------------------------------------


def _list(args: argparse.Namespace) -> int:
    from syncmodel.report.terminal import say

    now, some = time.time(), False
    for renter in _accounts(args):
        for one in renter.find():
            some = True
            over = ", over" if one.expires is not None and one.expires < now else ""
            where = " ".join(filter(None, (one.size, one.place, one.address)))
            say(
                f"{one.lease or '-'} {renter.provider.name} {one}{f', {where}' if where else ''}, "
                f"until {when(one.expires)}{over}"
            )
    if not some:
        say("Nothing is rented.")
    return 0


def _destroy(args: argparse.Namespace) -> int:
    from syncmodel.providers import lease
    from syncmodel.providers.base import ProviderError

    if not args.what:
        raise UsageError("Say what to destroy: the folder of a lease, or its name (see list).")
    left = []
    for word in args.what:
        name, providers = word, list(args.provider)
        if Path(word).is_dir():
            name, own = lease.read(Path(word))
            providers = providers or own
        elif not lease.is_lease(word):
            raise UsageError(f"{word} is neither a folder nor the name of a lease.")
        for renter in map(renter_of, providers) if providers else _accounts(args):
            try:
                say_destroyed(renter, name)
            except ProviderError as error:
                left.append(str(error))
    if left:
        raise ProviderError("\n".join(left))
    return 0


def _sweep(args: argparse.Namespace) -> int:
    from syncmodel.providers.base import ProviderError
    from syncmodel.report.terminal import complain, say

    left = []
    for renter in _accounts(args):
        at = renter.provider.name
        try:
            over, strange = renter.sweep(time.time())
        except ProviderError as error:
            left.append(str(error))
            continue
        say(f"{at}: destroyed {', '.join(over)}" if over else f"{at}: nothing is over")
        for one in strange:
            complain(f"{at}: {one} has no time at which it is over, so it is left alone")
    if left:
        raise ProviderError("\n".join(left))
    return 0


def _accounts(args: argparse.Namespace) -> Iterator[Renter]:
    """Those that are named, or all that the environment has."""
    from syncmodel.providers.registry import ACCOUNTS

    names = args.provider or [
        name for name, words in ACCOUNTS.items() if any(os.environ.get(word) for word in words)
    ]
    if not names:
        words = " or ".join(words[0] for words in ACCOUNTS.values())
        raise UsageError(f"The environment has no account: set {words} (see docs/providers.md).")
    return map(renter_of, names)


# --- words -----------------------------------------------------------------------------------


def _euros(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not a valid amount in EUR, such as 0.50")
    return value


def _time(text: str) -> int:
    match = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", text)
    seconds = int(match[1]) * UNITS[match[2]] if match else 0
    if not TTL_S[0] <= seconds <= TTL_S[1]:
        raise argparse.ArgumentTypeError(
            f"{text} is not a valid time from 5m to 30d, such as 90m or 2h"
        )
    return seconds
