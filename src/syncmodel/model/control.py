"""The comparison of the control plane of nodes that run: generations, plugin, health, members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from syncmodel.model.belief import Belief
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.members import differences, keys_of, moved
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
    keys = keys_of(one.members for one in seen.values() if one.members is not None)
    found = [
        Divergence(Kind.CONTROL_PLANE, node, None, _said(what, expected), _said(what, shown))
        for node, control in seen.items()
        for what, expected, shown in (
            *_differences(belief, node, control),
            *_of_members(belief, node, control, keys, None if before is None else before.get(node)),
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


def _differences(
    belief: Belief, node: str, control: ControlView
) -> list[tuple[str, object, object]]:
    net = belief.net
    generation, plugin = net.running[node], net.plugin(node)
    tables = tuple(sorted(net.schema.by_name))
    expected = tables if plugin is not None else ()
    kept = tables if net.has_tables(node) else ()
    selected = net.selected(node)
    whole = not net.cut and not net.still
    stored = kept if control.stored is None else control.stored
    healthy = selected == generation
    columns = frozenset(net.schema.columns[generation])
    shown = columns if control.columns is None else frozenset(control.columns)
    lost, spare = (sorted(one) for one in (columns - shown, shown - columns))
    facts: list[tuple[str, str, object, object]] = [
        ("selected", "selected generation", selected, control.selected),
        ("running", "running generation", generation, control.running),
        ("links", "generation links (selected, running)", (selected, generation), control.links),
        ("plugin", "plugin version", plugin, control.plugin),
        ("tables", "tables", expected, control.tables),
        ("columns", "columns", _columns(lost, spare), _columns(spare, lost)),
        ("stored", "tables in the store", kept, stored),
        ("contradictions", "contradiction", (), control.contradictions),
        ("healthy", "health", _health(healthy), _health(control.healthy if whole else healthy)),
    ]
    return [
        (what, wanted, shown)
        for name, what, wanted, shown in facts
        if wanted != shown and name not in control.unseen
    ]


def _of_members(
    belief: Belief,
    node: str,
    control: ControlView,
    keys: Mapping[str, frozenset[str]],
    before: ControlView | None,
) -> list[tuple[str, object, object]]:
    seen = control.members
    if seen is None:
        return []
    found = [*differences(belief.net, node, seen, keys)]
    if before is not None and before.members is not None:
        found += moved(before.members, seen)
    return found
