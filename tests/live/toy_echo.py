"""A small application for tests of links: what is said to its relay comes back."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path


def serve(root: Path) -> None:
    """Echo, until SIGTERM."""
    asyncio.run(_serve(root))


async def _serve(root: Path) -> None:
    end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    for place in json.loads((root / "etc/node.json").read_text())["relay_at"]:
        host, _, port = place.rpartition(":")
        await asyncio.start_server(_echo, host, int(port))
    await asyncio.start_unix_server(_echo, root / "run/app.sock")
    await end.wait()


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while said := await reader.read(4096):
        writer.write(said)
    writer.close()
