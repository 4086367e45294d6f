"""When two moments of a search are the same one: 128 bits that say so.

Two moments are one if model and virtual world are, whatever logs, positions and (where ids are
blind to names, see `blind`) nodes are called. Of all renamings of the nodes the one whose digest
is least stands for all; no world has to be renamed for it. Blake2b's digests of different texts
differ in practice: a million states collide with a chance of one in 10^26.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b, sha256
from itertools import permutations
from operator import itemgetter
from typing import Any

from attrs import evolve
from immutables import Map
from msgspec.structs import replace

from syncmodel.model.belief import Belief
from syncmodel.model.net import Net
from syncmodel.model.plan import Plan
from syncmodel.model.rows import RowBelief
from syncmodel.model.world import World
from syncmodel.nostr.events import Event
from syncmodel.reference.simulated.canonical import Form
from syncmodel.reference.simulated.setup import Setup, pubkey

Digest = bytes
#: New names, in the order of the old ones.
Renaming = tuple[tuple[str, str], ...]
CACHED = 2**15


def renamings(nodes: tuple[str, ...], *, symmetric: bool) -> tuple[Renaming, ...]:
    """All renamings under which a moment stays the same one; the first changes nothing."""
    images = permutations(nodes) if symmetric else iter((nodes,))
    return tuple(tuple(zip(nodes, image, strict=True)) for image in images)


def digest(*parts: object) -> Digest:
    """Of values whose `repr` is the same text exactly if they are equal."""
    return blake2b(repr(parts).encode(), digest_size=16).digest()


def blind(setup: Setup) -> Setup:
    """The same cluster, in which an event's id (which decides ties) does not depend on its author.

    Only then are nodes interchangeable. Two events with one id differ in their author alone: these
    can only be tombstones, since every other content has its own token.
    """
    nodes = {name: evolve(node, seal=_blind_id) for name, node in setup.nodes.items()}
    return evolve(setup, nodes=Map(nodes))


def _blind_id(event: Event) -> Event:
    text = repr((event.created_at, event.kind, event.tags, event.content))
    return replace(event, id=sha256(text.encode()).hexdigest())


# --- the model -----------------------------------------------------------------------------------


def of_model(world: World, names: Renaming) -> Digest:
    """Of plan and belief, under these names."""
    return _of_plan(world.plan, names) + _of_belief(world.belief, names)


@lru_cache(maxsize=CACHED)
def of_net(net: Net, names: Renaming) -> Digest:
    """Of a net, under these names."""
    new = dict(names)
    return digest(
        sorted((new[node], generation) for node, generation in net.running.items()),
        sorted(new[node] for node in net.down),
        sorted((new[a], new[b]) for a, b in net.cut),
        sorted((new[a], new[b]) for a, b in net.interrupted),
        *([sorted(new[node] for node in net.paused)] if net.paused else ()),
        *_of_deployment(net, new),
        *([("away", sorted((new[a], new[b]) for a, b in net.away))] if net.away else ()),
        *([sorted((new[a], new[b]) for a, b in net.distrusts)] if net.distrusts else ()),
        *([sorted((new[n], number) for n, number in net.backups.items())] if net.backups else ()),
    )


def _of_deployment(net: Net, new: Mapping[str, str]) -> list[object]:
    if not net.disabled and not net.staged:
        return []
    staged = sorted((new[node], generation) for node, generation in net.staged.items())
    return ["deployment", sorted(new[node] for node in net.disabled), staged]


@lru_cache(maxsize=CACHED)
def _of_plan(plan: Plan, names: Renaming) -> Digest:
    new = dict(names)
    return digest(
        of_net(plan.net, names),
        sorted((new[node], sorted(rows)) for node, rows in plan.known.items()),
        sorted(plan.rows),
        sorted(plan.refs.items()),
        sorted(plan.deleted),
        # Texts and numbers have no common order, and need none.
        sorted(map(repr, plan.tokens)),
        sorted(map(repr, plan.amounts)),
        *([sorted((new[n], sorted(rows)) for n, rows in plan.saved.items())] if plan.saved else ()),
        *(["purged"] if plan.purged else ()),
    )


def _of_belief(belief: Belief, names: Renaming) -> Digest:
    rows = sorted((name, _of_row(row, names)) for name, row in belief.rows.items())
    return digest(of_net(belief.net, names), rows)


@lru_cache(maxsize=CACHED)
def _of_row(row: RowBelief, names: Renaming) -> Digest:
    new, order = dict(names), row.order
    return digest(
        [(new[version.node], version.value, version.sure) for version in row.versions],
        _sorted(order.parents),
        sorted(order.seen),
        sorted((loser, sorted(winners)) for loser, winners in order.among),
        sorted(order.loose),
        sorted((new[node], sorted(known)) for node, known in row.must.items()),
        sorted((new[node], sorted(known)) for node, known in row.may.items()),
        _sorted(row.grounds),
        sorted(row.pending),
        sorted(row.waiting),
        sorted(row.gone),
        sorted((new[node], _sorted(beaten)) for node, beaten in row.beaten.items()),
        sorted((new[node], sorted(known)) for node, known in row.told.items()),
        *([sorted((new[n], sorted(known)) for n, known in row.kept.items())] if row.kept else ()),
        *([sorted(order.beside)] if order.beside else ()),
        *([_copies(row, new)] if row.saved else ()),
    )


def _copies(row: RowBelief, new: dict[str, str]) -> list[tuple[object, ...]]:
    return sorted(
        (new[node], sorted(copy.must), sorted(copy.may), sorted(copy.told))
        for node, copy in row.saved.items()
    )


def _sorted(versions: Map[int, frozenset[int]]) -> list[tuple[int, list[int]]]:
    return sorted((number, sorted(others)) for number, others in versions.items())


# --- the virtual world ---------------------------------------------------------------------------


def of_form(form: Form, names: Renaming) -> Digest:
    """Of a virtual world's canonical form, under these names."""
    return digest(form if all(old == new for old, new in names) else _renamed_form(form, names))


def _renamed_form(form: Form, names: Renaming) -> Form:
    """The canonical form of the renamed world: whatever was sorted is sorted again."""
    machines, wires, cut, hung, still, ticks = form
    words = dict(names) | {pubkey(old): pubkey(new) for old, new in names}
    place = {old: number for number, (old, _) in enumerate(names)}
    conns = [place[dict(names)[old]] for old, _ in names]
    moved = dict(zip(conns, (_machine(one, words, conns) for one in machines), strict=True))
    return (
        tuple(moved[place] for place in sorted(moved)),
        tuple(sorted(_renamed(wires, words), key=itemgetter(0))),
        tuple(sorted(_renamed(cut, words))),
        tuple(sorted(_renamed(hung, words))),
        tuple(sorted(_renamed(still, words))),
        ticks,
    )


def _renamed(value: Any, words: dict[str, str]) -> Any:
    """Every name and key in a nest of tuples replaced."""
    if isinstance(value, str):
        return words.get(value, value)
    if isinstance(value, tuple):
        return tuple([_renamed(one, words) for one in value])
    return value


def _machine(machine: Form, words: dict[str, str], conns: list[int]) -> Form:
    *plain, copy, disk, pending, state = machine
    if copy is not None:
        *front, copied = copy
        copy = (*front, _disk(copied, words))
    if disk is not None:
        disk = _disk(disk, words)
    if state is not None:
        *front, links, subscriptions, trusted, inactive = _renamed(state, words)
        follows = _in_order(
            ((conns[conn], sub), asks, peer) for (conn, sub), asks, peer in subscriptions
        )
        links = tuple(sorted(links, key=itemgetter(0)))
        state = (*front, links, follows, _in_order(trusted), _in_order(inactive))
    return (*plain, copy, disk, _renamed(pending, words), state)


def _disk(disk: Form, words: dict[str, str]) -> Form:
    position, entries, cursors, trusted, inactive = _renamed(disk, words)
    return (position, entries, _in_order(cursors), _in_order(trusted), _in_order(inactive))


def _in_order(values: Iterable[Any]) -> Form:
    return tuple(sorted(values))
