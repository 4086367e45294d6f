"""How knowledge spreads over links: it follows from those that it flows along alone.

Many nets have the same ones, so each answer is found once for all equal arguments.
"""

from __future__ import annotations

from functools import lru_cache, partial
from itertools import permutations

import networkx as nx

Link = tuple[str, str]
Nodes = tuple[str, ...]
#: How many nets, and of each kind of what follows from them, are kept in case they come again: a
#: search on three nodes meets thousands of them, each of a few kilobytes.
KEPT = 1024


def directed(nodes: Nodes, flow: frozenset[Link]) -> nx.DiGraph[str]:
    """The directed graph along which knowledge travels."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(nodes)
    graph.add_edges_from(flow)
    return graph


@lru_cache(maxsize=KEPT)
def reach(nodes: Nodes, flow: frozenset[Link], passes_on: bool) -> dict[str, frozenset[str]]:
    """For each node: all that may learn what it knows, itself among them."""
    graph = directed(nodes, flow)
    hearers = partial(nx.descendants, graph) if passes_on else graph.successors
    return {node: frozenset({node, *hearers(node)}) for node in nodes}


@lru_cache(maxsize=KEPT)
def sources(nodes: Nodes, flow: frozenset[Link], passes_on: bool) -> dict[str, frozenset[str]]:
    """For each node: all whose knowledge it may have learnt, itself among them."""
    graph = directed(nodes, flow)
    tellers = partial(nx.ancestors, graph) if passes_on else graph.predecessors
    return {node: frozenset({node, *tellers(node)}) for node in nodes}


@lru_cache(maxsize=KEPT)
def tellers(
    nodes: Nodes, flow: frozenset[Link], passes_on: bool
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Each node that may learn of others, with these others, in a fixed order."""
    return tuple(
        (node, tuple(sorted(told_by - {node})))
        for node, told_by in sources(nodes, flow, passes_on).items()
        if len(told_by) > 1
    )


@lru_cache(maxsize=KEPT)
def circles(carriers: Nodes, flow: frozenset[Link]) -> tuple[Nodes, ...]:
    """The groups of nodes that learn all from each other."""
    parts = nx.strongly_connected_components(directed(carriers, flow))
    return tuple(sorted(tuple(sorted(part)) for part in parts))


@lru_cache(maxsize=KEPT)
def mutual(carriers: Nodes, flow: frozenset[Link]) -> tuple[frozenset[str], ...]:
    """The groups of nodes that hear each other directly, and no others."""
    hears = {node: {node} for node in carriers}
    for a, b in flow:
        if (b, a) in flow:
            hears[a].add(b)
    whole = [frozenset(group) for group in hears.values()]
    return tuple(group for group in whole if whole.count(group) == len(group))


@lru_cache(maxsize=KEPT)
def joined(carriers: Nodes, flow: frozenset[Link]) -> tuple[frozenset[str], ...]:
    """The groups of nodes that some path joins, over links of any direction."""
    graph = directed(carriers, flow).to_undirected()
    return tuple(frozenset(part) for part in nx.connected_components(graph))


def heard(flow: frozenset[Link], distrusts: frozenset[Link], author: str) -> frozenset[Link]:
    """The links along which what that author wrote travels: a node that does not trust it takes
    nothing, and hands on what it took before."""
    return frozenset([link for link in flow if (link[1], author) not in distrusts])


@lru_cache(maxsize=KEPT)
def agreeing(
    carriers: Nodes, flow: frozenset[Link], distrusts: frozenset[Link], authors: Nodes
) -> tuple[Nodes, ...]:
    """The circles where trust differs: nodes that learn all from each other, of each author."""
    alike: dict[tuple[int, ...], list[str]] = {}
    parts = [_places(circles(carriers, heard(flow, distrusts, author))) for author in authors]
    for node in carriers:
        # Those that do not trust an author agree on it: none of them shows what it wrote.
        places = (
            -1 if (node, author) in distrusts else part[node]
            for author, part in zip(authors, parts, strict=True)
        )
        alike.setdefault(tuple(places), []).append(node)
    return tuple(sorted(tuple(sorted(nodes)) for nodes in alike.values()))


def _places(groups: tuple[Nodes, ...]) -> dict[str, int]:
    return {node: place for place, group in enumerate(groups) for node in group}


@lru_cache(maxsize=KEPT)
def split(nodes: tuple[str, ...], groups: tuple[tuple[str, ...], ...]) -> frozenset[Link]:
    """The links to cut so that only nodes of one group hear each other; groups may overlap."""
    together = {(a, b) for group in groups for a, b in permutations(group, 2)}
    return frozenset(permutations(nodes, 2)) - together
