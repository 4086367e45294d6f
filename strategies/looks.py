"""How the ids and texts of a sequence look: mostly plain, else in one of the ways that hurt.

See `syncmodel.model.words` for the looks, and a schema's `ids` and `texts` for those that a system
takes.
"""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import Any, TypeVar

from attrs import evolve, frozen
from hypothesis import strategies as st

from syncmodel.model import words
from syncmodel.model.columns import Token
from syncmodel.model.schema import Schema
from syncmodel.steps import Create, Data, Set
from syncmodel.steps.scope import Scope
from syncmodel.strategies.inside import Picked

#: One in this many sequences has ids of another look, and one has texts of another look.
PLAIN = 8
#: Of the sequences with texts of another look, one in this many has long ones, which cost time.
LONG = 12


@frozen
class Looks:
    """The look of a sequence's ids and of its texts; "" for plain ones."""

    ids: str = ""
    texts: str = ""

    def scope(self, scope: Scope) -> Scope:
        """The scope with ids and texts that look so."""
        return _looking(scope, self) if self != PLAIN_LOOKS else scope


PLAIN_LOOKS = Looks()
S = TypeVar("S", bound=Data)


def dressed(step: S, schema: Schema, look: str, rng: Random) -> S:
    """The write with texts of that look, one in two."""
    table, dress = schema.by_name[step.table], words.LOOKS[look]
    if isinstance(step, Set) and isinstance(table.by_name[step.column], Token):
        return evolve(step, value=dress(str(step.value))) if rng.random() < 0.5 else step
    if isinstance(step, Create):
        values = tuple(
            (name, dress(str(value)))
            if isinstance(table.by_name[name], Token) and rng.random() < 0.5
            else (name, value)
            for name, value in step.values
        )
        return evolve(step, values=values)
    return step


@lru_cache(maxsize=64)
def _looking(scope: Scope, looks: Looks) -> Scope:
    if not looks.ids:
        return evolve(scope, texts=looks.texts)
    rows = {table: words.dressed(names, looks.ids) for table, names in scope.rows.items()}
    return evolve(scope, rows=rows, texts=looks.texts)


def draw_looks(schema: Schema, rng: Random) -> Looks:
    """The looks of one sequence."""
    ids = sorted([*schema.ids, *(schema.ids & words.PAIRS.keys())])  # Pairs need two rows.
    texts = sorted(schema.texts & words.LOOKS.keys())
    if "long" in texts and rng.random() * LONG > 1:
        texts.remove("long")
    return Looks(
        ids=rng.choice(ids) if ids and rng.random() * PLAIN < 1 else "",
        texts=rng.choice(texts) if texts and rng.random() * PLAIN < 1 else "",
    )


class _AnyLooks(Picked[Looks]):
    def pick(self, machine: Any, rng: Random) -> Looks:
        return draw_looks(machine.schema, rng)

    def __repr__(self) -> str:
        return "any_looks()"


def any_looks() -> st.SearchStrategy[Looks]:
    """The looks of one sequence, such as the machine's system takes."""
    return _AnyLooks()
