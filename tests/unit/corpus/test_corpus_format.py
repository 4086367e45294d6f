"""The JSON form of a reproduction: there and back, and every malformed file is one sentence."""

import json
import sys
from typing import Any

import pytest
from attrs import evolve
from immutables import Map

from syncmodel.corpus import Confirmed, Expected, Reproduction, nodes_of, to_text, usual
from syncmodel.corpus.reading import read
from syncmodel.errors import FormatError, UsageError
from syncmodel.model.columns import Token
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import fully_connected
from syncmodel.model.policies import policy
from syncmodel.model.policies.causal_lww import CausalLww
from syncmodel.model.schema import Schema, Table
from syncmodel.steps import (
    Add,
    Burst,
    Concurrently,
    Create,
    Cut,
    Delete,
    Heal,
    Partition,
    Refused,
    Rollback,
    Set,
)
from syncmodel.targets import registry
from syncmodel.targets.registry import TargetKind
from syncmodel.targets.wire import SUPERTEST

EMBEDDED = registry.get("embedded")
STEPS = (
    Create("n1", "cases", "c1", (("title", "t1"),)),
    Partition((("n1",), ("n2",))),
    Burst((Set("n1", "cases", "c1", "title", "ü t2"), Add("n1", "cases", "c1", "counter", 1))),
    Heal(),
    Concurrently((Delete("n1", "cases", "c1"), Cut("n1", "n2"))),
    Refused(Delete("n1", "cases", "c9"), "no_such_row"),
    Rollback(("n1", "n2"), 1),
)
FULL = Reproduction(
    title="A case comes back",
    nodes={"n1": 2, "n2": 3},
    steps=STEPS,
    expected=Expected(("resurrected", "cases")),
    guarantees=Guarantees(tables={"cases": "wallclock-lww"}, readers={"n2"}),
    found={"seed": 7, "rate": 0.5, "date": None, "shrunk": True},
    bug="tie-by-arrival",
    pins="A timeout is never a refusal.",
    confirmed=Confirmed(2, 10),
    system=EMBEDDED,
)
REQUIRED = ("version", "title", "target", "nodes", "steps", "expected")
PLAIN = Reproduction(title="x", nodes=usual(SUPERTEST, 2), steps=STEPS, system=EMBEDDED)


@pytest.mark.parametrize("reproduction", [FULL, PLAIN])
def test_text_and_back(reproduction: Reproduction) -> None:
    text = to_text(reproduction)
    assert read(text.encode(), "file", registry.registered) == reproduction
    assert read(text.encode(), "file", EMBEDDED) == reproduction
    assert text.endswith("}\n")


def test_a_step_a_line_and_nothing_that_is_usual() -> None:
    lines = to_text(PLAIN).splitlines()
    assert sum('"op"' in line for line in lines) == len(STEPS)
    assert set(json.loads(to_text(PLAIN))) == set(REQUIRED)
    assert json.loads(to_text(PLAIN))["nodes"] == 2


def test_the_net_it_starts_from() -> None:
    assert PLAIN.net == fully_connected(SUPERTEST, 2)
    assert FULL.net.running == Map({"n1": 2, "n2": 3})
    assert FULL.net.readers == {"n2"}
    ten = evolve(PLAIN, nodes=usual(SUPERTEST, 11), steps=())
    assert ten.net.nodes[-2:] == ("n10", "n11")
    flat = evolve(PLAIN, steps=(), guarantees=Guarantees(passes_on=False))
    assert not flat.net.passes_on


def test_only_a_whole_net_can_be_recorded() -> None:
    assert nodes_of(fully_connected(SUPERTEST, 2)) == usual(SUPERTEST, 2)
    with pytest.raises(UsageError, match="whole links"):
        nodes_of(fully_connected(SUPERTEST, 2).stop("n1"))


def test_without_its_bug_it_passes() -> None:
    assert FULL.expected_with(["tie-by-arrival"]) == FULL.expected
    assert FULL.expected_with([]).verdict == "pass"
    assert str(FULL.confirmed) == "sometimes (2 of 10)"


def test_a_secret_is_never_written() -> None:
    for found in ({"admin_key": "x"}, {"note": "nsec1qqq"}, {"note": "f" * 64}):
        with pytest.raises(UsageError, match="secret"):
            to_text(evolve(PLAIN, found=found))


def raw(**changes: Any) -> dict[str, Any]:
    """A well-formed file with some fields replaced; `...` takes one out."""
    fields = {**json.loads(to_text(PLAIN)), **changes}
    return {name: value for name, value in fields.items() if value is not ...}


CREATE = {"op": "create", "node": "n1", "table": "cases", "row": "c1", "values": {"title": "t1"}}
DIVERGED = {"verdict": "diverged", "divergence": {"name": "missing", "table": "cases"}}
MALFORMED: list[tuple[Any, str]] = [
    ([], "expected an object, found []"),
    ("text", "expected an object"),
    (raw(version=...), "`version` is missing"),
    (raw(version=3), "this is version 3, and only 1 and 2 can be read"),
    (raw(target=...), "`target` is missing"),
    (raw(target=7), "field `target`: expected a text"),
    (raw(version="1"), "field `version`: expected a whole number"),
    (raw(version=True), "expected a whole number, found True"),
    (raw(title=...), "`title` is missing"),
    (raw(title=" "), "field `title`: expected words"),
    (raw(title=3), "field `title`: expected a text"),
    (raw(extra=1), "unknown field 'extra'"),
    (raw(nodes=...), "`nodes` is missing"),
    (raw(nodes=0), "field `nodes`: expected 1 to 100"),
    (raw(nodes=10**9), "field `nodes`: expected 1 to 100"),
    (raw(nodes=True), "field `nodes`: expected a whole number"),
    (raw(nodes=["n1"]), "field `nodes`: expected a whole number"),
    (raw(nodes={}), "field `nodes`: expected 1 to 100"),
    (raw(nodes={"../n1": 2}), "is no name for a node"),
    (raw(nodes={"n1": 9}), "field `n1`: there is no generation 9"),
    (raw(nodes={"n1": "2"}), "field `n1`: expected a whole number"),
    (raw(steps=...), "`steps` is missing"),
    (raw(steps={}), "field `steps`: expected a list"),
    (raw(steps=[3]), "step 1: expected an object with an `op`"),
    (raw(steps=[CREATE, {}]), "step 2: unknown op None"),
    (raw(steps=[{"op": "explode"}]), "unknown op 'explode'"),
    (raw(steps=[{"op": ["x"]}]), "unknown op"),
    (raw(steps=[{**CREATE, "row": 1}]), "expected str, found 1"),
    (raw(steps=[{**CREATE, "more": 1}]), "more"),
    (raw(steps=[{**CREATE, "values": ["t1"]}]), "expected an object of columns"),
    (raw(steps=[{**CREATE, "values": {"title": [1]}}]), "expected a text, a whole number or null"),
    (raw(steps=[{**CREATE, "values": {"title": 1}}]), "step 1 (create): it can't be taken here"),
    (raw(steps=[{**CREATE, "values": {}}]), "step 1 (create): it can't be taken here"),
    (raw(steps=[{**CREATE, "table": "rows"}]), "step 1 (create): it can't be taken here"),
    (raw(steps=[{"op": "delete", "node": "n1", "row": "c1"}]), "`table` is missing"),
    (raw(steps=[{"op": "create_case", "node": "n1"}]), "unknown op 'create_case'"),
    (raw(steps=[{**CREATE, "node": "n9"}]), "step 1: there is no node 'n9'"),
    (raw(steps=[CREATE, CREATE]), "step 2 (create): it can't be taken here"),
    (raw(steps=[{"op": "heal"}]), "step 1 (heal): it can't be taken here"),
    (raw(steps=[{"op": "burst", "steps": []}]), "step 1 (burst): `steps` takes at least 1, not 0"),
    (raw(steps=[{"op": "burst", "steps": [{**CREATE, "node": "zz"}]}]), "no node 'zz'"),
    (raw(expected=...), "`expected` is missing"),
    (raw(expected="pass"), "field `expected`: expected an object"),
    (raw(expected={"verdict": "maybe"}), "expected pass or diverged"),
    (raw(expected={**DIVERGED, "verdict": "pass"}), "a run that passes has none"),
    (raw(expected={"verdict": "diverged"}), "`divergence` is missing"),
    (raw(expected={"verdict": "diverged", "divergence": {"name": "lost"}}), "unknown 'lost'"),
    (
        raw(expected={"verdict": "diverged", "divergence": {"name": "stale", "table": "rows"}}),
        "field `table`: unknown 'rows'",
    ),
    (raw(guarantees={"passes_on": 1}), "field `passes_on`: expected true or false"),
    (raw(guarantees={"fast": True}), "unknown field 'fast'"),
    (raw(guarantees={"rows": "best"}), "field `rows`: unknown 'best'"),
    (raw(guarantees={"rows": ["causal-lww"]}), "field `rows`: expected a text"),
    (raw(guarantees={"tables": {"cases": "best"}}), "unknown 'best'"),
    (raw(guarantees={"tables": {"rows": "causal-lww"}}), "unknown field 'rows'"),
    (raw(guarantees={"readers": "n1"}), "field `readers`: expected a list"),
    (raw(guarantees={"readers": ["n3"]}), "field `readers`: unknown 'n3'"),
    (raw(guarantees={"readers": [["n1"]]}), "field `readers`: unknown ['n1']"),
    (raw(guarantees={"sums": True}), "field `guarantees`: Counters add up"),
    (raw(found={"seed": [1]}), "field `seed`: expected a plain fact"),
    (raw(found={"password": "x"}), "looks like a secret"),
    (raw(bug=3), "field `bug`: expected a text"),
    (raw(pins=[]), "field `pins`: expected a text"),
    (raw(confirmed={"failed": 3, "runs": 2}), "field `failed`: expected 0 to 2"),
    (raw(confirmed={"failed": 3}), "`runs` is missing"),
    (raw(confirmed={"failed": 0, "runs": 10**6}), "field `runs`: expected 0 to 1000"),
    (raw(confirmed={"failed": -1, "runs": 3}), "field `failed`: expected 0 to 3"),
]


@pytest.mark.parametrize(("content", "reason"), MALFORMED, ids=range(len(MALFORMED)))
def test_malformed_content_is_one_sentence(content: Any, reason: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(json.dumps(content).encode(), "corpus/x.json", registry.registered)
    message = str(caught.value)
    assert message.startswith("corpus/x.json")
    assert reason in message
    assert "\n" not in message
    assert len(message) < 500


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not valid JSON"),
        (b"{", "line 1, column 2"),
        (b"\xff\xfe", "is not valid UTF-8 (byte 0)"),
        (b'{"version": 1, "version": 1}', "'version' is there twice"),
        (b'{"version": NaN}', "JSON has no number NaN"),
        (b'{"version": ' + b"9" * 5000 + b"}", "a number of 5,000 characters"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"version": 1} x', "Extra data"),
        (b'{"title": "\\ud83d"}', "half a character"),
    ],
)
def test_bytes_that_are_no_json(content: bytes, reason: str) -> None:
    with pytest.raises(FormatError, match=r"^corpus/x\.json(: | is not valid )") as caught:
        read(content, "corpus/x.json", registry.registered)
    assert reason in str(caught.value)


def test_bursts_without_end() -> None:
    step: dict[str, Any] = {"op": "heal"}
    for _ in range(200):
        step = {"op": "burst", "steps": [step]}
    with pytest.raises(FormatError, match=r"x\.json"):
        read(json.dumps(raw(steps=[step])).encode(), "x.json", registry.registered)


def test_a_name_in_a_file_is_compared_and_never_imported() -> None:
    mine = raw(target="antigravity:Target")
    before = set(sys.modules)
    with pytest.raises(UsageError, match=r"'antigravity:Target' is not .* --target module:Class"):
        read(json.dumps(mine).encode(), "x.json", registry.registered)
    assert set(sys.modules) == before
    found = read(json.dumps(mine).encode(), "x.json", EMBEDDED)
    assert (found.target, found.system) == ("antigravity:Target", EMBEDDED)
    assert json.loads(to_text(found)) == mine


NOTES = Schema(Table("notes", Token("text")))


class Mine(CausalLww):
    """A policy that nobody registered."""

    name = "mine"


def kind(guarantees: Guarantees) -> TargetKind:
    return evolve(EMBEDDED, name="notes", schema=NOTES, guarantees=guarantees)


def test_a_file_has_the_promises_that_differ_from_its_targets() -> None:
    promised = Guarantees(rows=Mine(), by_field=True, passes_on=False)
    notes = kind(promised)
    same = Reproduction(title="x", nodes=usual(NOTES, 2), steps=(), system=notes)
    assert same.guarantees == promised
    assert "guarantees" not in json.loads(to_text(same))
    assert json.loads(to_text(same))["nodes"] == 2
    other = evolve(same, guarantees=evolve(promised, passes_on=True, tables={"notes": Mine()}))
    changed = json.loads(to_text(other))["guarantees"]
    assert changed == {"tables": {"notes": "mine"}, "passes_on": True}
    found = read(to_text(other).encode(), "x.json", notes).guarantees
    assert found.policy("notes") is promised.rows
    assert found.passes_on


def test_a_policy_without_a_name_is_not_written() -> None:
    nameless = Guarantees(rows=Mine())
    with pytest.raises(UsageError, match="'mine' has no name that a file could give"):
        to_text(evolve(PLAIN, guarantees=nameless))
    known = evolve(PLAIN, guarantees=Guarantees(rows=policy("wallclock-lww")))
    assert json.loads(to_text(known))["guarantees"] == {"rows": "wallclock-lww"}


def test_what_is_not_printable_is_escaped() -> None:
    title = "\x1b[31mred\u202e\x00\n\x7f"
    text = to_text(evolve(PLAIN, title=title))
    assert all(line.isprintable() for line in text.splitlines())
    assert read(text.encode(), "x.json", EMBEDDED).title == title
    for bad in (raw(target="\x1b[31m"), raw(**{"\x1b[31m": 1}), raw(steps=[{"op": "\x1b"}])):
        with pytest.raises(UsageError) as caught:
            read(json.dumps(bad).encode(), "x.json", registry.registered)
        assert str(caught.value).isprintable()
