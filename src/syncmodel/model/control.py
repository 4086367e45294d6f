"""The comparison of the control plane: generations, plugin and health of every node that runs."""

from __future__ import annotations

from collections.abc import Mapping

from syncmodel.model.belief import Belief
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.view import ControlView


def compare_control(belief: Belief, seen: Mapping[str, ControlView]) -> None:
    """Raise `DivergenceFound` where a node's control plane is not as its generation has it.

    Health is held against "healthy" only where no link is cut and every node is up: a node may
    call a cluster unhealthy that is.
    """
    found = [
        Divergence(Kind.CONTROL_PLANE, node, None, f"{what} {expected}", f"{what} {shown}")
        for node, control in seen.items()
        for what, expected, shown in _differences(belief, node, control)
    ]
    if found:
        raise DivergenceFound(tuple(found))


def _differences(
    belief: Belief, node: str, control: ControlView
) -> list[tuple[str, object, object]]:
    net = belief.net
    generation, plugin = net.running[node], net.plugin(node)
    tables = tuple(sorted(net.schema.by_name))
    expected = tables if plugin is not None else ()
    whole = not net.cut and not net.still
    stored = expected if control.stored is None else control.stored
    facts: list[tuple[str, str, object, object]] = [
        ("selected", "selected generation", generation, control.selected),
        ("running", "running generation", generation, control.running),
        ("links", "generation links (selected, running)", (generation,) * 2, control.links),
        ("plugin", "plugin version", plugin, control.plugin),
        ("tables", "tables", expected, control.tables),
        ("stored", "tables in the store", expected, stored),
        ("healthy", "healthy", True, control.healthy or not whole),
    ]
    return [
        (what, wanted, shown)
        for name, what, wanted, shown in facts
        if wanted != shown and name not in control.unseen
    ]
