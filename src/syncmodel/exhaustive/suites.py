"""Covering suites: from the state graph of a small world, runs that together take all of it.

Each run passes on a correct system and is saved as a file of the corpus. The file and
docs/checking.md say what is covered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from syncmodel.checker import Bounds, covering_walks, graph
from syncmodel.checker.covering import Edge
from syncmodel.checker.graph import StateGraph
from syncmodel.corpus.format import Reproduction, nodes_of
from syncmodel.engine.script import length
from syncmodel.exhaustive.cores import Moment, cluster
from syncmodel.exhaustive.limits import Limits
from syncmodel.exhaustive.performing import performed
from syncmodel.exhaustive.stepwise import Stepwise, Then, as_run
from syncmodel.model.net import Net
from syncmodel.model.outcome import Answer
from syncmodel.reference.kinds import SIMULATED
from syncmodel.reference.simulated import canonical
from syncmodel.steps import Step
from syncmodel.steps.clocks import Clock
from syncmodel.steps.faulty_deploy import FaultyDeploy
from syncmodel.steps.purging import Purge
from syncmodel.steps.spoiling import Spoil

#: A graph takes about ten kilobytes a state here.
BOUNDS = Bounds(max_states=20_000)


def drawn(limits: Limits) -> StateGraph:
    """The state graph at the grain of steps, ids as on a `SimulatedCluster`.

    Raises `GraphTooLargeError`.
    """
    return graph(Stepwise(cluster(limits, symmetric=False)), BOUNDS)


def kind(before: Moment, action: Then, after: Moment) -> tuple[Any, ...]:
    """What kind of transition a step is.

    Its op, table and columns, which trouble it makes, whether the request is accepted, whether its
    row stands nowhere, on some or on all nodes, whether it is asked of a node that stands still,
    and which troubles there are at that moment: see `_troubles`.
    """
    step, net = action.step, before.model.belief.net
    outcome = performed(before.virtual, step)[1]
    write = step.asks(net.schema)
    holders = () if write is None else before.model.belief.row(write.row).must.keys()
    stands = "all" if len(holders) == len(net.nodes) else "some" if holders else "none"
    what = () if write is None else (write.row.table, *write.values)
    waits = not net.paused.isdisjoint(step.nodes())
    made = _made(step, before, after)
    accepted = outcome.answer is Answer.OK
    return (step.op, *what, made, accepted, stands, waits, _troubles(before))


def _made(step: Step, before: Moment, after: Moment) -> object:
    """Which of several troubles the step makes; of a purge, whether it forgets anything."""
    match step:
        case FaultyDeploy():
            return step.fault
        case Clock():
            return step.ahead_s
        case Spoil():
            return step.part
        case Purge():
            return canonical(before.virtual) != canonical(after.virtual)
    return None


def _troubles(now: Moment) -> tuple[bool, ...]:
    """Whether links are cut (or hang), nodes are down, bare, or stand still, clocks are wrong, and
    deletes were purged."""
    net = now.model.belief.net
    return (
        bool(net.cut),
        bool(net.down),
        len(net.carriers) < len(net.up),
        bool(net.paused),
        any(machine.skew_s for machine in now.virtual.machines.values()),
        now.model.plan.purged,
    )


def suite(limits: Limits, by: Literal["kind", "edge"]) -> list[Reproduction]:
    """Runs that pass on a correct system and together take every kind, or every transition."""
    whole = drawn(limits)
    runs = [_run(whole, walk) for walk in covering_walks(whole, by, kind)]
    taken = {"kind": f"{len(kinds(whole))} kinds", "edge": f"{whole.number_of_edges()} transitions"}
    return [
        Reproduction(
            title=f"covering {by}s of {limits}: run {number} of {len(runs)}",
            nodes=nodes_of(net),
            steps=steps,
            system=SIMULATED,
            found={
                "by": "a covering walk through the state graph",
                "covers": f"with the others all {taken[by]} of {whole.number_of_nodes()} states",
                "length": length(steps),
            },
        )
        for number, (net, steps) in enumerate(runs, 1)
    ]


def kinds(whole: StateGraph) -> set[tuple[Any, ...]]:
    """Every kind of transition that the graph has."""
    return {kind_of(whole, edge) for edge in whole.edges(keys=True)}


def kind_of(whole: StateGraph, edge: Edge) -> tuple[Any, ...]:
    """The kind of one transition."""
    before, after = (whole.nodes[node]["state"] for node in edge[:2])
    return kind(before, whole.edges[edge]["action"], after)


def _run(whole: StateGraph, walk: Sequence[Edge]) -> tuple[Net, tuple[Step, ...]]:
    start: Moment = whole.nodes[walk[0][0]]["state"]
    return start.model.plan.net, as_run([whole.edges[edge]["action"] for edge in walk])
