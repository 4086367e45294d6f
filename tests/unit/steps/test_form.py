"""The JSON form: whatever is written is read again, and what is malformed is one clear error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, get_type_hints

import pytest
from attrs import fields
from hypothesis import given, settings
from hypothesis import strategies as st

from syncmodel.errors import FormatError
from syncmodel.model.values import Scalar
from syncmodel.steps import Burst, Cut, Data, Heal, Rollout, Step, dump, load, load_all, vocabulary
from syncmodel.steps.data import Given

NAMES = st.text(min_size=1, max_size=6)
SCALARS = st.none() | st.integers() | NAMES
PLAIN: Mapping[Any, st.SearchStrategy[Any]] = {
    str: NAMES,
    str | None: st.none() | NAMES,
    int: st.integers(),
    bool: st.booleans(),
    Scalar: SCALARS,
    Given: st.dictionaries(NAMES, SCALARS, max_size=3).map(lambda cells: tuple(cells.items())),
    tuple[str, ...]: st.lists(NAMES, max_size=3).map(tuple),
    tuple[tuple[str, ...], ...]: st.lists(st.lists(NAMES, max_size=3).map(tuple), max_size=3).map(
        tuple
    ),
}
COMPOUND = ("burst", "concurrently", "refused")
SIMPLE = sorted(set(vocabulary()) - set(COMPOUND))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def any_step(op: str) -> st.SearchStrategy[Step]:
    """Steps of this kind with any arguments, enabled somewhere or nowhere."""
    cls = vocabulary()[op]
    hints = get_type_hints(cls)
    nested = {
        tuple[Step, ...]: st.lists(st.deferred(simple_steps), max_size=3).map(tuple),
        Data: st.deferred(data_steps),
    }
    by_type = {**PLAIN, **nested}
    arguments = {field.name: by_type[hints[field.name]] for field in fields(cls)}
    return st.builds(cls, **arguments)


def simple_steps() -> st.SearchStrategy[Step]:
    """No compound among them."""
    return st.one_of([any_step(op) for op in SIMPLE])


def data_steps() -> st.SearchStrategy[Step]:
    """Writes."""
    return st.one_of([any_step(op) for op in SIMPLE if issubclass(vocabulary()[op], Data)])


DELETE = {"op": "delete", "node": "n1", "table": "cases", "row": "c1"}
#: One well-formed example of each kind.
EXAMPLES: dict[str, dict[str, Any]] = {
    "create": {
        "node": "n1",
        "table": "cases",
        "row": "c1",
        "values": {"title": "t1", "stars": 3, "motto": None},
    },
    "set": {"node": "n1", "table": "cases", "row": "c1", "column": "title", "value": "t2"},
    "add": {"node": "n1", "table": "cases", "row": "c1", "column": "counter", "by": 4},
    "delete": {"node": "n1", "table": "cases", "row": "c1"},
    "fill": {"node": "n1", "table": "events", "first": 1001, "rows": 101, "refs": ["c1"]},
    "faulty_rollout": {"node": "n1", "generation": 3, "fault": "disk-full"},
    "faulty_rollback": {"node": "n1", "generation": 1, "fault": "aborted"},
    "disable": {"node": "n1"},
    "uninstall": {"node": "n1", "confirmed": True},
    "select": {"node": "n1", "generation": 3},
    "reboot": {"node": "n1"},
    "read": {"node": "n1", "table": "cases", "row": "c1"},
    "partition": {"groups": [["n1", "n2"], ["n3"]]},
    "pause": {"node": "n2"},
    "backup": {"nodes": ["n1", "n2"]},
    "restore": {"nodes": ["n1"], "plain": True},
    "purge": {},
    "slow": {"from": "n1", "to": "n2", "delay_ms": 20},
    "spoil": {"node": "n1", "part": "rows"},
    "full_disk": {"node": "n1", "killed": True},
    "slow_disk": {"node": "n1", "delay_ms": 2},
    "drift": {"node": "n1", "percent": -100},
    "impair": {"from": "n1", "to": "n2", "wrong": "loss"},
    "hang": {"from": "n1", "to": "n2"},
    "clock": {"node": "n2", "ahead_s": -60},
    "resume": {"node": "n2"},
    "leave": {"node": "n3"},
    "join": {"node": "n3"},
    "reactivate": {"node": "n3"},
    "distrust": {"node": "n1", "peer": "n2"},
    "trust": {"node": "n1", "peer": "n2"},
    "misuse": {"node": "n1", "variant": "stale", "method": "rollout.rollback"},
    "cut": {"from": "n1", "to": "n2"},
    "mend": {"from": "n1", "to": "n2"},
    "heal": {},
    "resync": {"node": "n1", "full": True},
    "rollout": {"nodes": ["n1", "n2"], "generation": 2},
    "rollback": {"nodes": ["n1"], "generation": 1},
    "crash": {"node": "n1"},
    "restart": {"node": "n1"},
    "burst": {"steps": [{"op": "heal"}, {"op": "crash", "node": "n1"}]},
    "concurrently": {"steps": [{"op": "heal"}, {"op": "crash", "node": "n1"}]},
    "refused": {"step": DELETE, "why": "no_such_row"},
}
CREATE, SET = EXAMPLES["create"], EXAMPLES["set"]
OPTIONAL = {("resync", "full"), ("fill", "refs"), ("read", "row")}
FIELDS = [(op, name) for op, example in EXAMPLES.items() for name in example]


@pytest.mark.parametrize("op", sorted(vocabulary()))
@settings(max_examples=30)
@given(data=st.data())
def test_round_trip(op: str, data: st.DataObject) -> None:
    step = data.draw(any_step(op))
    assert load(json.loads(json.dumps(dump(step)))) == step


@pytest.mark.parametrize("op", sorted(vocabulary()))
def test_the_form_has_the_names_of_the_vocabulary(op: str) -> None:
    form = {"op": op, **EXAMPLES[op]}
    assert json.loads(json.dumps(dump(load(form)))) == form


def read(raw: Any) -> Step | str:
    """The step, or the words of the one error that may be raised."""
    try:
        return load(raw, "here")
    except FormatError as error:
        return str(error)


@given(raw=JSON)
def test_nothing_but_a_format_error(raw: Any) -> None:
    found = read(raw)
    assert isinstance(found, Step) or found.startswith("here: ")
    assert "\n" not in str(found)


@given(data=st.data())
def test_one_wrong_field_is_named(data: st.DataObject) -> None:
    op, name = data.draw(st.sampled_from(FIELDS))
    form = {"op": op, **EXAMPLES[op], name: data.draw(JSON)}
    found = read(form)
    if isinstance(found, Step):
        assert json.loads(json.dumps(dump(found))) == form
    else:
        assert name in found


@pytest.mark.parametrize(("op", "name"), sorted(set(FIELDS) - OPTIONAL))
def test_a_missing_field_is_named_with_its_position(op: str, name: str) -> None:
    form = {"op": op, **EXAMPLES[op]}
    del form[name]
    with pytest.raises(
        FormatError, match=rf"^corpus/x\.json, step 2: the field `{name}` is missing"
    ):
        load_all([{"op": "heal"}, form], "corpus/x.json")


@pytest.mark.parametrize("op", sorted(vocabulary()))
def test_a_field_too_many_is_named(op: str) -> None:
    with pytest.raises(FormatError, match=r"^step: .*colour"):
        load({"op": op, **EXAMPLES[op], "colour": "red"})


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (None, "expected an object with an `op`, found None"),
        ({"node": "n1"}, "unknown op None; known are: add, backup, burst, "),
        ({"op": "explode"}, "unknown op 'explode'"),
        ({"op": "read", "node": "n1", "table": "cases", "row": 1}, "expected str, found 1 at row"),
        ({"op": "crash", "node": 1}, "expected str, found 1 at node"),
        ({"op": "resync", "node": "n1", "full": 1}, "expected bool, found 1 at full"),
        ({"op": "rollout", "nodes": "n1", "generation": 2}, "expected a list, found 'n1' at nodes"),
        ({"op": "rollout", "nodes": {"n1": 1}, "generation": 2}, "expected a list, found {"),
        ({"op": "rollout", "nodes": [], "generation": True}, "found True at generation"),
        ({"op": "partition", "groups": ["n1"]}, r"expected a list, found 'n1' at groups\[0\]"),
        ({"op": "partition", "groups": [["n1", 2]]}, r"found 2 at groups\[0\]\[1\]"),
        ({"op": "create", **CREATE, "values": []}, r"expected an object of columns, found \[\]"),
        ({"op": "create", **CREATE, "values": {"t": 1.5}}, "whole number or null, found 1.5"),
        ({"op": "set", **SET, "value": True}, "whole number or null, found True at value"),
        ({"op": "create_case", "node": "n1"}, "unknown op 'create_case'"),
        ({"op": "cut", "from": "n1", "to": 2}, "expected str, found 2 at to"),
        ({"op": "burst", "steps": [{"op": "heal"}, 1]}, r"found 1 at steps\[1\]"),
        ({"op": "refused", "step": {"op": "heal"}, "why": "malformed"}, "unknown op 'heal'"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said(raw: Any, words: str) -> None:
    with pytest.raises(FormatError, match=f"^here: .*{words}"):
        load(raw, "here")


@pytest.mark.parametrize("raw", [None, {}, "heal", 1])
def test_only_a_list_is_a_list_of_steps(raw: Any) -> None:
    with pytest.raises(FormatError, match=r"^here: expected a list of steps"):
        load_all(raw, "here")


def test_every_step_has_an_example() -> None:
    assert set(EXAMPLES) == set(vocabulary())


def test_words_for_people_have_no_python_in_them() -> None:
    steps = [load({"op": op, **example}) for op, example in EXAMPLES.items()]
    assert not [step for step in steps if "Step" in str(step) or "(" in str(step).split(" (")[0]]
    assert str(Burst((Cut("n1", "n2"), Heal()))).startswith("in a burst: the link n1 -> n2")
    assert str(Rollout(("n1", "n2"), 3)) == "n1 and n2: rollout to generation 3"
