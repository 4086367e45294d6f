"""The comparison of the control plane of nodes that run: generations, plugin, health, members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from msgspec.structs import replace

from syncmodel.model.belief import Belief
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.members import differences, keys_of, moved
from syncmodel.model.net import Net
from syncmodel.model.schema import Schema
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
    keys = keys_of(one.members for one in seen.values() if one.members is not None)
    found = [
        Divergence(Kind.CONTROL_PLANE, node, None, _said(what, expected), _said(what, shown))
        for node, control in seen.items()
        for what, expected, shown in (
            *_differences(net, node, control),
            *_of_members(net, node, control, keys, first.get(node)),
        )
    ]
    if found:
        raise DivergenceFound(tuple(found))


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


def _differences(net: Net, node: str, control: ControlView) -> list[tuple[str, object, object]]:
    selected, generation = net.selected(node), net.running[node]
    wanted = _wanted(net.schema, selected, generation, net.has_tables(node))
    if replace(control, members=None) == wanted:
        return []  # As nearly always: the facts are compared at once.
    whole = not net.cut and not net.still
    stored = wanted.stored if control.stored is None else control.stored
    columns = frozenset(wanted.columns or ())
    shown = columns if control.columns is None else frozenset(control.columns)
    lost, spare = (sorted(one) for one in (columns - shown, shown - columns))
    health = _health(wanted.healthy)
    facts: list[tuple[str, str, object, object]] = [
        ("selected", "selected generation", selected, control.selected),
        ("running", "running generation", generation, control.running),
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


def _of_members(
    net: Net,
    node: str,
    control: ControlView,
    keys: Mapping[str, frozenset[str]],
    before: ControlView | None,
) -> list[tuple[str, object, object]]:
    seen = control.members
    if seen is None:
        return []
    found = [*differences(net, node, seen, keys)]
    if before is not None and before.members is not None:
        found += moved(before.members, seen)
    return found
