"""`syncmodel machines`: rent machines for a cluster, list them, and give them back."""

from __future__ import annotations

import argparse
import os
import re
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

from syncmodel.errors import UsageError

if TYPE_CHECKING:
    from syncmodel.providers import lease
    from syncmodel.providers.base import Thing, Wanted
    from syncmodel.providers.quotes import Quote
    from syncmodel.providers.renting import Renter

NAME = "machines"
HELP = "rent machines for a cluster at Hetzner, Scaleway or OVH, list them, and give them back"
EXAMPLES = """\
  syncmodel machines quote hetzner:3                  what three machines cost
  syncmodel machines create hetzner:3 --at-most 0.10  rent them for two hours, write an inventory
  syncmodel machines create hetzner scaleway ovh --at-most 1 --ttl 4h --to cluster
  syncmodel machines create hetzner:3 --at-most 1 --node reference --to cluster
  syncmodel explore --inventory cluster/hosts.toml    and use them
  syncmodel machines list                             what is rented, by whom, until when
  syncmodel machines destroy cluster                  give them back: a folder, or the lease's name
  syncmodel machines sweep                            destroy what is over, whoever left it

The account is that of the environment: HCLOUD_TOKEN or HCLOUD_TOKEN_FILE; SCW_ACCESS_KEY,
SCW_SECRET_KEY, SCW_DEFAULT_PROJECT_ID; OS_AUTH_URL and so on, or OS_CLOUD. See docs/providers.md.
"""
DOES = ("quote", "create", "list", "destroy", "sweep")
MOST_MACHINES = 32
UNITS = {"m": 60, "h": 3600, "d": 86400}
TTL_S = (5 * 60, 30 * 86400)


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, with what."""
    add = parser.add_argument
    add("do", metavar="DO", choices=DOES, help=f"one of {', '.join(DOES)}")
    add("what", metavar="WHAT", nargs="*", help="PROVIDER[:COUNT], or what to destroy")
    add("--at-most", metavar="EUR", type=_euros, help="rent nothing that may cost more")
    add("--ttl", metavar="TIME", type=_time, default=7200, help="90m, 2h (default), 1d")
    add("--size", metavar="[P=]NAME,...", action="append", default=[], help="tried in turn")
    add("--place", metavar="[P=]NAME,...", action="append", default=[], help="tried in turn")
    add("--image", metavar="[P=]NAME", action="append", default=[], help="default: Debian 12")
    add("--node", choices=("reference",), help="put our reference node on each: a cluster to test")
    add("--user-data", metavar="FILE", type=Path, help="orders for cloud-init, after ours")
    add("--only-if", metavar="COMMAND", help="rent nothing unless this succeeds")
    add("--to", metavar="DIR", type=Path, help="where keys and inventory go")
    add("--keep", action="store_true", help="keep machines that could not be set up")
    add("--provider", metavar="P", action="append", default=[], help="default: all accounts")


def run(args: argparse.Namespace) -> int:
    """Do it."""
    if args.do in {"list", "sweep"} and args.what:
        raise UsageError(f"{args.do} takes no {args.what[0]}: leave it out.")
    if args.do != "create" and args.at_most is not None:
        raise UsageError("--at-most is for create: leave it out.")
    does = {"quote": _quote, "create": _create, "list": _list, "destroy": _destroy}
    return (does | {"sweep": _sweep})[args.do](args)


# --- renting ---------------------------------------------------------------------------------


def _quote(args: argparse.Namespace) -> int:
    _quoted(args, _wanted(args, "", ""))
    return 0


def _create(args: argparse.Namespace) -> int:
    from syncmodel.providers import lease
    from syncmodel.providers.base import Mark
    from syncmodel.providers.quotes import guard, new_lease
    from syncmodel.providers.renting import rent
    from syncmodel.report.terminal import complain, say

    if args.at_most is None:
        raise UsageError("Renting costs money: say with --at-most EUR how much it may be.")
    own = _user_data(args.user_data)
    lease.first_orders("", own)
    quotes = _quoted(args, _wanted(args, "", ""))
    guard([quote for _, quote in quotes], args.at_most)
    _confirm(args.only_if)
    wheels = _gathered(args.node)
    mark = Mark(new_lease(), int(time.time()) + args.ttl)
    folder = lease.Folder(args.to or Path(f"machines-{mark.lease}"))
    public = folder.make(mark, [renter.provider.name for renter, _ in quotes])
    say(f"Lease {mark.lease} ends {_when(mark.expires)}; its keys are in {folder.path}.")
    parties, known = _told(quotes, public, own)

    def then(things: list[Thing]) -> None:
        nodes = [line.wanted.node for _, quote in parties for line in quote.lines]
        machines = dict(zip(nodes, things, strict=True))
        folder.reached(machines, known, "root")
        for node, one in machines.items():
            say(f"{node}: {one.name}, {one.size} at {one.place}, {one.address}")
        if wheels:
            _set_up(folder, nodes, wheels)

    rent(mark, parties, complain, then, keep=args.keep, clean=folder.remove)
    say(f"ssh -F {folder.ssh_config} n1 logs in.")
    if wheels:
        say(f"syncmodel explore --inventory {folder.inventory} tests them.")
    say(f"When it is over: syncmodel machines destroy {folder.path}")
    return 0


def _quoted(
    args: argparse.Namespace, wanted: Sequence[tuple[Renter, Sequence[Wanted]]]
) -> list[tuple[Renter, Quote]]:
    """What all of it costs, which is said."""
    from syncmodel.report.terminal import say

    found = []
    for renter, machines in wanted:
        quote = renter.quote(machines, args.ttl)
        found.append((renter, quote))
        for line in quote.lines:
            size, place = line.choices[0]
            more = f" (or {len(line.choices) - 1} others)" if len(line.choices) > 1 else ""
            say(
                f"{line.wanted.node}: {renter.provider.name} {size} at {place}{more}, at most "
                f"{line.hourly:.4f} EUR an hour"
            )
    total = sum((quote.total for _, quote in found), Decimal(0))
    say(f"{found[0][1].hours} begun hours: at most {total:.2f} EUR")
    return found


def _wanted(args: argparse.Namespace, key: str, orders: str) -> list[tuple[Renter, list[Wanted]]]:
    """What is asked for, by provider, in order; nodes are counted over all of them."""
    from syncmodel.providers.base import Wanted

    counts: dict[str, int] = {}
    for word in args.what:
        name, _, count = word.partition(":")
        if not re.fullmatch(r"[1-9][0-9]?", count or "1"):
            raise UsageError(f"{word} is no PROVIDER:COUNT, such as hetzner:3.")
        counts[name] = counts.get(name, 0) + int(count or 1)
    if not counts:
        raise UsageError(f"Say where: syncmodel machines {args.do} hetzner:3, for example.")
    if sum(counts.values()) > MOST_MACHINES:
        raise UsageError(f"A cluster has at most {MOST_MACHINES} nodes: ask for fewer machines.")
    sizes, places, images = (
        _by_provider(name, getattr(args, name), counts) for name in ("size", "place", "image")
    )
    number = 0
    found = []
    for name, count in counts.items():
        renter = _renter(name)
        at = renter.provider
        if len(images.get(name, ())) > 1:
            raise UsageError("--image names one image: the machines of a cluster are alike.")
        machines = []
        for _ in range(count):
            number += 1
            machines.append(
                Wanted(
                    f"n{number}",
                    sizes.get(name, at.sizes),
                    places.get(name, at.places),
                    images.get(name, (at.image,))[0],
                    key,
                    orders,
                )
            )
        found.append((renter, machines))
    return found


def _by_provider(
    option: str, words: Sequence[str], counts: dict[str, int]
) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for word in words:
        name, equals, values = word.rpartition("=")
        if not equals and len(counts) > 1:
            raise UsageError(f"--{option} {word}: say at whom, as in --{option} hetzner={word}.")
        name = name or next(iter(counts))
        if name not in counts or not all(values.split(",")):
            raise UsageError(f"--{option} {word}: nothing is asked for at {name or 'nobody'}.")
        found[name] = found.get(name, ()) + tuple(values.split(","))
    return found


def _told(
    quotes: Sequence[tuple[Renter, Quote]], public: str, own: str
) -> tuple[list[tuple[Renter, Quote]], dict[str, str]]:
    """The same with what each machine is told first, and by which host key it is known then."""
    from attrs import evolve

    from syncmodel.providers import lease

    known: dict[str, str] = {}
    found = []
    for renter, quote in quotes:
        lines = []
        for line in quote.lines:
            orders, known[line.wanted.node] = lease.first_orders(public, own)
            wanted = evolve(line.wanted, key=public, user_data=orders)
            lines.append(evolve(line, wanted=wanted))
        found.append((renter, evolve(quote, lines=tuple(lines))))
    return found, known


def _gathered(node: str | None) -> list[Path]:
    """All that is put on hosts, in a folder that goes with this process: it is there before they
    are."""
    if node is None:
        return []
    import atexit
    from tempfile import TemporaryDirectory

    from syncmodel.providers import wheels

    folder = TemporaryDirectory(prefix="syncmodel-wheels-")
    atexit.register(folder.cleanup)
    return wheels.gather(Path(folder.name) / "wheels")


def _set_up(folder: lease.Folder, names: Sequence[str], wheels: Sequence[Path]) -> None:
    """Make the machines nodes, and write the inventory."""
    from rich.progress import Progress

    from syncmodel.nostr.keys import Key
    from syncmodel.providers import lease, setup
    from syncmodel.report.terminal import console

    admin = Key.generate()
    lease.secret(folder.path / "admin.key", admin.reveal())
    with Progress(console=console(stderr=True), transient=True) as shown:
        bars = {name: shown.add_task(f"{name}: {len(wheels)} wheels", total=None) for name in names}

        def progress(name: str, sent: int, whole: int) -> None:
            shown.update(bars[name], completed=sent, total=whole)

        found = setup.nodes(names, folder.ssh_config, wheels, admin, progress)
    folder.inventory.write_text(setup.inventory(found), encoding="utf-8")


def _confirm(command: str | None) -> None:
    """What must be there before the first machine is (substitutes, say) is looked for."""
    import subprocess

    if command is None:
        return
    done = subprocess.run(command, shell=True, check=False)
    if done.returncode:
        raise UsageError(f"--only-if: {command} ended with {done.returncode}. Nothing was rented.")


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
                f"until {_when(one.expires)}{over}"
            )
    if not some:
        say("Nothing is rented.")
    return 0


def _destroy(args: argparse.Namespace) -> int:
    from syncmodel.providers import lease
    from syncmodel.providers.base import ProviderError
    from syncmodel.report.terminal import say

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
        for renter in map(_renter, providers) if providers else _accounts(args):
            try:
                gone = renter.destroy(name)
            except ProviderError as error:
                left.append(str(error))
            else:
                what = ", ".join(map(str, gone)) or "nothing was left"
                say(f"Lease {name} at {renter.provider.name} is destroyed: {what}.")
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
    return map(_renter, names)


def _renter(name: str) -> Renter:
    from syncmodel.providers.registry import provider
    from syncmodel.providers.renting import Renter

    return Renter(provider(name))


# --- words -----------------------------------------------------------------------------------


def _euros(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value <= 0:
        raise argparse.ArgumentTypeError(f"{text} is no amount in EUR, such as 0.50")
    return value


def _time(text: str) -> int:
    match = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", text)
    seconds = int(match[1]) * UNITS[match[2]] if match else 0
    if not TTL_S[0] <= seconds <= TTL_S[1]:
        raise argparse.ArgumentTypeError(f"{text} is no time from 5m to 30d, such as 90m or 2h")
    return seconds


def _when(seconds: int | None) -> str:
    if seconds is None:
        return "nobody knows when"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _user_data(path: Path | None) -> str:
    if path is None:
        return ""
    from syncmodel.corpus import budgets

    try:
        return budgets.content(path).decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"The user data {path} can't be read: {error}.") from error
