"""What a real node may lack of docs/contract.md, and what then goes without it.

A capability that any node lacks makes steps undrawn or facts unjudged, by name; it is never taken
for the node's mistake. Nothing here changes a node but for two rows of a run of their own.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

import asyncssh

from syncmodel.errors import InvalidRunError, UsageError
from syncmodel.inventory.node import PartialNode
from syncmodel.model.divergence import DivergenceFound
from syncmodel.steps.base import (
    CutsLinks,
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
from syncmodel.steps.machines import Boots
from syncmodel.steps.membership import HasMembers
from syncmodel.steps.misused import UNAUTHORIZED, Misuses
from syncmodel.steps.plugins import Uninstalls
from syncmodel.steps.trusting import Trusts
from syncmodel.targets.base import How
from syncmodel.transport.clients import AdminError, Indefinite, Unreachable

#: What is missing, and what that means for a run.
WITHOUT: Final[Mapping[str, str]] = {
    "sync.status": "rest is seen by marker rows",
    "state.position": "views are read twice",
    "markers": "rest is a guess: nothing changed for a while",
    "sync.resync": "no resyncs",
    "generations.list": "generations are read from the machine's links",
    "links": "the machine's links are not compared",
    "cluster_status": "health is not compared",
    "store.tables": "what stays in the store is not compared",
    "schema": "plugin version and tables are not compared",
    "reads": "no reads between rests",
    "rollout": "no rollouts and no rollbacks",
    "members": "nobody leaves or joins",
    "trust": "no changes of trust",
    "plugins": "no plugin is disabled or uninstalled",
    "unauthorized": "no admin requests without a right to them",
    "control": "no crashes and no restarts",
    "cuts": "no partitions",
    "pauses": "no node stands still",
    "clocks": "no clock jumps",
    "boots": "no host reboots",
    "hangs": "no link hangs",
    "slowness": "no link is slow",
}
#: Admin methods that are looked for by asking, with what is asked. None of them changes anything:
#: a resync of what a node has already asks for nothing new.
_ASKED: Final[Mapping[str, tuple[tuple[str, dict[str, object]], ...]]] = {
    "sync.status": (("sync.status", {}),),
    "sync.resync": (("sync.resync", {"full": False}),),
    "generations.list": (("generations.list", {}),),
    "cluster_status": (("cluster_status", {}),),
    "store.tables": (("store.tables", {"plugin": "supertest"}),),
    "rollout": (("rollout.status", {"job": "syncmodel-asks"}),),
    # Who names nobody is refused, whatever a node does with names that it does not know.
    "members": tuple((f"cluster_nodes.{verb}", {}) for verb in ("leave", "join", "reactivate")),
    "trust": tuple((f"cluster_nodes.{verb}", {}) for verb in ("trust", "distrust")),
    "plugins": tuple((f"plugins.{verb}", {}) for verb in ("disable", "uninstall")),
}
#: What an admin request without a right to it may ask for: a node may look first whether it knows
#: the method.
_MISUSED: Final = frozenset({"unauthorized", "rollout", "members", "trust", "plugins"})
_UNKNOWN_CODES: Final = frozenset({"unknown_method", "no_such_path"})
_UNKNOWN_STATUS: Final = frozenset({404, 405, 501})


async def lacking(node: PartialNode) -> frozenset[str]:
    """What this node lacks. It runs, with the plugin.

    Raises `UsageError` if it does not accept our key or has no `GET state`, and `InvalidRunError`
    if it does not answer.
    """
    missing = {name for name, asked in _ASKED.items() if not await _offers(node, asked)}
    if not await _says_unauthorized(node):
        missing.add("unauthorized")
    shapes: dict[str, Callable[[], Awaitable[object]]] = {
        "sync.status": node.standing,
        "generations.list": node.listed,
        "cluster_status": node.status,
    }
    for name, look in shapes.items():
        if name not in missing and not await _has_shape(look):
            missing.add(name)
    if "cluster_status" in missing or not await _tells_time(node):
        missing.add("clocks")
    if "rollout" in missing or not await _boots(node):
        missing.add("boots")
    try:
        await node.read_links()
    except (asyncssh.Error, OSError, ValueError, InvalidRunError):
        missing.add("links")
    try:
        missing |= await _plugin_lacks(node)
    except (Unreachable, Indefinite) as error:
        raise InvalidRunError(f"{node.name} does not answer its plugin's API: {error}") from error
    if "sync.status" in missing:
        missing.add("state.position")
    if {"generations.list", "links"} <= missing:
        # Nobody could say which generation a node is on.
        missing.add("rollout")
    return frozenset(missing)


def wrong_key(node: PartialNode, said: object) -> UsageError:
    """What to do where a node refuses our requests."""
    return UsageError(
        f"{node.name} refuses the key in admin_key ({said}): make it one of the node's "
        f"administrators, and see that the clocks agree."
    )


async def _offers(node: PartialNode, asked: Iterable[tuple[str, dict[str, object]]]) -> bool:
    for method, params in asked:
        try:
            await node.admin(method, params)
        except AdminError as error:
            if error.status in (401, 403):
                raise wrong_key(node, error) from error
            unnamed = error.code == "no_code" and error.status in _UNKNOWN_STATUS
            if error.code in _UNKNOWN_CODES or unnamed:
                return False
            if not error.definite or error.code == "not_ready":
                raise InvalidRunError(
                    f"{node.name} can't be asked for {method}: {error}."
                ) from error
        except (Unreachable, Indefinite) as error:
            raise InvalidRunError(f"{node.name} does not answer {method}: {error}") from error
    return True


async def _says_unauthorized(node: PartialNode) -> bool:
    """Whether a question that nobody with a right to it asks is refused with that code; a node that
    answers it is told so by the runs."""
    forgery = "not-admin"
    asked = node.misuse(lambda client: client.forged("cluster_nodes.list", {}, forgery, ""))
    outcome = await asked
    return outcome.ok or outcome.code == UNAUTHORIZED


async def _boots(node: PartialNode) -> bool:
    """Whether it knows of deployments that wait for a boot."""
    params = {"generation": node.number(node.usual)}
    try:
        return "reboot_required" in await node.admin("rollout.preview", params)
    except AdminError:
        return False


async def _tells_time(node: PartialNode) -> bool:
    """Whether it says what its clock shows: else nobody could see that it was set."""
    return type((await node.admin("cluster_status")).get("now_s")) in (int, float)


async def _has_shape(look: Callable[[], Awaitable[object]]) -> bool:
    try:
        await look()
    except (DivergenceFound, KeyError, TypeError, ValueError):
        return False
    return True


async def _plugin_lacks(node: PartialNode) -> set[str]:
    """What its plugin's API lacks."""
    run = f"syncmodel-asks-{secrets.token_hex(4)}"
    state = await node.ask_plugin("GET", f"state?run_id={run}")
    result = state.body.get("result")
    if not state.ok or not isinstance(result, dict) or not {"cases", "events"} <= result.keys():
        raise UsageError(
            f"{node.name} has no `GET state` of docs/contract.md (it answers {state.status} "
            f"{state.code}), so nothing that it shows can be read: see api.plugin in the inventory."
        )
    missing = set()
    told = isinstance(result.get("position"), int), isinstance(result.get("log_id"), str)
    if not all(told):
        missing.add("state.position")
    schema = (await node.ask_plugin("GET", "schema")).body.get("result")
    if not isinstance(schema, dict) or not {"version", "tables"} <= schema.keys():
        missing.add("schema")
    rows = (await node.ask_plugin("GET", f"cases?run_id={run}")).body.get("result")
    if not isinstance(rows, dict) or not isinstance(rows.get("rows"), list):
        missing.add("reads")
    if not await node.mark(run, "probe"):
        missing.add("markers")
    return missing


def how_rest(missing: frozenset[str], asked: How | None) -> How:
    """How rest is seen of nodes that lack these together; `asked` is what the inventory says.

    Raises `UsageError` if that can't be.
    """
    can = [
        how
        for how, needed in ((How.POSITION, "sync.status"), (How.MARKERS, "markers"))
        if needed not in missing
    ]
    if asked is None or asked is How.QUIET:
        return asked or (can[0] if can else How.QUIET)
    if asked not in can:
        raise UsageError(
            f"The nodes can't say that {asked.value}: leave `rest` out of the inventory, and "
            f"`syncmodel doctor` says what they lack."
        )
    return asked


def guessed(how: How) -> frozenset[str]:
    """What is lacking as well where rest is a guess: nodes that wait on a link, or stand still, are
    quiet too."""
    return frozenset({"pauses", "hangs", "slowness"} if how is How.QUIET else ())


def abilities(missing: frozenset[str]) -> type[object]:
    """The class whose bases say what such a cluster can do."""
    # Whether rows come of nodes that left, or are not trusted, no marker row can tell; nor whether
    # a node has noticed that a connection broke.
    each: tuple[tuple[type[object], frozenset[str]], ...] = (
        (CutsLinks, frozenset({"cuts"})),
        (HangsLinks, frozenset({"cuts", "hangs", "sync.status"})),
        (SlowsLinks, frozenset({"cuts", "slowness", "sync.status"})),
        (Pauses, frozenset({"pauses", "sync.status"})),
        (SetsClocks, frozenset({"clocks"})),
        (Boots, frozenset({"boots", "rollout", "control"})),
        (Resyncs, frozenset({"sync.resync"})),
        (Deploys, frozenset({"rollout"})),
        (HasMembers, frozenset({"members", "sync.status"})),
        (Trusts, frozenset({"trust", "sync.status"})),
        (Uninstalls, frozenset({"plugins", "rollout", "store.tables"})),
        (Misuses, _MISUSED),
        (Stops, frozenset({"control"})),
        (Reads, frozenset({"reads"})),
    )
    bases = [ability for ability, needed in each if needed.isdisjoint(missing)]
    if HangsLinks in bases:
        bases.remove(CutsLinks)  # it is one of its own
    return type("Offered", (*bases, Malforms), {})


def told(missing: frozenset[str]) -> str:
    """What goes without these, in words; empty if nothing does."""
    words = [f"no {name}: {WITHOUT[name]}" for name in WITHOUT if name in missing]
    if "sync.status" not in missing:
        words = [one for one in words if not one.startswith("no markers")]
    return "; ".join(words)
