"""A tester for tests of its own end: servers of an adapter run, and it waits.

`python adapter_to_kill.py` says "up FOLDER" and the marks by which its processes are found. Each
server starts a child in a session of its own, as postgres does.
"""

import asyncio
import sys
from collections.abc import Sequence

from syncmodel.adapter import Processes
from syncmodel.model.columns import Token
from syncmodel.model.net import fully_connected
from syncmodel.model.schema import Schema, Table
from syncmodel.steps.disks import FillsDisks

SERVER = """
import os, socket, subprocess, sys
subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()", sys.argv[2]],
                 start_new_session=True)
listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    listening.accept()[0].close()
"""


class Kept(Processes, FillsDisks):
    """Servers that do nothing, on small disks where there can be some."""

    disk_bytes = 1 << 20

    schema = Schema(Table("rows", Token("text")))
    quiet_s = 0.01

    def argv(self, node: str) -> Sequence[object]:
        return [sys.executable, "-c", SERVER, self.port(node), f"child-in-{self.home(node)}"]

    async def ready(self, node: str) -> bool:
        _, writer = await asyncio.open_connection("127.0.0.1", self.port(node))
        writer.close()
        return True

    def rows(self, node: str, prefix: str) -> Sequence[object]:
        return []


async def main() -> None:
    adapter = Kept(2)
    await adapter.begin(fully_connected(Kept.schema, 2))
    print("up", adapter._folder, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
