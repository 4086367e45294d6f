"""Whether views are well formed: what can be wrong with them whatever was written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from functools import lru_cache
from itertools import chain

from attrs import define, field

from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.nearly import differing
from syncmodel.model.net import Net
from syncmodel.model.registers import MANY
from syncmodel.model.schema import Schema
from syncmodel.model.values import Row
from syncmodel.model.view import View


def check_form(net: Net, seen: Mapping[str, View]) -> None:
    """Raises `DivergenceFound` for views that are wrong whatever was written."""
    schema = net.schema
    # Nodes that agree show one view.
    shown = {(net.plugin(node) or 0, id(view)): view for node, view in seen.items()}
    for (version, _), view in shown.items():
        if not _well_formed(schema, version, view):
            found = (
                _ill_formed(schema, net.plugin(node) or 0, node, view)
                for node, view in seen.items()
            )
            raise DivergenceFound(tuple(chain.from_iterable(found)))


# Nodes that agree show equal views, and mostly those that they showed before. This follows from the
# view alone, so it is found once for all of them.


def _well_formed(schema: Schema, version: int, view: View) -> bool:
    # To find a long one among those that were looked at takes longer than to look at it again.
    look = _is_well_formed.__wrapped__ if len(view.rows) >= MANY else _is_well_formed
    return look(schema, version, view)


@lru_cache(maxsize=256)
def _is_well_formed(schema: Schema, version: int, view: View) -> bool:
    last = _last_well_formed(schema, version)
    if last.view is view:
        return True
    gone, came = differing(last.view.rows, view.rows)
    names = [row for row, _ in came]
    lost = {row for row, _ in gone}.difference(names)
    again = last.there.intersection(names).difference(row for row, _ in gone)
    if lost or again or len(set(names)) < len(names):
        wrong = _ill_formed(schema, version, "any node", view)
        there = {row for row, _ in view.rows}
    else:
        # Nothing went away that others refer to: only what is new has to be looked at.
        last.there.update(names)
        there = last.there
        wrong = _ill_formed(schema, version, "any node", View(came), there)
        if wrong:
            there.difference_update(set(names).difference(row for row, _ in gone))
    if not wrong:
        last.view, last.there = view, there
    return not wrong


@define
class _Last:
    """The last view that was well formed, and its rows: mostly the next one is nearly the same."""

    view: View = View()
    there: set[Row] = field(factory=set)


@lru_cache(maxsize=16)
def _last_well_formed(schema: Schema, version: int) -> _Last:  # noqa: ARG001 (each has its own)
    return _Last()


def _ill_formed(
    schema: Schema,
    version: int,
    node: str,
    view: View,
    shown: Collection[Row] | None = None,
) -> list[Divergence]:
    """What is wrong with one view, or a part of what is `shown`, whatever was written."""
    found = []
    rows = [row for row, _ in view.rows]
    there = set(rows) if shown is None else shown
    for row in _twice(rows) if len(there) < len(rows) else ():
        words = " and ".join(str(value) for other, value in view.rows if other == row)
        found.append(Divergence(Kind.DUPLICATED, node, row, "the row once at most", words))
    shapes = {name: table.shown(version) for name, table in schema.by_name.items()}
    for row, value in view.rows:
        columns = shapes[row.table]
        if value.columns != columns:
            expected = f"the columns of version {version}: {', '.join(columns)}"
            found.append(Divergence(Kind.CONTROL_PLANE, node, row, expected, str(value)))
            continue
        for bound in schema.bound_to(row, value.cells) if schema.binding[row.table] else ():
            if bound not in there:
                expected = f"hidden, as {bound} is"
                found.append(Divergence(Kind.ORPHAN, node, row, expected, str(value)))
    return found


def _twice(rows: list[Row]) -> list[Row]:
    """The rows that are there more than once, in order."""
    return sorted(row for row, times in Counter(rows).items() if times > 1)
