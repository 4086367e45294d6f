"""What a node says of itself in two places, and differently.

Not what it says of others, nor positions: these may change between two questions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from syncmodel.targets.wire import DROPPING, PLUGIN


def contradictions(
    version: int | None,
    status: Mapping[str, Any],
    generations: Sequence[Mapping[str, Any]],
    nodes: Sequence[Mapping[str, Any]],
) -> tuple[str, ...]:
    """In words: of the plugin's version that its API shows, a cluster_status, a generations.list,
    and the nodes of a cluster_nodes.list.

    Fields that are left out contradict nothing. Raises `KeyError`, `TypeError`, `ValueError` or
    `AttributeError` for what has not the contract's shape.
    """
    return (
        *_of_the_plugin(version, status, generations),
        *_of_generations(status["generation"], generations),
        *_of_ids(nodes),
    )


def _of_the_plugin(
    version: int | None, status: Mapping[str, Any], generations: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    runs = [one for one in generations if one.get("running")]
    for place, said in (("cluster_status", status), *(("generations.list", one) for one in runs)):
        there = said.get("plugins")
        if there is not None and there.get(PLUGIN) != version:
            yield f"{place} has {PLUGIN} {there.get(PLUGIN)}, its API {version}"


def _of_generations(
    generation: Mapping[str, Any], generations: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    for name in ("selected", "running"):
        marked = [int(one["number"]) for one in generations if one.get(name)]
        if generations and name in generations[0] and marked != [int(generation[name])]:
            yield f"{name} in generations.list is {marked}, in cluster_status {generation[name]}"
    for one in generations:
        number, there = int(one["number"]), one.get("plugins")
        deployed = DROPPING.deployment
        if there is not None and number in deployed and there.get(PLUGIN) != deployed[number]:
            yield f"generation {number} is said to have {PLUGIN} {there.get(PLUGIN)}"


def _of_ids(nodes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    ids = [one["id"] for one in nodes if "id" in one]
    if len(set(map(str, ids))) < len(ids):
        yield "two nodes of cluster_nodes.list have one id"
