"""The kind of target that an inventory is: what its nodes have is found out once, before a run."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from attrs import evolve, frozen

from syncmodel.errors import BootError, InvalidRunError, UsageError
from syncmodel.inventory import capabilities, file
from syncmodel.inventory.cluster import HostCluster
from syncmodel.inventory.file import Inventory
from syncmodel.inventory.hold import Hold
from syncmodel.inventory.host import HostNode
from syncmodel.model.schema import Schema
from syncmodel.targets.base import Target
from syncmodel.targets.deploying import deploy
from syncmodel.targets.registry import TargetKind
from syncmodel.targets.wire import SUPERTEST
from syncmodel.transport.clients import AdminError, Indefinite, Unreachable

NAME = "inventory"


@frozen
class Found:
    """What an inventory's nodes are: what each lacks, the schema with the generation that all run
    if they can't be rolled out as the usual one, and what earlier testers left."""

    lacks: Mapping[str, frozenset[str]]
    schema: Schema
    notes: tuple[str, ...] = ()

    @property
    def missing(self) -> frozenset[str]:
        """What any of them lacks."""
        return frozenset[str]().union(*self.lacks.values())


@cache
def kind_of(path: Path) -> TargetKind:
    """The kind of target that the inventory in that file is.

    Its hosts are asked what they have, and nodes that are down are started. Raises `UsageError` for
    the file's mistakes and `InvalidRunError` for hosts that can't be used.
    """
    inventory = file.load(path)
    found = asyncio.run(look(inventory))
    how = capabilities.how_rest(found.missing, inventory.rest)
    missing = found.missing | capabilities.guessed(how)

    class Ours(HostCluster):
        schema = found.schema

    def make(count: int, bugs: Sequence[str]) -> Target:
        _check(inventory, count, bugs)
        return Ours(inventory, found.lacks, how)

    told = capabilities.told(missing)
    title = "; ".join(filter(None, (f"the hosts of {path}", told, *found.notes)))
    return TargetKind(
        NAME,
        title,
        make,
        found.schema,
        capabilities.abilities(missing),
        nodes=len(inventory.hosts),
        fixed="rollout" in found.missing,
    )


def _check(inventory: Inventory, count: int, bugs: Sequence[str]) -> None:
    if bugs:
        raise UsageError(
            "No bug can be planted in nodes of an inventory: leave --bug out, or replay with "
            "--no-bug."
        )
    if count != len(inventory.hosts):
        raise UsageError(
            f"{inventory.path} has {len(inventory.hosts)} nodes and {count} are asked for: rows "
            f"would travel through the others. Name an inventory of a cluster of {count}."
        )


async def look(inventory: Inventory) -> Found:
    """What the nodes have. Raises `UsageError` and `InvalidRunError`."""
    nodes = [HostNode(host, inventory) for host in inventory.hosts.values()]
    hold = Hold(inventory)
    try:
        # Locked first: a node that is down may be down since another tester wants it so.
        await hold.open()
        lacks: dict[str, frozenset[str]] = {}
        for node in nodes:
            lacks[node.name] = await lacks_of(node)
            await check_members(node)
        fixed = {await _fixed(node) for node in nodes} if _is_fixed(lacks) else set()
    finally:
        await hold.close()
        for node in nodes:
            await node.close()
    absent = without_links(inventory)
    return Found(
        {name: one | absent for name, one in lacks.items()},
        _schema(fixed - {None}),
        tuple(hold.left),
    )


#: What the links lack that are cut in each way.
LINKS_LACK = {"none": ("cuts", "hangs", "slowness"), "packets": ("slowness",), "carried": ()}


def without_links(inventory: Inventory) -> frozenset[str]:
    """What is lacking as its links are as they are."""
    return frozenset(LINKS_LACK[inventory.cuts])


def _is_fixed(lacks: Mapping[str, frozenset[str]]) -> bool:
    return any("rollout" in one for one in lacks.values())


async def lacks_of(node: HostNode) -> frozenset[str]:
    """What one node lacks; it is started, and gets its plugin, if need be."""
    missing = await _without_commands(node)
    if not await node.answers():
        await _start(node, can="control" not in missing)
    health = await node.ask_plugin("GET", "schema")
    if health.code == "no_plugin":
        await _roll_out(node)
    return frozenset(missing) | await capabilities.lacking(node)


#: What a capability takes: commands of the inventory, and what of docs/contract.md is asked for
#: where it has none, which changes nothing.
_TAKES = {
    "control": ("start", "control status"),
    "pauses": ("pause", "control resume"),
    "clocks": ("clock", f"control clock {shlex.quote(json.dumps({'ahead_s': 0}))}"),
}


async def _without_commands(node: HostNode) -> set[str]:
    """What nobody can have the host do. What is to end by itself needs timeout(1) there."""
    missing, limit_s = set(), node.inventory.limits.start
    for name, (verb, asked) in _TAKES.items():
        if not node.host.own_commands:
            code, _ = await node.shell(asked, limit_s)
            there = code == 0
        else:
            there = verb in node.host.commands
        if not there:
            missing.add(name)
    if "reboot" not in node.host.commands:
        missing.add("boots")
    held = {"pauses", "clocks"}
    if not held <= missing:
        code, _ = await node.shell("timeout 5 true", limit_s)
        missing |= held if code != 0 else set()
    return missing


async def _start(node: HostNode, *, can: bool) -> None:
    place = node.host.api
    if not can:
        raise InvalidRunError(
            f"Nothing answers at {place} of {node.name}: start its node, or see `api` in the "
            f"inventory."
        )
    try:
        await node.machine.start()
    except BootError as error:
        raise InvalidRunError(f"Nothing answers at {place} of {node.name}: {error}") from error


async def _roll_out(node: HostNode) -> None:
    """A node without its plugin gets it: else nobody could see what it has."""
    try:
        outcome = await deploy(node, node.number(SUPERTEST.usual), back=False)
    except (AdminError, Unreachable, Indefinite) as error:
        raise InvalidRunError(f"{node.name} can't be rolled out: {error}") from error
    if outcome.code == "unauthorized":
        raise capabilities.wrong_key(node, outcome.code)
    if not outcome.ok:
        raise UsageError(
            f"{node.name} runs without the plugin and can't be rolled out ({outcome.code}): roll "
            f"it out by hand, to a generation with the plugin."
        )


async def _fixed(node: HostNode) -> int | None:
    """The schema's generation that a node runs which can't be rolled out."""
    node.lacks = frozenset()
    answer = await node.ask_plugin("GET", "schema")
    result = answer.body.get("result")
    version = result.get("version") if isinstance(result, dict) else None
    for number, plugin in SUPERTEST.deployment.items():
        if version is not None and plugin == version:
            return number
    return None


async def check_members(node: HostNode) -> None:
    """Raises `UsageError` if its cluster has other nodes: rows would travel through them."""
    try:
        listed = await node.admin("cluster_nodes.list")
        members = {str(one["pubkey"]): str(one["name"]) for one in listed["nodes"]}
    except (AdminError, KeyError, TypeError, AttributeError):
        return
    except (Unreachable, Indefinite) as error:
        raise InvalidRunError(f"{node.name} does not say who its peers are: {error}") from error
    hosts = node.inventory.hosts.values()
    known = {host.pubkey: host.name for host in hosts}
    if strange := sorted(members[key] for key in members.keys() - known.keys()):
        raise UsageError(
            f"{node.name} knows {', '.join(strange)}, which the inventory does not name: rows "
            f"would travel through them. Add them to the inventory, or let them leave the cluster."
        )
    if unknown := sorted(known[key] for key in known.keys() - members.keys()):
        raise UsageError(f"{node.name} does not know {', '.join(unknown)}: let them join.")
    if other := sorted(f"{known[k]!r} is {members[k]!r}" for k in known if known[k] != members[k]):
        raise UsageError(f"{node.name} has other names: {', '.join(other)}. Write `name`.")


def _schema(fixed: set[int | None]) -> Schema:
    """The schema, whose usual generation is the one that nodes which can't change run."""
    if len(fixed) > 1:
        raise UsageError(
            f"The nodes run different generations ({', '.join(map(str, sorted(map(str, fixed))))}) "
            f"and can't be rolled out: bring all to one."
        )
    usual = next(iter(fixed), None)
    return SUPERTEST if usual is None else evolve(SUPERTEST, usual=usual)
