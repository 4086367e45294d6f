"""`syncmodel node`: one reference node in the foreground, on a TCP port."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from syncmodel.cli.options import BUG, known_bugs, number
from syncmodel.cli.parsing import add_options
from syncmodel.errors import InvalidRunError, UsageError

if TYPE_CHECKING:
    from syncmodel.nostr.keys import Key
    from syncmodel.reference.machines.local import LocalMachine

NAME = "node"
HELP = "run one reference node in the foreground, to look at or to try a client on"
EXAMPLES = """\
  syncmodel node                              on port 4000, until Ctrl-C
  syncmodel node --port 4711 --bug tie-by-arrival
  curl -s localhost:4000/plugins-api/supertest/health
"""

HOST = "127.0.0.1"
CHUNK_BYTES = 65_536
#: The first generation with the plugin.
GENERATION = 2

ABOUT = """\
Node n1 runs on http://{host}:{port} ({bugs}). Ctrl-C ends it.

The plugin API (no authorisation):
  curl -s {host}:{port}/plugins-api/supertest/schema
  curl -s {host}:{port}/plugins-api/supertest/cases -d '{{"id": "r1/c1", "run_id": "r1", \
"title": "t1", "counter": 0}}'
  curl -s '{host}:{port}/plugins-api/supertest/state?run_id=r1'
The relay, for any Nostr client: ws://{host}:{port}/
The admin API: POST /api/admin/management, signed (NIP-98) with the key in {key} for the
  URL http://127.0.0.1:4000/api/admin/management
Its folder: {root}"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The port, and the bugs."""
    parser.add_argument(
        "--port",
        metavar="N",
        type=number(1, 65_535),
        default=4000,
        help="the TCP port on 127.0.0.1 (default: 4000)",
    )
    add_options(parser, (BUG,))


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    from syncmodel.reference import needs

    needs.installed()
    asyncio.run(_serve(args.port, known_bugs(args.bug)))
    return 0


async def _serve(port: int, bugs: Sequence[str]) -> None:
    """The node behind the port, until cancelled; leaves nothing behind.

    Raises `UsageError` if the port is taken, `BootError` if the node does not come up.
    """
    from syncmodel.reference.machines.local import LocalMachines

    async with LocalMachines() as machines:
        cluster = machines.prepare(["n1"], bugs=bugs)
        front = await _listen(port, cluster.app_socket("n1"))
        async with front:
            (machine,) = await cluster.boot()
            await _install_plugin(machine, cluster.admin_key)
            _describe(machine, cluster.admin_key.reveal(), port, bugs)
            await front.serve_forever()


async def _listen(port: int, application: Path) -> asyncio.Server:
    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_unix_connection(application)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_copy(reader, back), _copy(there, writer))

    try:
        return await asyncio.start_server(pass_on, HOST, port)
    except OSError as error:
        raise UsageError(
            f"Port {port} can't be had: {os.strerror(error.errno or 0)}. Is another node running? "
            f"Choose another one with --port."
        ) from error


async def _install_plugin(machine: LocalMachine, key: Key) -> None:
    """Roll the node out to the generation that runs start from: a bare one has nothing to show."""
    from syncmodel.targets.deploying import deploy
    from syncmodel.targets.live_node import LiveNode

    node = LiveNode(machine, key)
    try:
        outcome = await deploy(node, GENERATION, back=False)
    finally:
        await node.close()
    if not outcome.ok:
        raise InvalidRunError(f"The plugin can't be installed: {outcome.code}.")


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes from one end to the other, until either is gone."""
    with contextlib.suppress(OSError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    writer.close()


def _describe(machine: LocalMachine, secret: str, port: int, bugs: Sequence[str]) -> None:
    """Say where it is and how to talk to it; the key goes to a private file, never to a screen."""
    from syncmodel.report.terminal import say

    root = machine.layout.root
    key = root / "admin.key"
    with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret)
    words = f"with {' and '.join(bugs)} planted" if bugs else "no bug planted"
    say(ABOUT.format(host=HOST, port=port, bugs=words, key=key, root=root))
