"""`syncmodel machines create`: machines for a cluster, and what they are for.

Not here: the verb's arguments, and what is done with leases that are there (`machines`).
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from syncmodel.errors import UsageError

if TYPE_CHECKING:
    from syncmodel.providers import lease
    from syncmodel.providers.base import Mark, Thing, Wanted
    from syncmodel.providers.quotes import Quote
    from syncmodel.providers.renting import Renter

MOST_MACHINES = 32


def quote(args: argparse.Namespace) -> int:
    """Say what they cost."""
    _quoted(args, _wanted(args, "", ""))
    return 0


def create(args: argparse.Namespace) -> int:
    """Rent them, and do with them what is asked for; the exit code."""
    from syncmodel.cli import then
    from syncmodel.providers import lease
    from syncmodel.providers.base import Mark
    from syncmodel.providers.quotes import guard, new_lease
    from syncmodel.providers.renting import rent
    from syncmodel.report.terminal import complain, say

    if args.at_most is None:
        raise UsageError("Renting costs money: say with --at-most EUR how much it may be.")
    if args.then is not None:
        then.check(args.then)
    own = _user_data(args.user_data)
    lease.first_orders("", own)
    quotes = _quoted(args, _wanted(args, "", ""))
    guard([quote for _, quote in quotes], args.at_most)
    _confirm(args.only_if)
    wheels = _gathered("reference" if args.then else args.node)
    mark = Mark(new_lease(), int(time.time()) + args.ttl)
    folder = lease.Folder(args.to or Path(f"machines-{mark.lease}"))
    public = folder.make(mark, [renter.provider.name for renter, _ in quotes])
    say(f"Lease {mark.lease} ends {when(mark.expires)}; its keys are in {folder.path}.")
    parties, known = _told(quotes, public, own)

    def use(things: list[Thing]) -> int:
        nodes = [line.wanted.node for _, quote in parties for line in quote.lines]
        machines = dict(zip(nodes, things, strict=True))
        folder.reached(machines, known, "root")
        for node, one in machines.items():
            say(f"{node}: {one.name}, {one.size} at {one.place}, {one.address}")
        if wheels:
            _set_up(folder, nodes, wheels)
        if args.then:
            return _performed(args, folder, mark, [renter for renter, _ in parties])
        return 0

    code = rent(mark, parties, complain, use, keep=args.keep, clean=folder.remove)
    if args.keep or not args.then:
        say(f"ssh -F {folder.ssh_config} n1 logs in.")
        if wheels:
            say(f"syncmodel explore --inventory {folder.inventory} tests them.")
        say(f"When it is over: syncmodel machines destroy {folder.path}")
    return code


def _performed(
    args: argparse.Namespace, folder: lease.Folder, mark: Mark, renters: Sequence[Renter]
) -> int:
    """What the machines are for, and then they are given back; the exit code."""
    from syncmodel.cli import then
    from syncmodel.report.terminal import complain

    def told_to_end() -> None:
        again = "; ".join(renter.again(mark.lease) for renter in renters)
        complain(
            f"Lease {mark.lease} is destroyed when {args.then[0]} has ended. If that does not come "
            f"to its end: {again} (or, when its time is over: syncmodel machines sweep)"
        )

    code = then.perform(args.then, folder.inventory, told_to_end)
    if not args.keep:
        for renter in renters:
            say_destroyed(renter, mark.lease)
        folder.remove()
    return code


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
            raise UsageError(f"{word} is not a valid PROVIDER:COUNT, such as hetzner:3.")
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
        renter = renter_of(name)
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
        if name not in counts:
            raise UsageError(f"--{option} {word}: nothing is asked for at {name}.")
        if not all(values.split(",")):
            raise UsageError(
                f"--{option} needs at least one name, and none may be empty: {word!r}."
            )
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

    from syncmodel.machines.private_folder import PrivateFolder
    from syncmodel.providers import wheels

    folder = PrivateFolder("syncmodel-wheels-")
    atexit.register(folder.remove)
    return wheels.gather(folder.path / "wheels")


def say_destroyed(renter: Renter, lease: str) -> None:
    """Destroy all of this lease at that provider, and say what there was. Raises
    `ProviderError`."""
    from syncmodel.report.terminal import say

    what = ", ".join(map(str, renter.destroy(lease))) or "nothing was left"
    say(f"Lease {lease} at {renter.provider.name} is destroyed: {what}.")


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


def renter_of(name: str) -> Renter:
    """Who rents at that provider. Raises `UsageError`."""
    from syncmodel.providers.registry import provider
    from syncmodel.providers.renting import Renter
    from syncmodel.report.terminal import remark

    return Renter(provider(name), tell=remark)


def when(seconds: int | None) -> str:
    """A moment, for people."""
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
