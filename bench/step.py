"""What does a live step cost? Ours, and the same requests without us, in turns on one cluster.

    python bench/step.py [--nodes 3 5 10 20] [--rounds 100] [--json FILE]

Prints medians in milliseconds and the ratios of this run; bare times depend on the machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

from floors import BareH11, BareHttpx, Floor, connect
from rich.console import Console
from rich.table import Table

from syncmodel.engine.drive import Loop
from syncmodel.engine.session import Session
from syncmodel.machine.heap import seldom_collected
from syncmodel.model.net import fully_connected
from syncmodel.reference.embedded import EmbeddedCluster
from syncmodel.steps import Create, Set
from syncmodel.targets.wire import SUPERTEST

#: A run keeps to this many writes of one row, as a real one does.
WRITES_A_RUN = 25


def measure(nodes: int, rounds: int) -> dict[str, float]:
    """Medians of a step on this many nodes, in seconds; the three kinds take turns."""
    with seldom_collected(), Loop() as loop:
        cluster = EmbeddedCluster(nodes)
        try:
            return _measure(loop, cluster, nodes, rounds)
        finally:
            loop.run(cluster.close())


def _measure(loop: Loop, cluster: EmbeddedCluster, nodes: int, rounds: int) -> dict[str, float]:
    took: dict[str, list[float]] = {"ours": [], "httpx": [], "h11": [], "settled": []}
    session = _begin(loop, cluster, nodes)
    floors = _floors(loop, cluster)
    for number in range(rounds):
        if number % WRITES_A_RUN == WRITES_A_RUN - 1:
            session.finish()
            session = _begin(loop, cluster, nodes)
        node = cluster.nodes[number % nodes]
        started = time.perf_counter()
        loop.run(session.take(Set(node, "cases", "c1", "title", f"t{number}")))
        took["ours"].append(time.perf_counter() - started)
        if session.over is not None:
            raise RuntimeError(f"the cluster is not as it should be: {session.over}")
        for name, floor in floors.items():
            settle_s, whole_s = loop.run(floor.step(node, f"t{number}"))
            took[name].append(whole_s)
            if name == "httpx":
                took["settled"].append(settle_s)
    for floor in floors.values():
        loop.run(floor.close())
    return {name: statistics.median(seconds) for name, seconds in took.items()}


def _begin(loop: Loop, cluster: EmbeddedCluster, nodes: int) -> Session:
    session = Session(cluster, fully_connected(SUPERTEST, nodes))
    loop.run(session.begin())
    loop.run(session.take(Create("n1", "cases", "c1", (("title", "first"),))))
    return session


def _floors(loop: Loop, cluster: EmbeddedCluster) -> dict[str, Floor]:
    floors = {}
    for name, kind in (("httpx", BareHttpx), ("h11", BareH11)):
        bare = {node: loop.run(connect(cluster.live[node], kind)) for node in cluster.nodes}
        keys = {node: live.pubkey for node, live in cluster.live.items()}
        floors[name] = Floor(bare, cluster.admin_key, keys)
        loop.run(floors[name].step("n1", "first", create=True))
    return floors


def main(argv: list[str]) -> int:
    """Measure, print a table, write JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--nodes", type=int, nargs="+", default=[3, 5, 10, 20])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--json", type=Path, default=Path("bench/results/step.json"))
    options = parser.parse_args(argv)
    table = Table("nodes", "ours", "httpx floor", "h11 floor", "write settled", "/ httpx", "/ h11")
    results = {}
    for nodes in options.nodes:
        found = measure(nodes, options.rounds)
        results[nodes] = found
        ours = found["ours"]
        cells = [f"{found[name] * 1e3:.1f} ms" for name in ("ours", "httpx", "h11", "settled")]
        table.add_row(
            str(nodes), *cells, f"{ours / found['httpx']:.2f}", f"{ours / found['h11']:.2f}"
        )
    Console(width=110).print(table)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
