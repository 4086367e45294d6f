"""Names of nodes, rows and values: in order of appearance, and with nodes taken out. Pure.

What a field names follows from the field's own name (`node`, `case`, `title`, ...), so a new kind
of step needs no line here.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from attrs import evolve, field, fields, frozen
from immutables import Map
from msgspec.structs import replace

from syncmodel.engine.script import Script, changed, leaves
from syncmodel.model.net import Net
from syncmodel.steps.base import Step

#: What the fields of a step hold, by the name of the field.
NODE_FIELDS = ("node", "from_node", "to_node", "peer")
KINDS = {
    **dict.fromkeys(NODE_FIELDS, "nodes"),
    "on": "nodes",
    "groups": "nodes",
    "case": "cases",
    "event": "events",
    "title": "titles",
    "body": "bodies",
    "by": "amounts",
}
Name = TypeVar("Name", bound=Hashable)


@frozen
class Names:
    """Old name -> new name, of each kind. What is not there keeps its name."""

    nodes: Mapping[Any, Any] = field(factory=dict)
    cases: Mapping[Any, Any] = field(factory=dict)
    events: Mapping[Any, Any] = field(factory=dict)
    titles: Mapping[Any, Any] = field(factory=dict)
    bodies: Mapping[Any, Any] = field(factory=dict)
    amounts: Mapping[Any, Any] = field(factory=dict)

    @property
    def changes(self) -> int:
        """How many names are not yet what they should be."""
        kinds = (getattr(self, each.name) for each in fields(Names))
        return sum(old != new for kind in kinds for old, new in kind.items())


def tidy_names(script: Script) -> Names:
    """Each name in order of appearance: n1, c1, e1, t1 (titles), b1 (bodies), 1, 2, 4, ..."""
    found: dict[str, dict[Any, None]] = {kind: {} for kind in set(KINDS.values())}
    for _, step in leaves(script.steps):
        for kind, name in _names_in(step):
            found[kind].setdefault(name)
    nodes = [*found.pop("nodes"), *script.net.nodes]
    amounts = {old: 2**k for k, old in enumerate(found.pop("amounts"))}
    numbered = {
        kind: {old: f"{kind[0]}{i}" for i, old in enumerate(names, 1)}
        for kind, names in found.items()
    }
    in_order = dict(zip(dict.fromkeys(nodes), script.net.nodes, strict=True))
    return Names(nodes=in_order, amounts=amounts, **numbered)


def _names_in(step: Step) -> Iterator[tuple[str, Any]]:
    for each in fields(type(step)):
        value = getattr(step, each.name)
        if isinstance(value, Step):
            yield from _names_in(value)
        elif each.name in KINDS and value is not None:
            yield from ((KINDS[each.name], name) for name in _flat(value))


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple):
        for part in value:
            yield from _flat(part)
    else:
        yield value


def renamed(script: Script, names: Names) -> Script:
    """The script with these names; nodes change places, and their generations with them."""
    return Script(_renamed_net(script.net, names.nodes), renamed_steps(script.steps, names))


def renamed_steps(steps: Sequence[Step], names: Names) -> tuple[Step, ...]:
    """The steps with these names."""
    return changed(steps, lambda _, step: _renamed(step, names))


def _renamed(step: Step, names: Names) -> Step:
    changes: dict[str, Any] = {}
    for each in fields(type(step)):
        value = getattr(step, each.name)
        if isinstance(value, Step):
            changes[each.name] = _renamed(value, names)
        elif each.name in KINDS:
            changes[each.name] = _replaced(value, getattr(names, KINDS[each.name]))
    if "groups" in changes:
        changes["groups"] = _maximal(changes["groups"])
    if "on" in changes:
        changes["on"] = tuple(dict.fromkeys(changes["on"]))
    return evolve(step, **changes)


def _maximal(groups: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """The groups that are no part of another one, in order."""
    sets = {frozenset(group) for group in groups}
    return tuple(sorted(tuple(sorted(g)) for g in sets if not any(g < other for other in sets)))


def _replaced(value: Any, names: Mapping[Any, Any]) -> Any:
    if isinstance(value, tuple):
        return tuple(_replaced(part, names) for part in value)
    return names.get(value, value)


def _renamed_net(net: Net, nodes: Mapping[str, str]) -> Net:
    new = {name: nodes.get(name, name) for name in net.nodes}
    if set(new.values()) != set(net.nodes):
        raise ValueError(f"not one new name for each node: {new}")
    running = Map({new[name]: generation for name, generation in net.running.items()})
    return replace(net, running=running)


def without_node(script: Script, gone: str) -> Script:
    """The script on one node less: what names it goes, and those after it move up."""
    steps = changed(script.steps, lambda _, step: _forgotten(step, gone))
    return _shrunk(script.net, steps, gone)


def merged(script: Script, gone: str, into: str) -> Script:
    """The script on one node less, whose part another one plays as well."""
    onto = Names(nodes={gone: into})
    return _shrunk(script.net, renamed_steps(script.steps, onto), gone)


def _shrunk(net: Net, steps: Sequence[Step], gone: str) -> Script:
    left = [name for name in net.nodes if name != gone]
    new = dict(zip(left, net.nodes, strict=False))
    running = Map({new[name]: net.running[name] for name in left})
    smaller = replace(net, nodes=net.nodes[: len(left)], running=running)
    return Script(smaller, renamed_steps(steps, Names(nodes=new)))


def _forgotten(step: Step, gone: str) -> Step | None:
    """The step without that node, or None if it is about that node."""
    changes: dict[str, Any] = {}
    for each in fields(type(step)):
        value = getattr(step, each.name)
        if isinstance(value, Step):
            value = _forgotten(value, gone)
        elif each.name in NODE_FIELDS:
            value = None if value == gone else value
        elif each.name == "on":
            value = tuple(node for node in value if node != gone) or None
        elif each.name == "groups":
            groups = (tuple(node for node in group if node != gone) for group in value)
            value = tuple(group for group in groups if group) or None
        else:
            continue
        if value is None:
            return None
        changes[each.name] = value
    return evolve(step, **changes)
