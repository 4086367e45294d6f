"""Names of nodes, rows and values: in order of appearance, and with nodes taken out. Pure.

What a field holds follows from its own name: `node` and its like, `row` with `table`, `values`,
`refs`, `value` with `column`, `by`. So a new kind of step with such fields needs no line here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from attrs import evolve, field, fields, frozen
from immutables import Map
from msgspec.structs import replace

from syncmodel.engine.script import Script, changed, leaves
from syncmodel.model.columns import Column, Ref
from syncmodel.model.net import Net
from syncmodel.model.schema import Schema, Table
from syncmodel.model.values import Row, Scalar
from syncmodel.steps.base import Step
from syncmodel.steps.fill import Fill

NODE_FIELDS = ("node", "from_node", "to_node", "peer")
#: The new name for one of a kind of `Names`; a token comes with its column.
New = Callable[[str, Any, Column | None], Any]


@frozen
class Names:
    """Old name -> new name, of each kind. What is not there keeps its name.

    `rows` gives the id of a row; `tokens` are the texts and numbers that writes set, `amounts` what
    they add.
    """

    nodes: Mapping[str, str] = field(factory=dict)
    rows: Mapping[Row, str] = field(factory=dict)
    tokens: Mapping[Scalar, Scalar] = field(factory=dict)
    amounts: Mapping[int, int] = field(factory=dict)

    @property
    def changes(self) -> int:
        """How many names this changes."""
        pairs: tuple[tuple[Scalar, Scalar], ...] = (
            *((row.name, new) for row, new in self.rows.items()),
            *self.nodes.items(),
            *self.tokens.items(),
            *self.amounts.items(),
        )
        return sum(old != new for old, new in pairs)

    def kinds(self) -> Iterator[Names]:
        """One kind of names after the other, alone."""
        yield Names(rows=self.rows)
        yield Names(tokens=self.tokens)
        yield Names(amounts=self.amounts)
        yield Names(nodes=self.nodes)

    def singly(self) -> Iterator[Names]:
        """One name after the other, alone; nodes only change places all together."""
        yield from (Names(rows={old: new}) for old, new in self.rows.items() if old.name != new)
        yield from (Names(tokens={old: new}) for old, new in self.tokens.items() if old != new)
        yield from (Names(amounts={old: new}) for old, new in self.amounts.items() if old != new)

    def new(self, kind: str, old: Any, _column: Column | None = None) -> Any:
        """The new name for a name of that kind."""
        names: Mapping[Any, Any] = getattr(self, kind)
        return names.get(old, old.name if kind == "rows" else old)


class Found:
    """The names that steps have, in order of appearance; each token with its column."""

    def __init__(self) -> None:
        self.nodes: dict[str, None] = {}
        self.rows: dict[Row, None] = {}
        self.tokens: dict[Scalar, Column | None] = {}
        self.amounts: dict[int, None] = {}

    def note(self, kind: str, name: Any, column: Column | None) -> Any:
        """Note a name, which stays as it is."""
        found: dict[Any, Any] = getattr(self, kind)
        found.setdefault(name, column)
        return name.name if kind == "rows" else name

    @classmethod
    def of(cls, script: Script) -> Found:
        """The names of that script."""
        found = cls()
        for _, step in leaves(script.steps):
            _mapped(step, script.net.schema, found.note)
        return found


def tidy_names(script: Script) -> Names:
    """Plain names in order of appearance.

    n1, n2, ... for nodes; for rows the schema's (c1, e1); for tokens what their columns call fresh
    (t1, or 1); 1, 2, 4, ... for amounts. Where some nodes are readers all nodes keep their names,
    which say who is one.
    """
    found, schema = Found.of(script), script.net.schema
    made = _made_at_once(script)
    nodes = script.net.nodes if script.net.readers else (*found.nodes, *script.net.nodes)
    counts = Counter[str]()
    rows = dict[Row, str]()
    for row in (row for row in found.rows if row not in made):
        counts[row.table] += 1
        rows[row] = f"{schema.prefixes[row.table]}{counts[row.table]}"
    return Names(
        nodes=dict(zip(dict.fromkeys(nodes), script.net.nodes, strict=True)),
        rows=rows,
        tokens=_tidy_tokens(found.tokens),
        amounts={old: 2**k for k, old in enumerate(found.amounts)},
    )


def _made_at_once(script: Script) -> frozenset[Row]:
    """The rows of fills, whose names follow from their numbers."""
    fills = (step for _, step in leaves(script.steps) if isinstance(step, Fill))
    return frozenset().union(*(step.keys(script.net.schema) for step in fills))


def _tidy_tokens(found: Mapping[Scalar, Column | None]) -> dict[Scalar, Scalar]:
    """A fresh one of its column for each; texts and numbers are counted separately."""
    tidy = dict[Scalar, Scalar]()
    for old, column in found.items():
        alike = {new for new in tidy.values() if type(new) is type(old)}
        tidy[old] = old if column is None else column.fresh(alike)
    return tidy


def renamed(script: Script, names: Names) -> Script:
    """The script with these names; nodes change places, and their generations with them."""
    net = _renamed_net(script.net, names.nodes)
    return Script(net, renamed_steps(script.steps, names, net.schema))


def renamed_steps(steps: Sequence[Step], names: Names, schema: Schema) -> tuple[Step, ...]:
    """The steps with these names; `schema` says which columns hold ids of rows."""
    return changed(steps, lambda _, step: _mapped(step, schema, names.new))


def _mapped(step: Step, schema: Schema, new: New) -> Step:
    """The step with a new name for each of its names."""
    table = schema.by_name.get(getattr(step, "table", ""))
    changes: dict[str, Any] = {}
    for each in fields(type(step)):
        old = getattr(step, each.name)
        value = _mapped(old, schema, new) if isinstance(old, Step) else old
        if each.name in NODE_FIELDS and old is not None:
            value = new("nodes", old, None)
        elif each.name == "on":
            value = tuple(dict.fromkeys(new("nodes", node, None) for node in old))
        elif each.name == "groups":
            value = _maximal([[new("nodes", node, None) for node in group] for group in old])
        elif table is not None:
            value = _of_row(step, each.name, value, table, new)
        if value != old:
            changes[each.name] = value
    return evolve(step, **changes) if changes else step


def _of_row(step: Step, name: str, old: Any, table: Table, new: New) -> Any:
    """A field of a step about a row of that table."""
    match name:
        case "row" if old is not None:
            return new("rows", Row(table.name, old), None)
        case "refs":
            named = zip(table.refs, old, strict=False)
            return tuple(new("rows", Row(ref.table, one), None) for ref, one in named)
        case "values":
            return tuple((column, _cell(table, column, cell, new)) for column, cell in old)
        case "value":
            return _cell(table, getattr(step, "column", ""), old, new)
        case "by":
            return new("amounts", old, None)
    return old


def _cell(table: Table, column: str, cell: Scalar, new: New) -> Any:
    match table.by_name.get(column):
        case Ref(table=other):
            return new("rows", Row(other, str(cell)), None)
        case Column() as known if cell is not None:
            return new("tokens", cell, known)
    return cell


def _maximal(groups: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """The groups that are no part of another one, in order."""
    sets = {frozenset(group) for group in groups}
    return tuple(sorted(tuple(sorted(g)) for g in sets if not any(g < other for other in sets)))


def _renamed_net(net: Net, nodes: Mapping[str, str]) -> Net:
    new = {name: nodes.get(name, name) for name in net.nodes}
    if set(new.values()) != set(net.nodes):
        raise ValueError(f"not one new name for each node: {new}")
    running = Map({new[name]: generation for name, generation in net.running.items()})
    return replace(net, running=running)


def without_node(script: Script, gone: str) -> Script:
    """The script with one node fewer: what names it goes, and later nodes move up.

    Where some nodes are readers those after it keep their names, which say who is one.
    """
    steps = changed(script.steps, lambda _, step: _forgotten(step, gone))
    return _shrunk(script.net, steps, gone)


def merged(script: Script, gone: str, into: str) -> Script:
    """The script with one node fewer; another node plays its part as well."""
    onto = Names(nodes={gone: into})
    return _shrunk(script.net, renamed_steps(script.steps, onto, script.net.schema), gone)


def _shrunk(net: Net, steps: Sequence[Step], gone: str) -> Script:
    left = tuple(name for name in net.nodes if name != gone)
    new = dict(zip(left, left if net.readers else net.nodes, strict=False))
    running = Map({new[name]: net.running[name] for name in left})
    readers = net.readers - {gone}
    smaller = replace(net, nodes=tuple(new.values()), running=running, readers=readers)
    return Script(smaller, renamed_steps(steps, Names(nodes=new), net.schema))


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
