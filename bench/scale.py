"""Does the cost of a simulated delivery grow with the mesh? From 3 nodes to 30, in turns.

    python bench/scale.py [--nodes 3 5 10 20 30] [--rounds 20] [--json FILE]

A write on a mesh of n nodes takes n(n-1) deliveries, and each should cost what it costs on three
nodes. Measured is one delivery, taken in turn and drawn, and one whole step: the write, its
deliveries, and the comparison of every node with the model. Prints microseconds of processor time,
the least of the rounds (whatever else the machine does only adds), and ratios to the first number
of nodes. A round is some hundreds of deliveries of each size, one size after the other.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from syncmodel.engine.drive import Straight
from syncmodel.engine.session import Session
from syncmodel.model.net import fully_connected
from syncmodel.reference.simulated import SimulatedCluster, acts, deliver, initial, setup
from syncmodel.reference.simulated.schedule import Drawn, InTurn, Schedule
from syncmodel.reference.simulated.world import VirtualWorld
from syncmodel.steps import Create, Set
from syncmodel.targets.wire import SUPERTEST

#: A round has about this many deliveries of each size, and always at least one write.
DELIVERIES_A_ROUND = 400
KINDS = ("in turn", "drawn", "step")
#: What is there before anything is measured.
FIRST = Create("n1", "cases", "c1", (("title", "first"),))

Cost = dict[str, float]


def measure(sizes: list[int], rounds: int) -> dict[int, Cost]:
    """Seconds of each kind for each number of nodes, the least of the rounds."""
    least: dict[int, Cost] = {}
    for number in range(rounds):
        for nodes in sizes:
            writes = max(DELIVERIES_A_ROUND // (nodes * (nodes - 1)), 1)
            found = {
                "in turn": _delivery(nodes, writes, InTurn()),
                "drawn": _delivery(nodes, writes, Drawn(number)),
                "step": _step(nodes, writes),
            }
            before = least.setdefault(nodes, found)
            least[nodes] = {kind: min(found[kind], before[kind]) for kind in KINDS}
    return least


def _delivery(nodes: int, writes: int, schedule: Schedule) -> float:
    """Seconds of one delivery, on average over these writes, one after the other."""
    world = _quiet(initial(setup(nodes), fully_connected(SUPERTEST, nodes)), schedule)[0]
    world = _quiet(acts.write(world, FIRST.node, FIRST.asks(SUPERTEST))[0], schedule)[0]
    spent_s, delivered = 0.0, 0
    for step in _updates(nodes, writes):
        world, outcome = acts.write(acts.advance(world, 1), step.node, step.asks(SUPERTEST))
        assert outcome.ok, outcome
        started = time.process_time()
        world, count = _quiet(world, schedule)
        spent_s += time.process_time() - started
        delivered += count
    return spent_s / delivered


def _quiet(world: VirtualWorld, schedule: Schedule) -> tuple[VirtualWorld, int]:
    """The world when nothing can happen any more, and how much did."""
    count = 0
    while world.bits:
        world = deliver(world, schedule.pick(world.coming))
        count += 1
    return world, count


def _step(nodes: int, writes: int) -> float:
    """Seconds of one step of a session, which brings the cluster to rest and looks at all of it."""
    driver = Straight()
    session = Session(SimulatedCluster(nodes), fully_connected(SUPERTEST, nodes))
    driver.run(session.begin())
    driver.run(session.take(FIRST))
    started = time.process_time()
    for step in _updates(nodes, writes):
        driver.run(session.take(step))
    spent_s = time.process_time() - started
    if session.over is not None:
        raise RuntimeError(f"the correct core is called wrong: {session.over}")
    return spent_s / writes


def _updates(nodes: int, writes: int) -> Iterator[Set]:
    for number in range(writes):
        yield Set(f"n{number % nodes + 1}", "cases", "c1", "title", f"t{number}")


def main(argv: list[str]) -> int:
    """Measure, print a table, write JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--nodes", type=int, nargs="+", default=[3, 5, 10, 20, 30])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", type=Path, default=Path("bench/results/scale.json"))
    options = parser.parse_args(argv)
    found = measure(options.nodes, options.rounds)
    first = found[options.nodes[0]]
    table = Table("nodes", "delivery in turn", "ratio", "drawn", "ratio", "step", "step / delivery")
    for nodes, cost in found.items():
        cells = [str(nodes)]
        for kind in ("in turn", "drawn"):
            cells += [f"{cost[kind] * 1e6:.1f} us", f"{cost[kind] / first[kind]:.2f}"]
        each_s = cost["step"] / (nodes * (nodes - 1))
        table.add_row(*cells, f"{cost['step'] * 1e3:.2f} ms", f"{each_s * 1e6:.1f} us")
    Console(width=110).print(table)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
