"""The comparison of the control plane of nodes that run: generations, plugin, health, members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from immutables import Map
from msgspec.structs import replace

from syncmodel.model.belief import Belief
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.members import Difference, Keys, differences, disputed_keys, moved
from syncmodel.model.net import NOBODY, Net, only
from syncmodel.model.schema import Schema
from syncmodel.model.spreading import KEPT
from syncmodel.model.view import ControlView


def compare_control(
    belief: Belief,
    seen: Mapping[str, ControlView],
    before: Mapping[str, ControlView] | None = None,
) -> None:
    """Raise `DivergenceFound` where a node's control plane is not as its generation has it.

    A node is healthy that runs what it will boot. Health is judged only where no link is cut and
    every node is up: a node may call a cluster unhealthy that is. `before` is what was seen when
    the run began: addresses stay.
    """
    if not seen:
        return
    net, first = belief.net, {} if before is None else before
    told, whole = _told(net), not net.cut and not net.still
    disputed = disputed_keys(one.members for one in seen.values() if one.members is not None)
    found = []
    for node, control in seen.items():
        selected, generation = net.selected(node), net.running[node]
        wanted = _wanted(net.schema, selected, generation, net.has_tables(node))
        earlier = first.get(node)
        judge = _known if _are_values(control, earlier) else _judged
        for what, expected, shown in judge(
            node, control, earlier, wanted, told, whole=whole, disputed=disputed
        ):
            words = _said(what, expected), _said(what, shown)
            found.append(Divergence(Kind.CONTROL_PLANE, node, None, *words))
    if found:
        raise DivergenceFound(tuple(found))


def _judged(
    node: str,
    control: ControlView,
    before: ControlView | None,
    wanted: ControlView,
    told: Net,
    *,
    whole: bool,
    disputed: Keys,
) -> tuple[Difference, ...]:
    """Where one node is not as it should be; it follows from these alone."""
    found = _differences(wanted, control, whole=whole)
    if control.members is not None:
        found += differences(told, node, control.members, disputed)
        if before is not None and before.members is not None:
            found += moved(before.members, control.members)
    return tuple(found)


#: The same: nodes say what they said before, nearly always, and a view knows its hash.
_known = lru_cache(maxsize=KEPT)(_judged)


def _are_values(*views: ControlView | None) -> bool:
    """Whether they can be looked up: a target of somebody else's may put lists into a view."""
    try:
        hash(views)
    except TypeError:
        return False
    return True


@lru_cache(maxsize=KEPT)
def _told(net: Net) -> Net:
    """The net as far as nodes list it: whom they hold for a member, and whom they trust."""
    down = net.still if net.away else NOBODY
    told = Net(net.schema, net.nodes, Map(), down=down, away=net.away, distrusts=net.distrusts)
    return only(told)


def _said(what: str, value: object) -> str:
    """A fact in words."""
    if isinstance(value, tuple):
        return f"{what} {', '.join(map(str, value))}" if value else f"no {what}"
    return f"no {what}" if value is None else f"{what} {value}"


def _columns(there: Sequence[str], absent: Sequence[str]) -> str:
    """Which columns there are, and which are not."""
    parts = (("with", there), ("without", absent))
    return ", ".join(f"{word} {' and '.join(names)}" for word, names in parts if names)


def _health(healthy: bool) -> str:
    return "healthy" if healthy else "unhealthy"


def _differences(wanted: ControlView, control: ControlView, *, whole: bool) -> list[Difference]:
    if replace(control, members=None) == wanted:
        return []  # As nearly always: the facts are compared at once.
    stored = wanted.stored if control.stored is None else control.stored
    columns = frozenset(wanted.columns or ())
    shown = columns if control.columns is None else frozenset(control.columns)
    lost, spare = (sorted(one) for one in (columns - shown, shown - columns))
    health = _health(wanted.healthy)
    facts: list[tuple[str, str, object, object]] = [
        ("selected", "selected generation", wanted.selected, control.selected),
        ("running", "running generation", wanted.running, control.running),
        ("links", "generation links (selected, running)", wanted.links, control.links),
        ("plugin", "plugin version", wanted.plugin, control.plugin),
        ("tables", "tables", wanted.tables, control.tables),
        ("columns", "columns", _columns(lost, spare), _columns(spare, lost)),
        ("stored", "tables in the store", wanted.stored, stored),
        ("contradictions", "contradiction", (), control.contradictions),
        ("healthy", "health", health, _health(control.healthy) if whole else health),
    ]
    return [
        (what, expected, said)
        for name, what, expected, said in facts
        if expected != said and name not in control.unseen
    ]


@lru_cache(maxsize=256)
def _wanted(schema: Schema, selected: int, running: int, has_tables: bool) -> ControlView:
    """What a healthy node says of itself that runs and will boot these generations, if all of it
    can be seen; but for its members."""
    tables, plugin = tuple(sorted(schema.by_name)), schema.deployment[running]
    return ControlView(
        selected,
        running,
        (selected, running),
        plugin,
        () if plugin is None else tables,
        healthy=selected == running,
        stored=tables if has_tables else (),
        columns=schema.columns[running],
    )
