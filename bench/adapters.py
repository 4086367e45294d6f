"""What does a live step cost on others' servers? Ours, and a bare script, in turns on one cluster.

    python bench/adapters.py [redis:Redis etcd:Etcd ...] [--rounds 100]

The bare script makes the same requests with the same client, by the adapter's own calls: it sets a
column, waits until every node has it, and reads every node. No model, no history, no comparison;
both replicate through the proxies.
Prints medians in milliseconds and the ratios of this run; bare times depend on the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table

from syncmodel.adapter import Processes
from syncmodel.adapter.rest import Rest
from syncmodel.engine.drive import Loop
from syncmodel.engine.session import Session
from syncmodel.errors import SyncModelError
from syncmodel.model.net import fully_connected
from syncmodel.model.values import Row
from syncmodel.steps import Create, Set
from syncmodel.targets import registry

NAMES = ("redis:Redis", "etcd:Etcd", "openldap:OpenLdap", "postgresql:PostgreSql")
#: A run keeps to this many writes of one row, as a real one does.
WRITES_A_RUN = 25
#: How long the bare script waits between two looks, seconds.
PAUSE_S = 0.001


def measure(name: str, rounds: int) -> tuple[float, float]:
    """Medians of a step, in seconds: ours and the bare script's."""
    kind = registry.get(f"syncmodel.adapters.{name}")
    with Loop() as loop:
        adapter: Any = kind.make(kind.nodes or 3, ())
        try:
            return _measure(loop, adapter, rounds)
        finally:
            loop.run(adapter.close())


def _measure(loop: Loop, adapter: Processes, rounds: int) -> tuple[float, float]:
    ours, bare = list[float](), list[float]()
    writers = [node for node in adapter.nodes if node not in adapter.guarantees.readers]
    table = adapter.schema.tables[0].name
    session = _begin(loop, adapter)
    # Its id has not the prefix of any run, so no run sees it.
    row = Row(table, f"bare{time.time_ns()}")
    loop.run(_aside(adapter.create, "n1", row, {"title": "t0", "votes": 0}))
    loop.run(_aside(_rest, adapter))
    for number in range(rounds):
        if number % WRITES_A_RUN == WRITES_A_RUN - 1:
            session.finish()
            session = _begin(loop, adapter)
        node = writers[number % len(writers)]
        started = time.perf_counter()
        loop.run(session.take(Set(node, table, _name(adapter), "title", f"t{number + 2}")))
        ours.append(time.perf_counter() - started)
        if session.over is not None:
            raise RuntimeError(f"the cluster is not as it should be: {session.over}")
        started = time.perf_counter()
        loop.run(_aside(_bare, adapter, node, row, f"t{number}"))
        bare.append(time.perf_counter() - started)
    return statistics.median(ours), statistics.median(bare)


def _begin(loop: Loop, adapter: Processes) -> Session:
    net = fully_connected(adapter.schema, len(adapter.nodes))
    session = Session(adapter, net, adapter.guarantees)
    loop.run(session.begin())
    table = adapter.schema.tables[0].name
    loop.run(session.take(Create("n1", table, _name(adapter), (("title", "t1"),))))
    return session


def _name(adapter: Processes) -> str:
    return adapter.schema.names(adapter.schema.tables[0].name, 1)[0]


async def _aside(done: Callable[..., Any], *given: Any) -> Any:
    """In a thread: this one carries what the servers say to each other."""
    return await asyncio.to_thread(done, *given)


def _bare(adapter: Processes, node: str, row: Row, title: str) -> list[Any]:
    adapter.set(node, row, "title", title)
    _rest(adapter)
    return [list(adapter.rows(one, "bare")) for one in adapter.nodes]


def _rest(adapter: Processes) -> None:
    """Every node has what every other one has, in the adapter's own way."""
    if adapter._rest is Rest.MARK:
        adapter.tick += 1
        for node in adapter.nodes:
            adapter.mark(node, adapter.tick)
        wanted = dict.fromkeys(adapter.nodes, adapter.tick)
        for node in adapter.nodes:
            while any(adapter.marks(node).get(n, 0) < at for n, at in wanted.items()):
                time.sleep(PAUSE_S)
    else:
        while len({frozenset(adapter.position(node).items()) for node in adapter.nodes}) > 1:
            time.sleep(PAUSE_S)


def main() -> int:
    """Measure each; one that is not installed is told, and left out."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", default=NAMES, help="adapters of syncmodel.adapters")
    parser.add_argument("--rounds", type=int, default=100)
    args = parser.parse_args()
    table = Table("adapter", "ours, ms", "bare, ms", "ratio")
    console = Console()
    for name in args.names:
        try:
            ours, bare = measure(name, args.rounds)
        except SyncModelError as error:
            console.print(f"{name}: {error}")
            continue
        table.add_row(name, f"{ours * 1000:.1f}", f"{bare * 1000:.1f}", f"{ours / bare:.2f}")
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
