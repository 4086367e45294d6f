"""Runs of any schema, with names and texts of any kind, for property tests."""

from __future__ import annotations

from typing import TypeVar

from attrs import evolve
from hypothesis import strategies as st

from syncmodel.corpus.budgets import wrong_id
from syncmodel.engine.rename import Names, renamed, tidy_names
from syncmodel.engine.script import Script
from syncmodel.model import words
from syncmodel.model.columns import Counter, Integer, OnDelete, Ref, Token
from syncmodel.model.net import fully_connected
from syncmodel.model.plan import Plan
from syncmodel.model.schema import Schema, Table
from syncmodel.steps import Burst, Concurrently, Step, vocabulary
from syncmodel.steps.scope import Scope
from syncmodel.targets.wire import SUPERTEST

#: Three tables, chained by references that stand anywhere; one generation.
SHOP = Schema(
    Table("shops", Token("name"), Integer("floors", default=3)),
    Table("shelves", Counter("items"), Token("label", default=None), Ref("shop", "shops")),
    Table(
        "goods",
        Ref("shelf", "shelves", on_delete=OnDelete.CASCADE),
        Integer("price"),
        Ref("like", "shops", on_delete=OnDelete.NOTHING),
    ),
)
SCHEMAS = (SUPERTEST, SHOP)
Value = TypeVar("Value")
#: What is hard on a file, a terminal or a shell, and anything else.
TEXTS = st.one_of(
    st.sampled_from(sorted(words.LOOKS)).map(lambda look: words.LOOKS[look]("w")), st.text()
)


@st.composite
def scripts(draw: st.DrawFn, schema: Schema | None = None) -> Script:
    """A run of steps that can be taken on up to three nodes, with tidy names of rows and values."""
    schema = draw(st.sampled_from(SCHEMAS)) if schema is None else schema
    net = fully_connected(schema, draw(st.integers(1, 3)))
    plan, steps = Plan(net), list[Step]()
    scope = Scope.of(schema, vocabulary())
    for _ in range(draw(st.integers(0, 8))):
        step = draw(_enabled(plan, scope))
        if step is not None:
            steps.append(step)
            plan = step.advance(plan)
    script = Script(net, tuple(steps))
    return renamed(script, evolve(tidy_names(script), nodes={}))


@st.composite
def _enabled(draw: st.DrawFn, plan: Plan, scope: Scope) -> Step | None:
    """A step that can be taken, at times with another one in a burst or at the same time."""
    first = draw(_single(plan, scope))
    if first is None or draw(st.booleans()):
        return first
    after = first.advance(plan)
    second = draw(_single(after, scope))
    if second is None:
        return first
    kinds = [kind((first, second)) for kind in (Burst, Concurrently)]
    return draw(st.sampled_from([*(one for one in kinds if one.enabled(plan)), first]))


@st.composite
def _single(draw: st.DrawFn, plan: Plan, scope: Scope) -> Step | None:
    kinds = draw(st.permutations(sorted(vocabulary())))
    for op in kinds:
        choices = [s for s in vocabulary()[op].choices(plan, scope) if s.enabled(plan)]
        if choices:
            return draw(st.sampled_from(choices))
    return None


@st.composite
def dressings(draw: st.DrawFn, script: Script) -> Names:
    """Other names for all of a run's rows, tokens and amounts: any texts, any numbers."""
    tidy = tidy_names(script)
    ids = TEXTS.filter(lambda text: not wrong_id(text, words.IDS))
    rows = draw(_distinct(ids, len(tidy.rows)))
    texts = draw(_distinct(TEXTS, len(tidy.tokens)))
    numbers = draw(_distinct(st.integers(), len(tidy.tokens)))
    amounts = draw(_distinct(st.integers(0, 39).map(lambda k: 2**k), len(tidy.amounts)))
    return Names(
        rows=dict(zip(tidy.rows, rows, strict=True)),
        tokens={
            old: texts[i] if isinstance(old, str) else numbers[i]
            for i, old in enumerate(tidy.tokens)
        },
        amounts=dict(zip(tidy.amounts, amounts, strict=True)),
    )


def _distinct(values: st.SearchStrategy[Value], count: int) -> st.SearchStrategy[list[Value]]:
    return st.lists(values, min_size=count, max_size=count, unique=True)
