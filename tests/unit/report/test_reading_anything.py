"""Whatever a file or a record has in it: it is read, or one sentence says what is wrong."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from syncmodel.corpus import budgets, load
from syncmodel.errors import FormatError, UsageError
from syncmodel.report.jsonl import read_failing_runs
from syncmodel.targets import registry

ROOT = Path(__file__).parents[3]
#: Far above what any of them takes; a parse that grows faster than its file takes minutes.
LIMIT_S = 5.0
TITLE = {"title": "t1"}
CREATE = {"op": "create", "node": "n1", "table": "cases", "row": "c1", "values": TITLE}
SET = {"op": "set", "node": "n2", "table": "cases", "row": "c1", "column": "title", "value": "t2"}
REFUSED = {"op": "refused", "step": {**SET, "row": "c9", "value": "t3"}, "why": "no_such_row"}
BURST = {"op": "burst", "steps": [SET, {"op": "partition", "groups": [["n1"], ["n2"]]}]}
FILE = {
    "version": 2,
    "title": "A case",
    "target": "simulated",
    "guarantees": {"tables": {"cases": "wallclock-lww"}, "readers": ["n2"]},
    "found": {"seed": 7, "network": 3, "rate": 0.5},
    "nodes": {"n1": 2, "n2": 3},
    "steps": [CREATE, {"op": "cut", "from": "n1", "to": "n2"}, {"op": "heal"}],
    "expected": {"verdict": "diverged", "divergence": {"name": "stale", "table": "cases"}},
    "confirmed": {"failed": 1, "runs": 3},
}
OLD = {
    "version": 1,
    "title": "A case",
    "guarantees": {"policies": {"cases": "wallclock-lww"}},
    "nodes": 2,
    "steps": [{"op": "create_case", "node": "n1", "case": "c1", "title": "t1"}],
    "expected": {"verdict": "pass"},
}
ROW = {"table": "cases", "id": "c1"}
STALE = {"name": "stale", "node": "n2", "row": ROW, "expected": "x", "shown": "y"}
RECORD: list[Any] = [
    {"format": "syncmodel-record", "version": 2, "target": "simulated", "bugs": [], "seed": 1},
    {"entry": "began", "run": 1, "nodes": {"n1": 2, "n2": 2}},
    *(
        {"entry": "step", "run": 1, "index": i, "step": step, "outcome": {}, "seconds": 0.1}
        for i, step in enumerate((CREATE, REFUSED, BURST), 1)
    ),
    {"entry": "rest", "run": 1, "index": 1, "how": "quiet", "seconds": 0.1, "views": {}},
    {"entry": "end", "run": 1, "index": 3, "verdict": "diverged", "divergences": [STALE]},
]
#: Made when it is drawn: Hypothesis shows what it samples from.
LONG = st.builds(lambda: "x" * 70_000)
NASTY: st.SearchStrategy[Any] = LONG | st.sampled_from(
    [
        "", "\0", "\x1b[31m", "\ud800", "\u202e", "../../x?y=1#z", "n1", "c1", "t1",
        None, True, -1, 0, 2, 1.5, 2**63, 10**63, float("inf"), float("nan"), [], {}, [[]],
        "os:system", "simulated", "heal", "create", CREATE, [CREATE] * 3,
    ]
)  # fmt: skip
ANYTHING = st.recursive(
    NASTY | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(st.text(max_size=3) | st.sampled_from(["op", "steps"]), below, max_size=3)
    ),
    max_leaves=8,
)


@st.composite
def changed(draw: st.DrawFn, value: Any) -> Any:
    """The value with something in it put in another's place, taken out, doubled or renamed."""
    inside = draw(st.integers(0, 4)) and isinstance(value, dict | list) and bool(value)
    if not inside:
        return draw(ANYTHING)
    if isinstance(value, list):
        at = draw(st.integers(0, len(value) - 1))
        part = draw(st.sampled_from(["change", "take out", "double"]))
        new = {"change": [], "take out": [], "double": [value[at]] * 2}[part]
        if part == "change":
            new = [draw(changed(value[at]))]
        return [*value[:at], *new, *value[at + 1 :]]
    name = draw(st.sampled_from(sorted(value)))
    rest = {key: one for key, one in value.items() if key != name}
    match draw(st.sampled_from(["change", "change", "change", "take out", "rename", "add"])):
        case "take out":
            return rest
        case "rename":
            return {**rest, draw(st.text(max_size=5)): value[name]}
        case "add":
            return {**value, draw(st.text(max_size=5)): draw(ANYTHING)}
        case _:
            return {**rest, name: draw(changed(value[name]))}


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def as_record(entries: Any) -> bytes:
    lines = entries if isinstance(entries, list) else [entries]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def is_read_or_one_sentence(path: Path) -> None:
    for reader in (load, read_failing_runs):
        begun_s, said = time.process_time(), ""
        try:
            reader(path, registry.registered)
        except UsageError as error:
            said = str(error)
        assert said.isprintable()
        assert len(said) < 2_000
        assert time.process_time() - begun_s < LIMIT_S


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files") / "any.json"


def test_what_is_mutated_here_can_be_read(path: Path) -> None:
    for content in (FILE, OLD):
        load(written(path, json.dumps(content).encode()), registry.registered)
    (run,) = read_failing_runs(written(path, as_record(RECORD)), registry.registered)
    assert len(run.steps) == 3


@given(content=changed(FILE) | changed(OLD) | ANYTHING)
@settings(deadline=None)
def test_any_file(path: Path, content: Any) -> None:
    is_read_or_one_sentence(written(path, json.dumps(content).encode()))


@given(entries=changed(RECORD))
@settings(deadline=None)
def test_any_record(path: Path, entries: Any) -> None:
    is_read_or_one_sentence(written(path, as_record(entries)))


@given(
    base=st.sampled_from([json.dumps(FILE).encode(), json.dumps(OLD).encode(), as_record(RECORD)]),
    at=st.integers(0, 2_000),
    length=st.integers(0, 30),
    put=st.binary(max_size=8) | st.sampled_from([b"1e999", b"NaN", b"\xef\xbb\xbf", b"\\u0000"]),
)
@example(base=b"", at=0, length=0, put=b"")
@settings(deadline=None)
def test_any_bytes(path: Path, base: bytes, at: int, length: int, put: bytes) -> None:
    is_read_or_one_sentence(written(path, base[:at] + put + base[at + length :]))


@pytest.mark.long
@given(
    content=changed(FILE).flatmap(changed) | changed(OLD).flatmap(changed),
    entries=changed(RECORD).flatmap(changed),
)
@settings(deadline=None, max_examples=400)
def test_any_file_and_record_for_long(path: Path, content: Any, entries: Any) -> None:
    is_read_or_one_sentence(written(path, json.dumps(content).encode()))
    is_read_or_one_sentence(written(path, as_record(entries)))


def file(**changes: Any) -> bytes:
    return json.dumps({**FILE, **changes}).encode()


ROWS = [{**CREATE, "row": f"c{i}", "values": {"title": f"t{i}"}} for i in range(budgets.STEPS + 1)]
TOO_MUCH: dict[str, tuple[bytes, str]] = {
    "bytes": (b" " * (budgets.FILE_BYTES + 1), "has more than 16,000,000 bytes"),
    "steps": (file(steps=ROWS), "more than 5,000 steps"),
    "steps in a step": (file(steps=[{"op": "burst", "steps": ROWS}]), "more than 5,000 steps"),
    "nodes": (file(nodes={f"n{i}": 2 for i in range(101)}), "expected 1 to 100"),
    "steps on many nodes": (file(nodes=100, guarantees={}, steps=ROWS[:501]), "at most 500 steps"),
    "facts": (file(found={f"f{i}": 1 for i in range(101)}), "more than 100 facts"),
    "depth": (b'{"x":' + b"[" * 40 + b"]" * 40 + b"}", "at most 32 levels"),
    "depth without end": (b"[" * 5_000_000, "at most 32 levels"),
    "values": (b"[" + b"0," * 1_000_000 + b"0]", "more than 1,000,000 values"),
    "a text": (file(title="x" * 1_000_001), "a text of 1,000,001 characters"),
    "a name": (file(**{"x" * 1_000_001: 1}), "a text of 1,000,001 characters"),
    "a text of a row": (
        file(steps=[{**CREATE, "values": {"title": "x" * 65_537}}]),
        "a text has at most 65,536 bytes",
    ),
    "an id": (file(steps=[{**CREATE, "row": "x" * 481}]), "1 to 480 characters, and this one 481"),
    "no id": (file(steps=[{**CREATE, "row": ""}]), "1 to 480 characters"),
    "NUL": (file(steps=[{**CREATE, "row": "c\0"}]), "no NUL"),
    "NUL in a reference": (
        file(
            steps=[
                {"op": "create", "node": "n1", "table": "events", "row": "e1"}
                | {"values": {"case": "c\0", "body": "t1"}}
            ]
        ),
        "no NUL",
    ),
    "digits": (b'{"version": ' + b"9" * 65 + b"}", "a number of 65 characters"),
    "digits that Python refuses": (b'{"x": ' + b"9" * 9_999 + b"}", "a number of 9,999 characters"),
    "a fraction": (b'{"version": 1e999}', "the number 1e999 is out of range"),
    "infinity": (b'{"version": -Infinity}', "JSON has no number -Infinity"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "byte order mark; save it as UTF-8 without one"),
    "a field twice": (
        b"{" + b",".join(b'"f%d":1' % i for i in range(200_000)) + b',"f7":2}',
        "'f7' is there twice",
    ),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_more_than_a_budget_is_one_sentence(path: Path, name: str) -> None:
    content, reason = TOO_MUCH[name]
    with pytest.raises(UsageError) as raised:
        load(written(path, content), registry.registered)
    assert reason in str(raised.value)
    is_read_or_one_sentence(path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"bugs": None}, "field `bugs`: expected a list"),
        ({"bugs": [1]}, "field `bugs`: expected a text"),
        ({"seed": 1.5}, "field `seed`: expected a whole number"),
        ({"version": True}, "no record of this version"),
    ],
)
def test_the_first_line_of_a_record(path: Path, change: dict[str, Any], reason: str) -> None:
    written(path, as_record([{**RECORD[0], **change}, *RECORD[1:]]))
    with pytest.raises(FormatError) as raised:
        read_failing_runs(path, registry.registered)
    assert reason in str(raised.value)


@pytest.mark.parametrize(
    ("line", "change", "reason"),
    [
        (1, {"run": None}, "line 2, field `run`: expected a whole number"),
        (1, {"extra": 1}, "line 2: unknown field 'extra'"),
        (2, {"step": None}, "line 3, field `step`: expected an object"),
        (2, {"step": {**CREATE, "node": "n9"}}, "line 7, run 1, step 1: there is no node 'n9'"),
        (3, {"step": CREATE}, "line 7, run 1, step 2 (create): it can't be taken here"),
        (6, {"divergences": [{**STALE, "row": []}]}, "field `row`: expected an object"),
        (6, {"divergences": [{**STALE, "name": "lost"}]}, "unknown 'lost'"),
    ],
)
def test_a_line_of_a_record(path: Path, line: int, change: dict[str, Any], reason: str) -> None:
    lines = [{**one, **change} if i == line else one for i, one in enumerate(RECORD)]
    with pytest.raises(FormatError) as raised:
        read_failing_runs(written(path, as_record(lines)), registry.registered)
    assert reason in str(raised.value)


def test_the_slowest_file_that_is_within_the_budgets(path: Path) -> None:
    nodes = [f"n{i}" for i in range(1, 101)]
    cuts = [{"op": "cut", "from": a, "to": b} for a, b in pairwise(nodes)]
    heals = [{"op": "partition", "groups": [nodes[:50], nodes[50:]]}, {"op": "heal"}]
    steps = [step for cut in cuts for step in (cut, *heals)]
    content = file(nodes=100, guarantees={}, steps=steps, expected={"verdict": "pass"})
    begun_s = time.process_time()
    assert len(load(written(path, content), registry.registered).steps) == len(steps)
    assert time.process_time() - begun_s < 6 * LIMIT_S


def test_the_corpus_is_far_below_every_budget() -> None:
    for each in (ROOT / "corpus").glob("*.json"):
        content = json.loads(each.read_bytes())
        assert 20 * len(content["steps"]) < budgets.STEPS
        assert 20 * each.stat().st_size < budgets.FILE_BYTES
