"""`syncmodel node`: one reference node in the foreground, on a TCP port."""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from syncmodel.cli.options import BUG, known_bugs, number
from syncmodel.cli.parsing import add_options
from syncmodel.errors import InvalidRunError, TransportError, UsageError
from syncmodel.targets.wire import PLUGIN_PATH

if TYPE_CHECKING:
    from syncmodel.nostr.keys import Key
    from syncmodel.reference.machines.local import LocalMachine

NAME = "node"
HELP = "run one reference node in the foreground, to look at or to try a client on"
EXAMPLES = f"""\
  syncmodel node                              on port 4000, until Ctrl-C
  syncmodel node --port 4711 --bug tie-by-arrival
  syncmodel node --user alice --user bob      for their processes, too (--user any: everybody's)
  curl -s localhost:4000{PLUGIN_PATH}/health
"""

HOST = "127.0.0.1"
#: Every user of this machine, among the names of `--user`.
ANY = "any"
CHUNK_BYTES = 65_536
#: The first generation with the plugin.
GENERATION = 2

ABOUT = """\
Node n1 runs on http://{host}:{port} ({bugs}). Ctrl-C ends it.

{for_whom}

The plugin API (no authorisation):
  curl -s {host}:{port}{plugin}/schema
  curl -s {host}:{port}{plugin}/cases -d '{{"id": "r1/c1", "run_id": "r1", \
"title": "t1", "counter": 0}}'
  curl -s '{host}:{port}{plugin}/state?run_id=r1'
The relay, for any Nostr client: ws://{host}:{port}/
The admin API: POST http://{host}:{port}/api/admin/management, signed (NIP-98) with the key in
  {key} and the tag ["p", "{pubkey}"]
Both APIs as OpenAPI: http://{host}:{port}/openapi.json
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
    parser.add_argument(
        "--user",
        metavar="NAME",
        action="append",
        default=[],
        help="whose processes may use the port besides your own, by name or number (may be given "
        f"again; `{ANY}`: everybody's. The plugin API asks for no authorisation)",
    )
    add_options(parser, (BUG,))


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C, or until the node's application or machine ends."""
    from syncmodel.faults.who_dials import users_of
    from syncmodel.reference import needs

    needs.installed()
    users = None if ANY in args.user else users_of(args.user) | {os.geteuid()}
    asyncio.run(_serve(args.port, known_bugs(args.bug), users))
    return 0


async def _serve(port: int, bugs: Sequence[str], users: Collection[int] | None) -> None:
    """The node behind the port, until cancelled; leaves nothing behind.

    `users` may use it, by number (None: everybody).

    Raises `UsageError` if the port is taken, `BootError` if the node does not come up, and
    `InvalidRunError` when it has ended of itself.
    """
    from syncmodel.reference.machines.local import LocalMachines

    origins = [f"http://{host}:{port}" for host in (HOST, "localhost")]
    with _bound(port) as place:
        async with LocalMachines() as machines:
            cluster = machines.prepare(["n1"], bugs=bugs, origins=origins)
            (machine,) = await cluster.boot()
            await _install_plugin(machine, cluster.admin_key)
            async with _open(place, cluster.app_socket("n1"), users):
                _describe(machine, cluster.admin_key.reveal(), port, bugs, users)
                await _ended(machine)


async def _ended(machine: LocalMachine) -> None:
    """Raise `InvalidRunError` once the node's application or its machine has ended of itself."""
    from syncmodel.machines.endings import tail
    from syncmodel.reference.machines.nursery import machine_died

    try:
        why = (await machine.control.call("fallen"))["why"]
    except TransportError:
        raise InvalidRunError(f"The node is gone: {machine_died(machine.layout)}") from None
    log = tail(machine.layout.app_log)
    raise InvalidRunError(
        f"The node is gone: its application {why}. Start it again. Its log ends:\n{log}"
    )


def _bound(port: int) -> socket.socket:
    """The port, had but not yet open: whoever connects is refused. Raises `UsageError`."""
    place = socket.socket()
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        place.bind((HOST, port))
    except OSError as error:
        place.close()
        raise _taken(port, error) from error
    return place


def _taken(port: int, error: OSError) -> UsageError:
    return UsageError(
        f"Port {port} can't be had: {os.strerror(error.errno or 0)}. Is another node running? "
        f"Choose another one with --port."
    )


@asynccontextmanager
async def _open(
    place: socket.socket, application: Path, users: Collection[int] | None
) -> AsyncIterator[None]:
    """Pass on what these users say at the port. Raises `UsageError` if it is taken by now."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if users is not None and user_of(writer.get_extra_info("socket")) not in users:
            await _refuse(reader, writer)
            return
        try:
            there, back = await asyncio.open_unix_connection(application)
        except OSError:
            writer.close()
            return
        asking = asyncio.create_task(_copy(reader, back))
        try:
            await _copy(there, writer)
        finally:
            # The node's side has ended: nothing more can come of it.
            asking.cancel()
            back.close()
            writer.close()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The loop itself does not keep a task.
        one = asyncio.create_task(pass_on(reader, writer))
        connections.add(one)
        one.add_done_callback(connections.discard)

    from syncmodel.faults.who_dials import user_of

    connections = set[asyncio.Task[None]]()
    port: int = place.getsockname()[1]
    try:
        front = await asyncio.start_server(connected, sock=place)
    except OSError as error:
        raise _taken(port, error) from error
    try:
        yield
    finally:
        front.close()
        # They would last as long as their clients want.
        ending = [*connections]
        for one in ending:
            one.cancel()
        await asyncio.gather(*ending, return_exceptions=True)


async def _refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say that the port is not for this client, who may take a moment to read that."""
    from syncmodel.reference.node.protocol import GOODBYE_S, forbidden

    with suppress(OSError, TimeoutError):
        writer.write(forbidden("--user NAME lets others in"))
        writer.write_eof()
        async with asyncio.timeout(GOODBYE_S):
            while await reader.read(CHUNK_BYTES):
                pass
    writer.close()


async def _install_plugin(machine: LocalMachine, key: Key) -> None:
    """Roll the node out to the generation that runs start from: a bare one has nothing to show."""
    from syncmodel.targets.deploying import deploy
    from syncmodel.targets.live_node import LiveNode

    node = LiveNode(machine, key, machine.pubkey)
    try:
        outcome = await deploy(node, GENERATION, back=False)
    finally:
        await node.close()
    if not outcome.ok:
        raise InvalidRunError(f"The plugin can't be installed: {outcome.code}.")


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes from one end to the other, and then the end; the other direction stays open."""
    try:
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.close()


def _describe(
    machine: LocalMachine,
    secret: str,
    port: int,
    bugs: Sequence[str],
    users: Collection[int] | None,
) -> None:
    """Say where it is and how to talk to it; the key goes to a private file, never to a screen."""
    from syncmodel.report.terminal import say

    root = machine.layout.root
    key = root / "admin.key"
    with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret)
    words = f"with {' and '.join(bugs)} planted" if bugs else "no bug planted"
    numbers = ", ".join(map(str, sorted(users or ())))
    whom = "all users of this machine" if users is None else f"user {numbers} alone"
    said = {
        "for_whom": f"It is for {whom} (--user).",
        "key": key,
        "pubkey": machine.pubkey,
        "plugin": PLUGIN_PATH,
        "root": root,
    }
    say(ABOUT.format(host=HOST, port=port, bugs=words, **said))
