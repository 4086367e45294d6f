"""`syncmodel admin`: ask one node of an inventory one admin method, and print what it answers."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syncmodel.cli.options import seconds
from syncmodel.errors import FormatError, InvalidRunError, UsageError

if TYPE_CHECKING:
    from syncmodel.inventory.file import Inventory

NAME = "admin"
HELP = "ask a node of an inventory one admin method, and print its answer as JSON"
EXAMPLES = """\
  syncmodel admin n1 cluster_status --inventory hosts.toml
  syncmodel admin n1 rollout.preview '{"generation": 3}' --inventory hosts.toml
  syncmodel admin n1 rollout.start '{"generation": 3}' --inventory hosts.toml
  syncmodel admin n1 rollout.status '{"job": "rollout-4", "wait": {"limit_s": 60}}' \\
      --inventory hosts.toml --limit 70

Nodes that `syncmodel replay --hold FILE` holds have an inventory, which it names.
A node that says 503 not_ready is asked again for 5 s; nothing else is sent twice.

exit codes: 0 if it was done, 3 if it was refused or nobody knows (a refusal is printed, too)
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The node, the method, its parameters, and where the node is."""
    parser.add_argument("node", metavar="NODE", help="its name in the inventory, as n1")
    parser.add_argument("method", metavar="METHOD", help="a method of docs/contract.md")
    parser.add_argument(
        "params", metavar="PARAMS", nargs="?", default="{}", help="its parameters, a JSON object"
    )
    parser.add_argument(
        "--inventory", metavar="FILE", type=Path, required=True, help="a TOML file (docs/hosts.md)"
    )
    parser.add_argument(
        "--limit",
        metavar="SECONDS",
        type=seconds,
        default=None,
        help="how long an answer may take (default: as the inventory says)",
    )


def run(args: argparse.Namespace) -> int:
    """Ask, and print the answer."""
    from syncmodel.corpus.fields import parse
    from syncmodel.inventory import file
    from syncmodel.report.terminal import say
    from syncmodel.transport.clients import AdminError, Indefinite, Unreachable

    try:
        params = parse(args.params.encode(), "PARAMS")
    except UnicodeEncodeError:
        raise UsageError("PARAMS is not valid UTF-8: write it as UTF-8.") from None
    except FormatError as error:
        raise UsageError(str(error)) from None
    if not isinstance(params, dict):
        raise UsageError('PARAMS must be a JSON object, such as {"generation": 3}.')
    inventory = file.load(args.inventory)
    if args.node not in inventory.hosts:
        known = ", ".join(inventory.hosts)
        raise UsageError(f"There is no node {args.node!r:.60} in {args.inventory}; it has {known}.")
    try:
        answer = asyncio.run(_asked(inventory, args.node, args.method, params, args.limit))
    except AdminError as error:
        told = {"code": error.code, "message": error.message, "details": error.details}
        say(json.dumps({"error": told}, indent=1, sort_keys=True))
        return InvalidRunError.exit_code
    except (Unreachable, Indefinite) as error:
        raise InvalidRunError(f"{args.node} did not answer {args.method}: {error}") from None
    say(json.dumps(answer, indent=1, sort_keys=True))
    return 0


async def _asked(
    inventory: Inventory, name: str, method: str, params: dict[str, Any], limit_s: float | None
) -> dict[str, Any]:
    from syncmodel.inventory.host import HostNode

    node = HostNode(inventory.hosts[name], inventory)
    try:
        return await node.admin(method, params, limit_s)
    finally:
        await node.close()
