"""How small a world is: the names and shapes that generated steps are made of.

One scope serves random exploration and exhaustive search, so both draw from the same steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from attrs import evolve, field, frozen
from immutables import Map

from syncmodel.model.schema import Schema

Groups = tuple[tuple[str, ...], ...]
#: Why a bad request may have to be refused: see `steps.compound.PROOFS`.
REFUSALS = (
    "unreachable",
    "no_plugin",
    "read_only",
    "no_such_row",
    "missing_reference",
    "malformed",
)
#: How many rows are made at once: more than a hundred mostly, else more than a page.
FILLS = (*(20,) * 4, *(101,) * 15, 250)
#: The default number of rows of each table: few, so that steps meet on them.
ROWS = 2


def _rows(value: Mapping[str, tuple[str, ...]]) -> Map[str, tuple[str, ...]]:
    return Map(value)


@frozen(cache_hash=True)
class Scope:
    """`ops` are the steps that may be generated at all, `rows` the ids of each table.

    `rollback_to` and `rollout_to` are the generations that deployments may aim at; `texts` is how
    texts look, "" for plain ones (see `model.words`); `refusals` are the reasons of bad requests;
    `fills` says how many rows are made at once.
    """

    ops: frozenset[str]
    rows: Map[str, tuple[str, ...]] = field(converter=_rows)
    rollback_to: tuple[int, ...] = ()
    rollout_to: tuple[int, ...] = ()
    texts: str = ""
    refusals: tuple[str, ...] = REFUSALS
    fills: tuple[int, ...] = FILLS

    @classmethod
    def of(cls, schema: Schema, ops: Iterable[str], rows: Mapping[str, int] | None = None) -> Scope:
        """The scope of a schema: this many `rows` of each table (`ROWS` where it says nothing)."""
        counts = rows or {}
        names = {t.name: schema.names(t.name, counts.get(t.name, ROWS)) for t in schema.tables}
        numbers = range(1, len(schema.generations) + 1)
        return cls(
            ops=frozenset(ops),
            rows=names,
            rollback_to=tuple(numbers[:-1]),
            rollout_to=tuple(n for n in numbers if schema.deployment[n] is not None),
        )

    def names(self, table: str) -> tuple[str, ...]:
        """The ids of a table."""
        return self.rows.get(table, ())

    def without(self, *ops: str) -> Scope:
        """The same world with fewer kinds of steps."""
        return _without(self, ops)


@lru_cache(maxsize=64)
def _without(scope: Scope, ops: tuple[str, ...]) -> Scope:
    return evolve(scope, ops=scope.ops - set(ops))


@lru_cache(maxsize=64)
def shapes(nodes: tuple[str, ...]) -> tuple[Groups, ...]:
    """Partitions worth trying: one node alone, halves, a bridge, a ring, every node alone."""
    found: list[Groups] = [((node,), tuple(n for n in nodes if n != node)) for node in nodes]
    if len(nodes) > 3:
        half = len(nodes) // 2
        found.append((nodes[:half], nodes[half:]))
        found += [
            tuple((a, b) for a, b in zip(nodes, (*nodes[1:], nodes[0]), strict=True)),
        ]
    if len(nodes) > 2:
        for bridge in nodes:
            rest = tuple(n for n in nodes if n != bridge)
            half = len(rest) // 2
            found.append(((*rest[:half], bridge), (bridge, *rest[half:])))
        found.append(tuple((node,) for node in nodes))
    return tuple(dict.fromkeys(found))
