"""Nodes are interchangeable: the same situation under other names is one situation.

A `canonical` for `syncmodel.checker`: of all renamings of the nodes the one whose situation comes
first. Rows and tokens need none, since they are named in order of their first use. Tests hold it
against the whole graph of small instances.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import permutations
from typing import Any

from attrs import evolve
from immutables import Map
from msgspec.structs import replace

from syncmodel.exhaustive.abstract import Situation, Waiting
from syncmodel.exhaustive.coverage import USUAL
from syncmodel.exhaustive.limits import SYMMETRIC_NODES, Limits
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net
from syncmodel.model.plan import Plan
from syncmodel.model.rows import RowBelief
from syncmodel.model.world import World

#: New names, in the order of the old ones.
Renaming = tuple[tuple[str, str], ...]
CACHED = 2**16


def symmetry(
    limits: Limits, guarantees: Guarantees = USUAL
) -> Callable[[Situation], Situation] | None:
    """The `canonical` of searches within these limits, or None where there is none.

    Steps at the same time are offered in one order only, some partitions of four nodes and more
    are offered without their images, and readers are not like other nodes: there renaming would
    change what can happen.
    """
    if limits.together or limits.nodes > SYMMETRIC_NODES or limits.nodes == 1:
        return None
    if guarantees.readers:
        return None
    nodes = limits.net.nodes
    images = tuple(tuple(zip(nodes, image, strict=True)) for image in permutations(nodes))

    def canonical(now: Situation) -> Situation:
        best = min(images, key=lambda names: _key(now, names))
        return now if best is images[0] else renamed(now, best)

    return canonical


def _key(now: Situation, names: Renaming) -> tuple[Any, ...]:
    """All of a situation that a renaming changes, in an order that can be compared."""
    belief = now.world.belief
    back = sorted((new, old) for old, new in names)
    return (
        *(_known_key(now, old) for _, old in back),
        *_net_key(now.net, names),
        *(_net_key(belief.net, names) if belief.net is not now.net else ()),
        *(_row_key(row, names) for _, row in sorted(belief.rows.items())),
        tuple(_sorted(now.world.plan.known.get(old), tuple) for _, old in back),
        tuple(sorted((dict(names)[one.step.node], one.number) for one in now.waiting)),
        *(_copies_key(now, back) if belief.net.backups else ()),
    )


def _copies_key(now: Situation, back: list[tuple[str, str]]) -> tuple[Any, ...]:
    """What is on the copies of disks, really and as it is believed."""
    rows = [row for _, row in sorted(now.world.belief.rows.items())]
    return (
        tuple(tuple(sorted(map(repr, now.copied.get(old, ())))) for _, old in back),
        tuple(now.net.backups.get(old, 0) for _, old in back),
        tuple(tuple(_saved_key(row, old) for _, old in back) for row in rows),
        tuple(_sorted(now.world.plan.saved.get(old), tuple) for _, old in back),
    )


def _saved_key(row: RowBelief, node: str) -> tuple[Any, ...]:
    copy = row.saved.get(node)
    return () if copy is None else (1, sorted(copy.must), sorted(copy.may), sorted(copy.told))


def _known_key(now: Situation, node: str) -> tuple[tuple[str, str, int], ...]:
    return tuple(sorted((row.table, row.name, number) for row, number in now.knows(node)))


@lru_cache(maxsize=CACHED)
def _net_key(net: Net, names: Renaming) -> tuple[Any, ...]:
    new = dict(names)
    return (
        tuple(sorted((new[node], generation) for node, generation in net.running.items())),
        tuple(sorted(new[node] for node in net.down)),
        tuple(sorted((new[a], new[b]) for a, b in net.cut)),
        tuple(sorted((new[a], new[b]) for a, b in net.interrupted)),
        *((tuple(sorted(new[node] for node in net.paused)),) if net.paused else ()),
        *_deployment_key(net, new),
        tuple(sorted((new[a], new[b]) for a, b in net.away)),
        tuple(sorted((new[a], new[b]) for a, b in net.distrusts)),
    )


def _deployment_key(net: Net, new: Mapping[str, str]) -> tuple[Any, ...]:
    if not net.disabled and not net.staged:
        return ()
    staged = sorted((new[node], generation) for node, generation in net.staged.items())
    return ("deployment", tuple(sorted(new[node] for node in net.disabled)), tuple(staged))


@lru_cache(maxsize=CACHED)
def _row_key(row: RowBelief, names: Renaming) -> tuple[Any, ...]:
    back = sorted((new, old) for old, new in names)
    new = dict(names)
    return (
        tuple(new[version.node] for version in row.versions),
        tuple(_sorted(row.must.get(old)) for _, old in back),
        tuple(_sorted(row.may.get(old)) for _, old in back),
        tuple(_sorted(row.kept.get(old)) for _, old in back),
        tuple(tuple(sorted(row.beaten.get(old, {}))) for _, old in back),
    )


def _sorted(known: frozenset[Any] | None, key: Callable[[Any], Any] = int) -> tuple[Any, ...]:
    """What a node knows, in order; having no entry is not the same as an empty one."""
    return () if known is None else (1, *sorted(map(key, known)))


def renamed(now: Situation, names: Renaming) -> Situation:
    """The situation with other names for its nodes. Nothing may be going on at the same time."""
    new = dict(names)
    net, plan, belief = renamed_net(now.net, names), now.world.plan, now.world.belief
    rows = {name: _renamed_row(row, names) for name, row in belief.rows.items()}
    # What the last rest was compared with is only kept to save work, and answers only to find more:
    # they know the old names.
    return evolve(
        now,
        world=World(
            renamed_plan(plan, names),
            replace(
                belief,
                net=renamed_net(belief.net, names),
                rows=Map(rows),
                rested=Map(),
                answers=(),
            ),
        ),
        net=net,
        really=_keys(now.really, new),
        copied=_keys(now.copied, new),
        waiting=frozenset(_renamed_waiting(one, new) for one in now.waiting),
    )


def _renamed_waiting(one: Waiting, new: Mapping[str, str]) -> Waiting:
    return evolve(one, step=evolve(one.step, node=new[one.step.node]))


@lru_cache(maxsize=CACHED)
def renamed_net(net: Net, names: Renaming) -> Net:
    """The net with other names; what it has worked out of itself is kept from call to call."""
    new = dict(names)
    return replace(
        net,
        running=_keys(net.running, new),
        down=frozenset(new[node] for node in net.down),
        paused=frozenset(new[node] for node in net.paused),
        disabled=frozenset(new[node] for node in net.disabled),
        staged=_keys(net.staged, new),
        away=frozenset((new[a], new[b]) for a, b in net.away),
        distrusts=frozenset((new[a], new[b]) for a, b in net.distrusts),
        cut=frozenset((new[a], new[b]) for a, b in net.cut),
        interrupted=frozenset((new[a], new[b]) for a, b in net.interrupted),
        backups=_keys(net.backups, new),
    )


def renamed_plan(plan: Plan, names: Renaming) -> Plan:
    """The plan with other names."""
    new = dict(names)
    known, saved = _keys(plan.known, new), _keys(plan.saved, new)
    return replace(plan, net=renamed_net(plan.net, names), known=known, saved=saved)


@lru_cache(maxsize=CACHED)
def _renamed_row(row: RowBelief, names: Renaming) -> RowBelief:
    new = dict(names)
    return replace(
        row,
        versions=tuple(replace(version, node=new[version.node]) for version in row.versions),
        must=_keys(row.must, new),
        may=_keys(row.may, new),
        kept=_keys(row.kept, new),
        beaten=_keys(row.beaten, new),
        saved=_keys(row.saved, new),
    )


def _keys(values: Map[str, Any], new: Mapping[str, str]) -> Map[str, Any]:
    return Map({new[node]: value for node, value in values.items()})
