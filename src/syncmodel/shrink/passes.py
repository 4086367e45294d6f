"""What a minimiser tries, in order: each pass proposes scripts and learns how each fared. Pure.

A pass is a generator: it yields a candidate and is sent the best counterexample so far, whose
script is the candidate (or a beginning of it) if that failed in the same way. Candidates need not
be possible: the minimiser repairs them, and leaves out what is not smaller.

Not here: running anything, budgets, the cache (`minimize`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence

import networkx as nx
from attrs import evolve
from immutables import Map
from msgspec.structs import replace

from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.rename import (
    merged,
    renamed,
    tidy_names,
    without_node,
)
from syncmodel.engine.script import Path, Script, leaves, without
from syncmodel.model.values import Row
from syncmodel.shrink.simpler import simpler
from syncmodel.steps.base import Step
from syncmodel.steps.compound import Burst, Concurrently, Refused
from syncmodel.steps.data import Create, Data
from syncmodel.steps.deployment import Deployment
from syncmodel.steps.network import Cut, Heal, Mend, Partition
from syncmodel.steps.reads import Read

Candidates = Generator[Script, Counterexample, None]
Pass = Callable[[Counterexample], Candidates]


# --- what is known of a leaf -------------------------------------------------------------------


def family(step: Step) -> str:
    """The family of a step; requests that must be refused are a separate one."""
    return "refused" if isinstance(step, Refused) else step.family()


def _row(step: Step) -> Row | None:
    data = step.step if isinstance(step, Refused) else step
    return data.key if isinstance(data, Data | Read) else None


def _references(script: Script) -> nx.DiGraph[Row]:
    """Each row of the script, and which rows it names."""
    graph: nx.DiGraph[Row] = nx.DiGraph()
    for _, leaf in leaves(script.steps):
        step = leaf.step if isinstance(leaf, Refused) else leaf
        if isinstance(step, Data):
            graph.add_node(step.key)
        if isinstance(step, Create):
            graph.add_edges_from((step.key, row) for row in step.needs(script.net.schema))
    return graph


def _last(script: Script) -> Path | None:
    """The leaf that the run failed at: without it nothing was seen. None inside a compound."""
    last = len(script.steps) - 1
    if last < 0:
        return None
    compound = isinstance(script.steps[last], Burst | Concurrently)
    return None if compound else (last,)


def _less(script: Script, gone: Callable[[Path, Step], bool]) -> Script:
    """The script without those leaves, but for the one that it failed at."""
    last = _last(script)
    return without(script, lambda path, leaf: path != last and gone(path, leaf))


# --- whole kinds of steps ----------------------------------------------------------------------


def rows(best: Counterexample) -> Candidates:
    """Only the rows in the divergence, with those that they name; else without each other group of
    rows that name each other."""
    script, graph = best.script, _references(best.script)
    seen = {divergence.row for divergence in best.divergences}
    focus = {row.whole for row in seen if row is not None} & set(graph)
    kept: set[Row | None] = {None, *focus}
    kept.update(*(nx.descendants(graph, row) for row in focus))
    best = yield _less(script, lambda _, leaf: _row(leaf) not in kept)
    if best.script is not script:
        return
    groups = [frozenset(group) for group in nx.weakly_connected_components(graph)]
    others = [group for group in groups if focus.isdisjoint(group)]
    best = yield _less(script, _in(frozenset().union(*others)))
    if best.script is not script:
        return
    for group in others:
        best = yield _less(best.script, _in(group))


def _in(group: frozenset[Row]) -> Callable[[Path, Step], bool]:
    return lambda _, leaf: _row(leaf) in group


def families(best: Counterexample) -> Candidates:
    """Nothing but writes; else without each other family of steps."""
    script = best.script
    best = yield _less(script, lambda _, leaf: family(leaf) != "data")
    found = dict.fromkeys(family(leaf) for _, leaf in leaves(best.script.steps))
    for name in sorted(found, key=lambda name: name == "network"):
        if name != "data":
            best = yield _less(best.script, _of(name))


def _of(name: str) -> Callable[[Path, Step], bool]:
    return lambda _, leaf: family(leaf) == name


def nodes(best: Counterexample) -> Candidates:
    """Each node taken out, those that showed no divergence first."""
    seen = {divergence.node for divergence in best.divergences}
    for position in sorted(
        range(len(best.script.net.nodes)),
        key=lambda i: (best.script.net.nodes[i] in seen, -i),
    ):
        names = best.script.net.nodes
        if len(names) > 1 and position < len(names) and not best.script.net.quorum:
            best = yield without_node(best.script, names[position])


def merges(best: Counterexample) -> Candidates:
    """Each node's part played by another one."""
    count = len(best.script.net.nodes)
    for gone in reversed(range(count)):
        for into in range(count):
            names = best.script.net.nodes
            if gone != into and max(gone, into) < len(names) and not best.script.net.quorum:
                best = yield merged(best.script, names[gone], names[into])


# --- single steps ------------------------------------------------------------------------------


def chunks(best: Counterexample) -> Candidates:
    """Halves, quarters, ... taken out, from the front (Zeller and Hildebrandt's ddmin)."""
    size = len(_removable(best.script)) // 2
    while size > 1:
        start = 0
        while start < len(paths := _removable(best.script)):
            before = best.script
            best = yield _cut_out(before, paths[start : start + size])
            start += size if best.script is before else 0
        size //= 2


def singles(best: Counterexample) -> Candidates:
    """Each step taken out with what depends on it, the last first."""
    position = len(_removable(best.script))
    while position > 0:
        paths = _removable(best.script)
        position = min(position, len(paths)) - 1
        if position >= 0:
            best = yield _cut_out(best.script, paths[position : position + 1])


def pairs(best: Counterexample) -> Candidates:
    """A step and the next one of its family: a crash and its restart, a cut and its heal.

    Neither may be removable alone.
    """
    count = 0
    while count < len(found := _neighbours(best.script)):
        before = best.script
        best = yield _cut_out(before, found[count])
        count += 1 if best.script is before else 0


def _neighbours(script: Script) -> list[tuple[Path, Path]]:
    """Each step that is no write with the next one of its family, but for the last of all."""
    removable = set(_removable(script))
    families = {
        path: family(leaf)
        for path, leaf in leaves(script.steps)
        if path in removable and family(leaf) != "data"
    }
    return [
        (path, following)
        for path, name in families.items()
        if (following := next((p for p in families if p > path and families[p] == name), None))
    ]


def _cut_out(script: Script, paths: Sequence[Path]) -> Script:
    return without(script, lambda path, _: path in paths)


def _removable(script: Script) -> list[Path]:
    last = _last(script)
    return [path for path, _ in leaves(script.steps) if path != last]


# --- simpler steps -----------------------------------------------------------------------------


def apart(best: Counterexample) -> Candidates:
    """Bursts and concurrent steps taken apart."""
    position = 0
    while position < len(best.script.steps):
        step, before = best.script.steps[position], best.script
        if isinstance(step, Burst | Concurrently):
            best = yield _spliced(before, position, step.steps)
        position += 1 if best.script is before else 0


def _spliced(script: Script, position: int, steps: tuple[Step, ...]) -> Script:
    before, after = script.steps[:position], script.steps[position + 1 :]
    return evolve(script, steps=(*before, *steps, *after))


def joined(best: Counterexample) -> Candidates:
    """Several cuts become one split, several mends one heal."""
    for joint in (_split_for_cuts, _heal_for_mends):
        for candidate in list(joint(best.script)):
            before = best.script
            best = yield candidate
            if best.script is not before:
                break


def _split_for_cuts(script: Script) -> Iterator[Script]:
    cuts = [(i, step) for i, step in enumerate(script.steps) if isinstance(step, Cut)]
    if len(cuts) < 2:
        return
    gone = {position for position, _ in cuts[1:]}
    for lonely in dict.fromkeys(node for _, cut in cuts for node in (cut.to_node, cut.from_node)):
        others = tuple(node for node in script.net.nodes if node != lonely)
        split = Partition(tuple(sorted([(lonely,), others])))
        steps = [
            split if position == cuts[0][0] else step
            for position, step in enumerate(script.steps)
            if position not in gone
        ]
        yield evolve(script, steps=tuple(steps))


def _heal_for_mends(script: Script) -> Iterator[Script]:
    mends = [i for i, step in enumerate(script.steps) if isinstance(step, Mend)]
    for kept in {mends[0], mends[-1]} if len(mends) > 1 else ():
        steps = [
            Heal() if position == kept else step
            for position, step in enumerate(script.steps)
            if position == kept or position not in mends
        ]
        yield evolve(script, steps=tuple(steps))


def simplified(best: Counterexample) -> Candidates:
    """Each step in a simpler form."""
    position = 0
    while position < len(best.script.steps):
        before = best.script
        for form in list(simpler(before.steps[position], before)):
            best = yield _spliced(before, position, (form,))
            if best.script is not before:
                break
        position += 1 if best.script is before else 0


def begun(best: Counterexample) -> Candidates:
    """Each rollout or rollback gone: its nodes are where it leads to from the beginning."""
    position = 0
    while position < len(found := _deployments(best.script)):
        path, step = found[position]
        before = best.script
        begins = evolve(before, net=before.net.deploy(step.on, step.generation))
        best = yield _cut_out(begins, [path])
        position += 1 if best.script is before else 0


def _deployments(script: Script) -> list[tuple[Path, Deployment]]:
    return [(path, leaf) for path, leaf in leaves(script.steps) if isinstance(leaf, Deployment)]


def usual_net(best: Counterexample) -> Candidates:
    """Every node starts from the usual generation."""
    net = best.script.net
    running = Map(dict.fromkeys(net.nodes, net.schema.usual))
    yield evolve(best.script, net=replace(net, running=running))


def names(best: Counterexample) -> Candidates:
    """Every name in order of appearance, and plain; else one kind of name after the other, else one
    name after the other."""
    tidy, script = tidy_names(best.script), best.script
    best = yield renamed(script, tidy)
    if best.script is not script:
        return
    for part in tidy.kinds():
        before = best.script
        best = yield renamed(before, part)
        for one in part.singly() if best.script is before else ():
            best = yield renamed(best.script, one)


#: The passes that cut most per run come first; each is taken once.
COARSE: tuple[Pass, ...] = (rows, families, nodes, chunks)
#: These are repeated until none of them makes the script smaller.
FINE: tuple[Pass, ...] = (
    singles,
    pairs,
    begun,
    apart,
    joined,
    simplified,
    nodes,
    merges,
    usual_net,
)
#: Once nothing else helps.
LAST: tuple[Pass, ...] = (names,)
