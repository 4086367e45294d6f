"""A tester for tests of its own end: has n1 stand still, sets the clock of n2, and waits.

`python wrong_hosts.py INVENTORY` says "wrong" once both are so.
"""

import asyncio
import sys
from pathlib import Path

from syncmodel.engine.drive import Loop
from syncmodel.inventory import kinds
from syncmodel.inventory.cluster import HostCluster
from syncmodel.model.net import fully_connected
from syncmodel.targets.wire import SUPERTEST


async def main(target: HostCluster) -> None:
    await target.begin(fully_connected(SUPERTEST, 2))
    await target.set_clock("n2", 60)
    await target.pause("n1")
    print("wrong", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    made = kinds.kind_of(Path(sys.argv[1])).make(2, ())
    assert isinstance(made, HostCluster)
    Loop().run(main(made))
