"""How fast is a simulated step? Ours, and machines of Hypothesis that do nothing, in turns.

    python bench/simulator.py [--rounds 5] [--sequences 100] [--landed DIR] [--json FILE]

Ours is the whole of it: a search by `ClusterMachine`, whose step is drawn and taken on three
simulated nodes, which come to rest and are compared with the model. A step may hold several (a
burst, simultaneous steps): the ratios count it once; the number performed a second is printed next
to them. The empty machines draw one value a rule and do nothing with it: one has as many rules as
there are kinds of steps, one has a single rule. Both are Hypothesis as it comes, with its own
backend; the first is also measured with ours. `--landed DIR` measures another checkout's search
too, in its own process, in turns with the others. Prints steps a second of processor time and
the ratios of this run; bare times depend on the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from rich.console import Console
from rich.table import Table

from syncmodel.engine.drive import Straight
from syncmodel.engine.findings import Settings
from syncmodel.engine.history import Observer, nobody
from syncmodel.engine.tally import Tally
from syncmodel.machine.provider import PLAIN
from syncmodel.machine.search import searched
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import vocabulary


def ours(sequences: int, seed: int, observe: Observer = nobody) -> int:
    """The steps of one search on the simulator."""
    settings = Settings(sequences=sequences, seed=seed)
    findings = searched(SimulatedCluster(3, (), seed), Straight(), settings, observe)
    if findings.failure is not None or findings.unknown or findings.invalid:
        raise RuntimeError(f"the correct core is called wrong: {findings}")
    return findings.steps


def held(sequences: int, seed: int) -> float:
    """How many steps were performed per drawn step, in the same search once more."""
    tally = Tally()
    drawn = ours(sequences, seed, tally)
    return tally.by_op.total() / drawn


def empty(rules: int, backend: str = "hypothesis") -> Callable[[int, int], int]:
    """A machine with this many rules, each of which draws one value: its steps."""

    def steps(sequences: int, seed: int) -> int:
        taken = [0]

        def one(number: int) -> Callable[..., None]:
            def body(self: RuleBasedStateMachine, value: int) -> None:  # noqa: ARG001 - drawn only
                taken[0] += 1

            body.__name__ = f"rule_{number}"
            return body

        body: dict[str, Any] = {
            f"rule_{number}": rule(value=st.sampled_from(range(10)))(one(number))
            for number in range(rules)
        }
        machine = hypothesis.seed(seed)(type("Empty", (RuleBasedStateMachine,), body))
        settings = hypothesis.settings(
            backend=backend,
            max_examples=sequences,
            stateful_step_count=Settings().steps,
            phases=[hypothesis.Phase.generate],
            database=None,
            deadline=None,
            report_multiple_bugs=False,
            suppress_health_check=list(hypothesis.HealthCheck),
            print_blob=False,
        )
        run_state_machine_as_test(machine, settings=settings)
        return taken[0]

    return steps


#: A search by whatever explorer another checkout has, each time that a line asks for one.
ELSEWHERE = """
import sys, time
from syncmodel.engine.drive import Straight
try:
    from syncmodel.reference.simulated import SimulatedCluster
except ImportError:
    from syncmodel.targets.simulated import SimulatedCluster
try:
    from syncmodel.machine.search import searched
    from syncmodel.engine.findings import Settings
    steps = lambda *given: searched(*given).steps
except ImportError:
    from syncmodel.engine.explore import Explorer, Settings
    steps = lambda *given: Explorer(*given).run().steps
for line in sys.stdin:
    sequences, seed = map(int, line.split())
    started = time.process_time()
    settings = Settings(sequences=sequences, seed=seed)
    taken = steps(SimulatedCluster(3, (), seed), Straight(), settings)
    print(taken, time.process_time() - started, flush=True)
"""


class Elsewhere:
    """A search by the checkout in another folder, in its own process."""

    def __init__(self, folder: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(folder.resolve() / "src")}
        command = [sys.executable, "-c", ELSEWHERE]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, text=True, cwd=folder, env=environment
        )

    def __call__(self, sequences: int, seed: int) -> tuple[int, float]:
        """The steps of one search, and the seconds of processor time that they took."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{sequences} {seed}\n")
        self._process.stdin.flush()
        steps, seconds = self._process.stdout.readline().split()
        return int(steps), float(seconds)


def timed(steps: Callable[[int, int], int]) -> Callable[[int, int], tuple[int, float]]:
    """The same, with the seconds of processor time that it took."""

    def measured(sequences: int, seed: int) -> tuple[int, float]:
        started = time.process_time()
        taken = steps(sequences, seed)
        return taken, time.process_time() - started

    return measured


def measure(rounds: int, sequences: int, landed: Path | None) -> dict[str, list[tuple[int, float]]]:
    """(steps, seconds of processor time) of each kind, once a round; the kinds take turns."""
    many = len(vocabulary())
    kinds: dict[str, Callable[[int, int], tuple[int, float]]] = {
        "ours": timed(ours),
        f"empty, {many} rules": timed(empty(many)),
        "empty, 1 rule": timed(empty(1)),
        f"empty, {many} rules, our backend": timed(empty(many, PLAIN)),
    }
    if landed is not None:
        kinds["landed"] = Elsewhere(landed)
    found: dict[str, list[tuple[int, float]]] = {name: [] for name in kinds}
    for seed in range(rounds + 1):
        for name, steps in kinds.items():
            taken = steps(sequences, seed)
            # The first round only warms caches up.
            if seed:
                found[name].append(taken)
    return found


def main(argv: list[str]) -> int:
    """Measure, print a table, write JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sequences", type=int, default=100)
    parser.add_argument("--landed", type=Path, help="another checkout, to compare with")
    parser.add_argument("--json", type=Path, default=Path("bench/results/simulator.json"))
    options = parser.parse_args(argv)
    found = measure(options.rounds, options.sequences, options.landed)
    # All steps by all the time: some rounds have a full garbage collection in them, some have none.
    rates = {
        name: sum(steps for steps, _ in rounds) / sum(seconds for _, seconds in rounds)
        for name, rounds in found.items()
    }
    seeds = range(1, options.rounds + 1)
    share = statistics.mean(held(options.sequences, seed) for seed in seeds)
    performed = share * rates["ours"]
    table = Table("machine", "steps a second", "drawn / it", "performed / it")
    for name, rate in rates.items():
        ratios = (f"{ours / rate:.2f}" for ours in (rates["ours"], performed))
        table.add_row(name, f"{rate:.0f}", *ratios)
    Console(width=80).print(table)
    print(f"Drawn: a burst counts as one, {rates['ours']:.0f} a second.")
    print(f"Performed: each step in it counts, as in every length, {performed:.0f} a second.")
    result = {"rates": rates, "performed a second": performed, "rounds": found}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
