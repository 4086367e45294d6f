"""One protocol, three tools: our checker, SPIN, and Quint's simulator. `make peers` installs them.

    python bench/protocols.py [--scopes 2,3,2 3,2,1] [--seeds 5] [--json FILE]

The protocol is a replicated register with tombstones (peers/register.py, .pml, .qnt), once right
and once with a planted mistake. A scope is nodes,writes,cuts. Ours and SPIN must count the same
states where both exhaust them, and breadth first the counterexample must be as long: else exit
code 1.
A tool that is not installed is left out, and the table says so.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import attrs
from peers import quint, spin
from peers.measured import Measured, Scope
from peers.register import Replicas
from rich.console import Console
from rich.table import Table

from syncmodel.checker import Bounds, Holds, Violated, check

DEFAULT_SCOPES = (Scope(2, 3, 2), Scope(3, 2, 1), Scope(3, 2, 2))
BOUNDS = Bounds(max_states=5_000_000, max_seconds=600)


def ours(scope: Scope) -> Measured:
    """Our checker: breadth first, no reduction."""
    system = Replicas(scope.nodes, scope.writes, scope.cuts, scope.planted)
    wanted = system.properties()
    # Where the mistake shows nothing bad, that nothing bad *could* show is no news.
    verdict = check(system, wanted[:1] if scope.planted else wanted, BOUNDS)
    found = verdict.statistics
    return Measured(
        tool="ours (breadth first)",
        scope=scope,
        answer=verdict.outcome,
        seconds=found.seconds,
        states=found.states,
        exhausted=isinstance(verdict, Holds),
        length=len(verdict.path) if isinstance(verdict, Violated) else None,
    )


def measure(scopes: list[Scope], seeds: int, missing: list[str]) -> Iterator[Measured]:
    """Every installed tool on every scope; the names of missing tools go to `missing`."""
    missing += [tool.NAME for tool in (spin, quint) if not tool.installed()]
    for scope in scopes:
        yield ours(scope)
        if spin.installed():
            yield from spin.measure(scope)
        if quint.installed():
            yield quint.measure(scope, seeds)


def disagreements(results: list[Measured]) -> list[str]:
    """Where ours and SPIN should agree and do not."""
    found = []
    for scope, group in groupby(results, key=lambda one: one.scope):
        rows = list(group)
        counts = {one.states for one in rows if one.exhausted}
        lengths = {one.length for one in rows if "breadth" in one.tool}
        if len(counts) > 1:
            found.append(f"{scope}: exhausted at {sorted(map(str, counts))} states")
        if len(lengths) > 1:
            found.append(
                f"{scope}: shortest counterexamples of {sorted(map(str, lengths))} actions"
            )
    return found


def table(results: list[Measured]) -> Table:
    """One row for every tool on every scope."""
    shown = Table("scope", "tool", "answer", "states", "seconds", "states/s", "length", "remarks")
    for scope, group in groupby(results, key=lambda one: one.scope):
        for position, one in enumerate(group):
            rate = one.states / one.seconds if one.states and one.seconds else None
            shown.add_row(
                "" if position else str(scope),
                one.tool,
                one.answer,
                "-" if one.states is None else f"{one.states:,}",
                f"{one.seconds:.3f}",
                "-" if rate is None else f"{rate:,.0f}",
                "-" if one.length is None else str(one.length),
                one.remarks,
            )
        shown.add_section()
    return shown


def speeds(results: list[Measured]) -> Iterator[str]:
    """Who exhausts a scope soonest, and by how much."""
    for scope, group in groupby(results, key=lambda one: one.scope):
        rows = sorted((one for one in group if one.exhausted), key=lambda one: one.seconds)
        if len(rows) > 1:
            slowest, best = rows[-1], rows[0]
            times = slowest.seconds / best.seconds
            yield f"{scope}: {best.tool} exhausts it {times:.1f} times as fast as {slowest.tool}"


def scope_of(text: str) -> Scope:
    """A scope as the command line has it."""
    try:
        nodes, writes, cuts = map(int, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: three numbers like 3,2,1 are wanted") from None
    if nodes not in (2, 3):
        raise argparse.ArgumentTypeError(f"{nodes} nodes: register.pml is written for 2 and 3")
    return Scope(nodes, writes, cuts)


def main(argv: list[str]) -> int:
    """Measure, print one table, write JSON; 1 if ours and SPIN disagree."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--scopes", nargs="+", type=scope_of, default=DEFAULT_SCOPES, metavar="NODES,WRITES,CUTS"
    )
    parser.add_argument("--seeds", type=int, default=5, help="searches by Quint (their median)")
    parser.add_argument("--json", type=Path, default=Path("bench/results/protocols.json"))
    options = parser.parse_args(argv)
    scopes = [attrs.evolve(one, planted=on) for one in options.scopes for on in (False, True)]
    missing: list[str] = []
    results = list(measure(scopes, options.seeds, missing))
    console = Console(width=150)
    console.print(table(results))
    for line in speeds(results):
        console.print(line, highlight=False)
    for name in missing:
        console.print(f"{name} is not installed and was left out: see `make peers`.")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    rows = [attrs.asdict(one) for one in results]
    options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    wrong = disagreements(results)
    for line in wrong:
        console.print(f"[red]ours and SPIN disagree[/red]: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
