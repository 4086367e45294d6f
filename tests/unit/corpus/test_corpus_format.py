"""The JSON form of a reproduction: there and back, and every malformed file is one sentence."""

import json
from typing import Any

import pytest
from immutables import Map

from syncmodel.corpus import Confirmed, Expected, Reproduction, nodes_of, to_text, usual
from syncmodel.corpus.reading import read
from syncmodel.errors import FormatError, UsageError
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import fully_connected
from syncmodel.steps import (
    Burst,
    Concurrently,
    CreateCase,
    Cut,
    DeleteCase,
    Heal,
    IncrementCase,
    Partition,
    Refused,
    Rollback,
    UpdateCase,
)

STEPS = (
    CreateCase("n1", "c1", "t1"),
    Partition((("n1",), ("n2",))),
    Burst((UpdateCase("n1", "c1", "ü t2"), IncrementCase("n1", "c1", 1))),
    Heal(),
    Concurrently((DeleteCase("n1", "c1"), Cut("n1", "n2"))),
    Refused(DeleteCase("n1", "c9"), "no_such_row"),
    Rollback(("n1", "n2"), 1),
)
FULL = Reproduction(
    title="A case comes back",
    nodes={"n1": 2, "n2": 3},
    steps=STEPS,
    expected=Expected(("resurrected", "cases")),
    guarantees=Guarantees(policies={"cases": "wallclock-lww", "events": "causal-lww"}),
    found={"seed": 7, "target": "local", "rate": 0.5, "date": None, "shrunk": True},
    bug="tie-by-arrival",
    pins="A timeout is never a refusal.",
    confirmed=Confirmed(2, 10),
)
PLAIN = Reproduction(title="x", nodes=usual(2), steps=STEPS)


@pytest.mark.parametrize("reproduction", [FULL, PLAIN])
def test_text_and_back(reproduction: Reproduction) -> None:
    text = to_text(reproduction)
    assert read(text.encode(), "file") == reproduction
    assert text.endswith("}\n")


def test_a_step_a_line_and_nothing_that_is_usual() -> None:
    lines = to_text(PLAIN).splitlines()
    assert sum('"op"' in line for line in lines) == len(STEPS)
    assert json.loads(to_text(PLAIN)).keys() == {"version", "title", "nodes", "steps", "expected"}
    assert json.loads(to_text(PLAIN))["nodes"] == 2


def test_the_net_it_starts_from() -> None:
    assert PLAIN.net == fully_connected(2)
    assert FULL.net.running == Map({"n1": 2, "n2": 3})
    ten = Reproduction(title="x", nodes=usual(11), steps=())
    assert ten.net.nodes[-2:] == ("n10", "n11")
    flat = Reproduction(title="x", nodes=usual(2), steps=(), guarantees=Guarantees(passes_on=False))
    assert not flat.net.passes_on


def test_only_a_whole_net_can_be_recorded() -> None:
    assert nodes_of(fully_connected(2)) == usual(2)
    with pytest.raises(UsageError, match="whole links"):
        nodes_of(fully_connected(2).stop("n1"))


def test_without_its_bug_it_passes() -> None:
    assert FULL.expected_with(["tie-by-arrival"]) == FULL.expected
    assert FULL.expected_with([]).verdict == "pass"
    assert str(FULL.confirmed) == "sometimes (2 of 10)"


def test_a_secret_is_never_written() -> None:
    for found in ({"admin_key": "x"}, {"note": "nsec1qqq"}, {"note": "f" * 64}):
        with pytest.raises(UsageError, match="secret"):
            to_text(Reproduction(title="x", nodes=usual(1), steps=(), found=found))


def raw(**changes: Any) -> dict[str, Any]:
    """A well-formed file with some fields replaced; `...` takes one out."""
    fields = {**json.loads(to_text(PLAIN)), **changes}
    return {name: value for name, value in fields.items() if value is not ...}


CREATE = {"op": "create_case", "node": "n1", "case": "c1", "title": "t1"}
DIVERGED = {"verdict": "diverged", "divergence": {"name": "missing", "table": "cases"}}
MALFORMED: list[tuple[Any, str]] = [
    ([], "expected an object, found []"),
    ("text", "expected an object"),
    (raw(version=...), "`version` is missing"),
    (raw(version=2), "this is version 2"),
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
    (raw(steps=[{**CREATE, "title": 1}]), "expected str, found 1"),
    (raw(steps=[{**CREATE, "more": 1}]), "more"),
    (raw(steps=[{"op": "create_case", "node": "n1", "case": "c1"}]), "`title` is missing"),
    (raw(steps=[{**CREATE, "node": "n9"}]), "step 1: there is no node 'n9'"),
    (raw(steps=[CREATE, CREATE]), "step 2 (create_case): it can't be taken here"),
    (raw(steps=[{"op": "heal"}]), "step 1 (heal): it can't be taken here"),
    (raw(steps=[{"op": "burst", "steps": []}]), "step 1 (burst): it can't be taken here"),
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
    (raw(guarantees={"policies": {"cases": "best"}}), "unknown 'best'"),
    (raw(guarantees={"policies": {"rows": "causal-lww"}}), "unknown field 'rows'"),
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
        read(json.dumps(content).encode(), "corpus/x.json")
    message = str(caught.value)
    assert message.startswith("corpus/x.json")
    assert reason in message
    assert "\n" not in message
    assert len(message) < 500


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no JSON"),
        (b"{", "line 1, column 2"),
        (b"\xff\xfe", "no UTF-8 text (byte 0)"),
        (b'{"version": 1, "version": 1}', "'version' is there twice"),
        (b'{"version": NaN}', "NaN is no number"),
        (b'{"version": ' + b"9" * 5000 + b"}", "no JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"version": 1} x', "Extra data"),
    ],
)
def test_bytes_that_are_no_json(content: bytes, reason: str) -> None:
    with pytest.raises(FormatError, match=r"^corpus/x\.json: ") as caught:
        read(content, "corpus/x.json")
    assert reason in str(caught.value)


def test_bursts_without_end() -> None:
    step: dict[str, Any] = {"op": "heal"}
    for _ in range(200):
        step = {"op": "burst", "steps": [step]}
    with pytest.raises(FormatError, match=r"x\.json"):
        read(json.dumps(raw(steps=[step])).encode(), "x.json")
