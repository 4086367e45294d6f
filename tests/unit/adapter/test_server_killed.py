"""Killing a server: all of it ends, and its keeper too, also where nobody waits for that."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

from syncmodel.adapter.server import Server

WAITS = [sys.executable, "-c", "import signal; signal.pause()"]


def test_a_kill_that_is_given_up_ends_its_server_and_the_keeper(tmp_path: Path) -> None:
    async def main() -> None:
        server = await Server.start(WAITS, cwd=tmp_path, log=tmp_path / "log")
        killing = asyncio.create_task(server.kill())
        for _ in range(2):
            await asyncio.sleep(0)
        killing.cancel()
        with suppress(asyncio.CancelledError):
            await killing
        assert killing.cancelled()
        assert server._keeper.returncode == 0
        assert not server.running

    asyncio.run(main())
