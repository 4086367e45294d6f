"""How the ids and texts of a sequence look: plain, mostly; else in one of the ways that hurt.

See `syncmodel.model.words` for the looks, and a schema's `ids` and `texts` for those that a system
takes.
"""

from __future__ import annotations

from functools import lru_cache
from random import Random

from attrs import evolve, frozen
from hypothesis import strategies as st

from syncmodel.model import words
from syncmodel.model.columns import Token
from syncmodel.model.schema import Schema
from syncmodel.steps import Create, Data, Set
from syncmodel.steps.scope import Scope

#: Of so many sequences one has ids of another look, and one has texts of another look.
PLAIN = 8
#: Of the sequences with texts of another look one in so many has long ones, which cost time.
LONG = 12


@frozen
class Looks:
    """The look of a sequence's ids and of its texts; "" for plain ones."""

    ids: str = ""
    texts: str = ""

    def scope(self, scope: Scope) -> Scope:
        """The scope with ids of that look."""
        return _with_ids(scope, self.ids) if self.ids else scope

    def step(self, step: Data, schema: Schema, rng: Random) -> Data:
        """The write, with texts of that look, one in two."""
        if not self.texts:
            return step
        look, table = words.LOOKS[self.texts], schema.by_name[step.table]
        if isinstance(step, Set) and isinstance(table.by_name[step.column], Token):
            return evolve(step, value=look(str(step.value))) if rng.random() < 0.5 else step
        if isinstance(step, Create):
            values = tuple(
                (name, look(str(value)))
                if isinstance(table.by_name[name], Token) and rng.random() < 0.5
                else (name, value)
                for name, value in step.values
            )
            return evolve(step, values=values)
        return step


@lru_cache(maxsize=64)
def _with_ids(scope: Scope, look: str) -> Scope:
    rows = {table: words.dressed(names, look) for table, names in scope.rows.items()}
    return evolve(scope, rows=rows)


def draw_looks(schema: Schema, rng: Random) -> Looks:
    """The looks of one sequence."""
    ids, texts = sorted(schema.ids), sorted(schema.texts & words.LOOKS.keys())
    if "long" in texts and rng.random() * LONG > 1:
        texts.remove("long")
    return Looks(
        ids=rng.choice(ids) if ids and rng.random() * PLAIN < 1 else "",
        texts=rng.choice(texts) if texts and rng.random() * PLAIN < 1 else "",
    )


def looks(schema: Schema) -> st.SearchStrategy[Looks]:
    """The looks of one sequence, for a Hypothesis test of yours."""
    return st.randoms(use_true_random=False).map(lambda rng: draw_looks(schema, rng))
