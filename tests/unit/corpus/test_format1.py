"""Files of the first version keep their meaning: every one of the corpus, step by step."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from immutables import Map
from saved_runs import saved

from syncmodel.corpus import PASSES, Reproduction, load, to_text, usual
from syncmodel.corpus.format1 import WRITES
from syncmodel.corpus.reading import read
from syncmodel.errors import FormatError
from syncmodel.model.guarantees import Guarantees
from syncmodel.steps import (
    Add,
    Burst,
    Concurrently,
    Create,
    Data,
    Delete,
    Refused,
    Set,
    Step,
    dump,
)
from syncmodel.targets import registry
from syncmodel.targets.wire import SUPERTEST

CORPUS = Path(__file__).parents[3] / "corpus"
OLD = [
    path for path in sorted(CORPUS.glob("*.json")) if json.loads(path.read_text())["version"] == 1
]
each_file = pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)


def pairs(raw: list[Any], steps: tuple[Step, ...]) -> Iterator[tuple[Mapping[str, Any], Step]]:
    """Every step of a file that holds no others, beside what was read of it."""
    assert len(raw) == len(steps)
    for old, step in zip(raw, steps, strict=True):
        if isinstance(step, Burst | Concurrently):
            assert old["op"] == step.op
            yield from pairs(old["steps"], step.steps)
        elif isinstance(step, Refused):
            reasons = {"missing_case": "missing_reference"}
            assert (old["op"], step.why) == ("refused", reasons.get(old["why"], old["why"]))
            yield from pairs([old["step"]], (step.step,))
        else:
            yield old, step


def meaning(old: Mapping[str, Any]) -> Data:
    """What a write of the first version asked for, in the words of now."""
    match old:
        case {"op": "create_case", "node": node, "case": case, "title": title}:
            return Create(node, "cases", case, (("title", title),))
        case {"op": "update_case", "node": node, "case": case, "title": title}:
            return Set(node, "cases", case, "title", title)
        case {"op": "increment_case", "node": node, "case": case, "by": by}:
            return Add(node, "cases", case, "counter", by)
        case {"op": "delete_case", "node": node, "case": case}:
            return Delete(node, "cases", case)
        case {"op": "create_event", "node": node, "event": event, "case": case, "body": body}:
            return Create(node, "events", event, (("case", case), ("body", body)))
        case {"op": "delete_event", "node": node, "event": event}:
            return Delete(node, "events", event)
    raise AssertionError(old)


@each_file
def test_a_file_of_the_corpus_keeps_its_meaning(path: Path) -> None:
    raw, found = json.loads(path.read_text()), load(path, registry.registered)
    for old, step in pairs(raw["steps"], found.steps):
        if isinstance(step, Data):
            assert step == meaning(old)
        else:
            assert dump(step) == {
                name: list(v) if isinstance(v, tuple) else v for name, v in old.items()
            }
    facts = dict(raw.get("found", {}))
    assert found.target == facts.pop("target", "embedded")
    assert dict(found.found) == facts
    nodes = raw["nodes"]
    assert found.nodes == (usual(SUPERTEST, nodes) if isinstance(nodes, int) else Map(nodes))
    assert (found.title, found.bug, found.pins) == (raw["title"], raw.get("bug"), raw.get("pins"))
    divergence = raw["expected"].get("divergence")
    assert found.expected.divergence == (divergence and (divergence["name"], divergence["table"]))
    assert found.guarantees == Guarantees()
    confirmed = raw.get("confirmed", {"failed": 0, "runs": 0})
    assert (found.confirmed.failed, found.confirmed.runs) == tuple(confirmed.values())


@each_file
def test_it_is_the_same_run_in_format_2(path: Path) -> None:
    found = load(path, registry.registered)
    text = to_text(found)
    assert json.loads(text)["version"] == 2
    assert read(text.encode(), path.name, registry.registered) == found


def test_the_corpus_has_every_step_of_the_first_version() -> None:
    assert len(OLD) == 91
    taken = {
        old["op"]
        for path, found in saved()
        if path in OLD
        for old, _ in pairs(json.loads(path.read_text())["steps"], found.steps)
    }
    assert taken >= set(WRITES)


CREATE = {"op": "create_case", "node": "n1", "case": "c1", "title": "t1"}


def old_file(**changes: Any) -> bytes:
    """A file of the first version with some fields replaced."""
    plain = {"title": "x", "nodes": 2, "steps": [CREATE], "expected": {"verdict": "pass"}}
    return json.dumps({"version": 1, **plain, **changes}).encode()


def found_in(content: bytes) -> Reproduction:
    return read(content, "old.json", registry.registered)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({}, {}),
        ({"policies": {"cases": "wallclock-lww"}}, {"tables": {"cases": "wallclock-lww"}}),
        (
            {"policies": {"cases": "wallclock-lww", "events": "wallclock-lww"}, "passes_on": False},
            {"rows": "wallclock-lww", "passes_on": False},
        ),
        (
            {"policies": {"events": "causal-lww"}, "rollback_keeps_log": True},
            {"rollback_keeps_log": True},
        ),
        ({"heal_catches_up": False}, {"heal_catches_up": False}),
    ],
)
def test_guarantees(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert found_in(old_file(guarantees=old)).guarantees == Guarantees(**new)


def test_the_target_was_a_fact() -> None:
    found = found_in(old_file(found={"target": "simulated", "network": 3}))
    assert (found.target, found.network, found.expected) == ("simulated", 3, PASSES)
    assert found_in(old_file()).target == "embedded"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"target": "embedded"}, "a file of version 1 has no field 'target'"),
        ({"found": {"target": 3}}, "field `target`: expected a text, found 3"),
        ({"steps": [{**CREATE, "title": 1}]}, "step 1, field `title`: expected a text, found 1"),
        ({"steps": [{**CREATE, "more": 1}]}, "step 1: unknown field 'more'"),
        ({"steps": [{"op": "create_case", "node": "n1"}]}, "step 1: the field `case` is missing"),
        (
            {"steps": [CREATE, {"op": "increment_case", "node": "n1", "case": "c1", "by": True}]},
            "step 2, field `by`: expected a whole number",
        ),
        (
            {"steps": [{"op": "burst", "steps": [{**CREATE, "case": []}]}]},
            "step 1, step 1, field `case`",
        ),
        (
            {"steps": [{"op": "delete", "node": "n1", "table": "cases", "row": "c1"}]},
            "unknown op 'delete' in version 1",
        ),
        ({"steps": [3]}, "step 1: expected an object with an `op`"),
        ({"steps": {}}, "field `steps`: expected a list"),
        ({"guarantees": {"rows": "causal-lww"}}, "unknown field 'rows'"),
        ({"guarantees": {"policies": {"notes": "causal-lww"}}}, "unknown field 'notes'"),
        ({"guarantees": {"policies": {"cases": "best"}}}, "unknown 'best'"),
        ({"guarantees": {"policies": []}}, "field `policies`: expected an object"),
        ({"nodes": {"n1": 9}}, "there is no generation 9"),
    ],
)
def test_malformed(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(FormatError, match=r"^old\.json") as caught:
        found_in(old_file(**changes))
    assert reason in str(caught.value)


def test_bursts_without_end() -> None:
    step: dict[str, Any] = CREATE
    for _ in range(300):
        step = {"op": "burst", "steps": [step]}
    with pytest.raises(FormatError, match=r"old\.json"):
        found_in(old_file(steps=[step]))
