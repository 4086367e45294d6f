"""What do real sshd and real packets cost? Namespaces against the embedded cluster, in turns.

    python bench/namespaces.py [--nodes 3] [--rounds 60] [--boots 5] [--json FILE]

Prints medians in milliseconds and their ratios; bare times depend on the machine. Exit code 1 if a
goal is missed. Needs root.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from syncmodel.engine.drive import Loop
from syncmodel.engine.session import Session
from syncmodel.model.net import fully_connected
from syncmodel.reference.embedded import EmbeddedCluster
from syncmodel.reference.namespaced import NamespacedCluster
from syncmodel.steps import Create, Set
from syncmodel.targets.wire import SUPERTEST

KINDS: Mapping[str, type[EmbeddedCluster]] = {
    "embedded": EmbeddedCluster,
    "namespaces": NamespacedCluster,
}
#: A run keeps to this many writes of one row, as a real one does.
WRITES_A_RUN = 25
LINK = ("n1", "n2")
#: At most so many times what the embedded cluster takes; at most so many seconds.
RATIOS = {"cold boot": 2.0, "step": 1.5}
SECONDS = {"cut": 0.015, "heal": 0.1}
LIMIT_S = 10.0


def boots(nodes: int, times: int) -> dict[str, float]:
    """Medians of a cold boot, a fork server's included, until a run can begin; in turns."""
    took: dict[str, list[float]] = {name: [] for name in KINDS}
    for _ in range(times):
        for name, kind in KINDS.items():
            with Loop() as loop:
                cluster = kind(nodes)
                try:
                    started = time.perf_counter()
                    loop.run(cluster.begin(fully_connected(SUPERTEST, nodes)))
                    took[name].append(time.perf_counter() - started)
                finally:
                    loop.run(cluster.close())
    return _medians(took)


def work(nodes: int, rounds: int) -> dict[str, dict[str, float]]:
    """Medians of a step, of a link's cut, and from its mending until it is connected again."""
    with Loop() as loop:
        clusters = {name: kind(nodes) for name, kind in KINDS.items()}
        try:
            return _work(loop, clusters, nodes, rounds)
        finally:
            for cluster in clusters.values():
                loop.run(cluster.close())


def _work(
    loop: Loop, clusters: Mapping[str, EmbeddedCluster], nodes: int, rounds: int
) -> dict[str, dict[str, float]]:
    kinds = ("step", "cut", "heal")
    took: dict[str, dict[str, list[float]]] = {one: {name: [] for name in KINDS} for one in kinds}
    sessions = {name: _begin(loop, cluster, nodes) for name, cluster in clusters.items()}
    for number in range(rounds):
        for name, cluster in clusters.items():
            if number % WRITES_A_RUN == WRITES_A_RUN - 1:
                sessions[name].finish()
                sessions[name] = _begin(loop, cluster, nodes)
            session, node = sessions[name], cluster.nodes[number % nodes]
            started = time.perf_counter()
            loop.run(session.take(Set(node, "cases", "c1", "title", f"t{number}")))
            took["step"][name].append(time.perf_counter() - started)
            if session.over is not None:
                raise RuntimeError(f"the cluster is not as it should be: {session.over}")
            cut_s, heal_s = loop.run(_cut_and_heal(cluster))
            took["cut"][name].append(cut_s)
            took["heal"][name].append(heal_s)
    return {one: _medians(each) for one, each in took.items()}


async def _cut_and_heal(cluster: EmbeddedCluster) -> tuple[float, float]:
    """How long a probed cut takes, and how long until the link that was mended is connected."""
    started = time.perf_counter()
    await cluster.set_cut(frozenset({LINK}))
    cut_s = time.perf_counter() - started
    started = time.perf_counter()
    await cluster.set_cut(frozenset())
    await _connected(cluster)
    return cut_s, time.perf_counter() - started


async def _connected(cluster: EmbeddedCluster) -> None:
    """Return when n2 has n1 as a connected peer again."""
    until = time.perf_counter() + LIMIT_S
    while time.perf_counter() < until:
        n1 = await cluster.live["n1"].standing()
        goal = {"n1": (n1.log_id, n1.position)}
        seen = await cluster.live["n2"].standing(goal, LIMIT_S)
        if seen.peers["n1"].connected:
            return
    raise RuntimeError(f"n1 and n2 are not connected {LIMIT_S} s after the cut was mended")


def _begin(loop: Loop, cluster: EmbeddedCluster, nodes: int) -> Session:
    session = Session(cluster, fully_connected(SUPERTEST, nodes))
    loop.run(session.begin())
    loop.run(session.take(Create("n1", "cases", "c1", (("title", "first"),))))
    return session


def _medians(took: Mapping[str, list[float]]) -> dict[str, float]:
    return {name: statistics.median(seconds) for name, seconds in took.items()}


def main(argv: list[str]) -> int:
    """Measure, print a table, write JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--boots", type=int, default=5)
    parser.add_argument("--json", type=Path, default=Path("bench/results/namespaces.json"))
    options = parser.parse_args(argv)
    found = {"cold boot": boots(options.nodes, options.boots)}
    found |= work(options.nodes, options.rounds)
    table, missed = Table("what", *KINDS, "ratio", "goal"), False
    for what, each in found.items():
        cells = [f"{each[name] * 1e3:.1f} ms" for name in KINDS]
        took_s, ratio = each["namespaces"], each["namespaces"] / each["embedded"]
        if what in RATIOS:
            goal, met = f"{RATIOS[what]} x", ratio <= RATIOS[what]
        else:
            goal, met = f"{SECONDS[what] * 1e3:.0f} ms", took_s <= SECONDS[what]
        table.add_row(what, *cells, f"{ratio:.2f}", f"{goal}{'' if met else ': missed'}")
        missed |= not met
    Console(width=100).print(table)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
