"""Files keep every run exactly, whatever its names and texts are; and print nothing raw."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, get_type_hints

import pytest
from any_runs import SCHEMAS, SHOP, TEXTS, dressings, scripts
from attrs import evolve, fields
from hypothesis import given, settings
from hypothesis import strategies as st

from syncmodel.corpus import Reproduction, file_name, nodes_of, to_text
from syncmodel.corpus.fields import to_json
from syncmodel.corpus.reading import read
from syncmodel.engine.rename import renamed
from syncmodel.errors import FormatError
from syncmodel.model.schema import Schema
from syncmodel.model.values import Scalar
from syncmodel.report.story import story
from syncmodel.steps import Data, Step, dump, load, vocabulary
from syncmodel.steps.data import Given
from syncmodel.targets import registry

EMBEDDED = registry.get("embedded")
KINDS = {
    schema: evolve(EMBEDDED, name=name, schema=schema)
    for schema, name in zip(SCHEMAS, ("embedded", "shops:Shops"), strict=True)
}


@pytest.mark.slow
@given(data=st.data(), title=TEXTS.filter(str.strip))
def test_a_file_keeps_the_run(data: st.DataObject, title: str) -> None:
    plain = data.draw(scripts())
    script = renamed(plain, data.draw(dressings(plain)))
    kind = KINDS[script.net.schema]
    run = Reproduction(title, nodes_of(script.net), script.steps, system=kind)
    text = to_text(run)
    assert read(text.encode(), "file", kind) == run
    for line in (*text.splitlines(), *story(run).split("\n")):
        assert line.isprintable()
    assert set(file_name(run)) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")


def arguments(schema: Schema, cls: type[Step]) -> dict[str, st.SearchStrategy[Any]]:
    """What the fields of a kind of step may hold, enabled somewhere or nowhere."""
    names = TEXTS | st.sampled_from(["n1", "n2"])
    scalars = st.none() | st.integers() | TEXTS
    columns = st.sampled_from([name for t in schema.tables for name in t.by_name]) | TEXTS
    by_type: dict[Any, st.SearchStrategy[Any]] = {
        str: names,
        str | None: st.none() | names,
        int: st.integers(),
        bool: st.booleans(),
        Scalar: scalars,
        Given: st.dictionaries(columns, scalars, max_size=3).map(lambda d: tuple(d.items())),
        tuple[str, ...]: st.lists(names, max_size=3).map(tuple),
        tuple[tuple[str, ...], ...]: st.lists(st.lists(names).map(tuple), max_size=2).map(tuple),
    }
    by_name = {"table": st.sampled_from(sorted(schema.by_name)) | TEXTS, "column": columns}
    hints = get_type_hints(cls)
    simple = {
        each.name: by_name.get(each.name, by_type.get(hints[each.name], st.nothing()))
        for each in fields(cls)
    }
    nested = {
        tuple[Step, ...]: st.lists(any_step(schema), max_size=3).map(tuple),
        Data: any_step(schema, only_data=True),
    }
    return {name: nested.get(hints[name], values) for name, values in simple.items()}


# A strategy is made once: to make it takes longer than to draw.
@cache
def any_step(schema: Schema, only_data: bool = False) -> st.SearchStrategy[Step]:
    """Steps that hold no others."""
    kinds = [
        op
        for op, cls in sorted(vocabulary().items())
        if (not only_data or issubclass(cls, Data))
        and op not in ("burst", "concurrently", "refused")
    ]
    return st.sampled_from(kinds).flatmap(lambda op: steps_of(schema, op))


@cache
def steps_of(schema: Schema, op: str) -> st.SearchStrategy[Step]:
    """Any of that kind."""
    cls = vocabulary()[op]
    return st.builds(cls, **arguments(schema, cls))


@pytest.mark.parametrize("schema", SCHEMAS, ids=["cases", "shops"])
@pytest.mark.parametrize("op", sorted(vocabulary()))
@settings(max_examples=25)
@given(data=st.data())
def test_the_form_of_a_step_keeps_it(op: str, schema: Schema, data: st.DataObject) -> None:
    step = data.draw(steps_of(schema, op))
    text = to_json(dump(step))
    assert text.isprintable()
    assert load(json.loads(text)) == step


@given(data=st.data())
def test_any_steps_are_read_or_refused_in_one_sentence(data: st.DataObject) -> None:
    schema = data.draw(st.sampled_from(SCHEMAS))
    steps = st.sampled_from(sorted(vocabulary())).flatmap(lambda op: steps_of(schema, op))
    drawn = tuple(data.draw(st.lists(steps, max_size=3)))
    run = Reproduction("x", {"n1": schema.usual, "n2": schema.usual}, drawn, system=KINDS[schema])
    try:
        found: Reproduction | str = read(to_text(run).encode(), "file", KINDS[schema])
    except FormatError as error:
        found = str(error)
    assert found == run or (isinstance(found, str) and found.isprintable() and len(found) < 1_000)


def test_no_word_of_generations_where_there_is_but_one() -> None:
    run = Reproduction("x", {"n1": 1, "n2": 1}, (), system=KINDS[SHOP])
    assert story(run) == "x\n\nNodes n1, n2:"
