"""Small applications for the tests of local machines: each is `function(root)`, as the real one."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path


def serve(root: Path) -> None:
    """Answer every HTTP request with the running generation and our process id, until SIGTERM."""
    asyncio.run(_serve(root))


def exits(root: Path) -> None:
    """An application that says why and gives up."""
    print("the store at", root.name, "is broken")
    sys.exit(3)


def raises(root: Path) -> None:
    """An application with a mistake in it."""
    raise ValueError(f"no such thing in {root.name}")


def silent(root: Path) -> None:
    """An application that never answers."""
    print("thinking", flush=True)
    signal.pause()


def deaf(root: Path) -> None:
    """An application that answers and ignores SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    asyncio.run(_serve(root, orderly=False))


def with_child(root: Path) -> None:
    """An application that has started another program."""
    subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    serve(root)


async def _serve(root: Path, orderly: bool = True) -> None:
    generation = json.loads((root / "run" / "current-system" / "generation.json").read_text())
    body = json.dumps({**generation, "pid": os.getpid()}).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n".encode()

    class Answer(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            self.transport.write((head + body) * data.count(b"\r\n\r\n"))

    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    if orderly:
        loop.add_signal_handler(signal.SIGTERM, over.set)
    await loop.create_unix_server(Answer, root / "run" / "app.sock")
    await over.wait()


def holds_the_gil(root: Path) -> None:
    """An application that accepts connections and then lets no thread of it run any more."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(root / "run" / "app.sock"))
    listener.listen()
    sum(itertools.repeat(0))
