"""The control plane in a record: every look, whichever fields it has, and back."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import asdict, fields, replace

from syncmodel.corpus.fields import Fields
from syncmodel.engine.history import Ended, Entry, Rested
from syncmodel.engine.run import run
from syncmodel.errors import FormatError
from syncmodel.model.members import Member, MembersView
from syncmodel.model.net import fully_connected
from syncmodel.model.view import ControlView
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.report.jsonl import Recorder
from syncmodel.report.looks import FIELDS, Looks, plain, read
from syncmodel.steps import Create, Rollback
from syncmodel.targets.wire import SUPERTEST

NET = fully_connected(SUPERTEST, 2)
STEPS = (Create("n1", "cases", "c1", (("title", "t1"),)), Rollback(("n1",), 1))
MEMBER = Member("n1", "ab" * 32, "active", trusted=True, addresses=("here",))
LOOK = ControlView(
    selected=2,
    running=1,
    links=(2, 1),
    plugin=None,
    tables=("cases",),
    healthy=False,
    problems=("\x1b[31m it does not run",),
    stored=("cases", "events"),
    members=MembersView((MEMBER,), (), frozenset({"n3", "n2"})),
    unseen=frozenset({"stored"}),
)


def recorded(path: Path) -> tuple[list[dict[str, Any]], list[Entry]]:
    entries: list[Entry] = []
    with Recorder(path, {"target": "simulated"}) as recorder:

        def observe(entry: Entry) -> None:
            entries.append(entry)
            recorder(entry)

        asyncio.run(run(SimulatedCluster(2), NET, STEPS, observe=observe))
    return [json.loads(line) for line in path.read_text().splitlines()], entries


def test_a_look_has_all_of_its_fields_and_is_read_back() -> None:
    assert set(plain(LOOK)) == {each.name for each in fields(ControlView)} == set(FIELDS)
    assert read(json.loads(json.dumps(plain(LOOK))), "here") == LOOK
    bare = ControlView(1, 1, (1, 1), 1, (), healthy=True)
    assert read(plain(bare), "here") == bare


def test_equal_looks_are_equal_texts() -> None:
    members = LOOK.members
    assert members is not None
    other = replace(LOOK, members=replace(members, connected=frozenset(["n2", "n3"])))
    assert json.dumps(plain(other)) == json.dumps(plain(LOOK))


@pytest.mark.parametrize(
    "wrong",
    [
        {"selected": "2"},
        {"links": [1]},
        {"healthy": 1},
        {"members": []},
        {"tables": None},
        {"unseen": [[]]},
        {"more": 1},
    ],
    ids=str,
)
def test_what_is_no_look_is_one_sentence(wrong: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match="here"):
        read({**plain(LOOK), **wrong}, "here")
    with pytest.raises(FormatError, match="here"):
        read({}, "here")


def test_who_says_the_same_again_is_written_as_when_it_was_said() -> None:
    writing, reading = Looks(), Looks()
    other = replace(LOOK, healthy=True)
    seen = [
        (0, {"n1": LOOK, "n2": LOOK}),
        (3, {"n1": LOOK}),
        (4, {"n1": other, "n2": LOOK}),
        (5, {"n1": other}),
    ]
    lines = [writing.dump(control, index) for index, control in seen]
    assert lines[1] == {"n1": 0}
    assert lines[2] == {"n1": plain(other), "n2": 0}
    assert lines[3] == {"n1": 4}
    for (index, control), line in zip(seen, lines, strict=True):
        assert reading.read(Fields({"control": line}, "here"), index) == control


@pytest.mark.parametrize("number", [0, 2, -1, 10**63])
def test_a_number_of_no_look_is_refused(number: int) -> None:
    reading = Looks()
    reading.read(Fields({"control": {"n1": plain(LOOK)}}, "here"), 1)
    with pytest.raises(FormatError, match="not looked at last then"):
        reading.read(Fields({"control": {"n1": number}}, "here"), 3)
    with pytest.raises(FormatError, match="not looked at last then"):
        Looks().read(Fields({"control": {"n2": number}}, "here"), 3)


def test_the_control_plane_is_in_the_record_wherever_it_was_looked_at(tmp_path: Path) -> None:
    lines, entries = recorded(tmp_path / "run.jsonl")
    rests = [line for line in lines if line.get("entry") == "rest"]
    seen = [entry for entry in entries if isinstance(entry, Rested)]
    # Before the first write, and after the step that restarts a node; not after the write.
    assert [bool(one.control) for one in seen] == [True, False, True]
    assert ["control" in line for line in rests] == [True, False, True]
    assert set(rests[0]["control"]) == {"n1", "n2"}
    assert rests[0]["control"]["n1"]["selected"] == 2
    assert rests[0]["control"]["n1"]["members"]["connected"] == ["n2"]
    assert rests[2]["control"]["n1"]["selected"] == 1
    assert rests[2]["control"]["n2"] == 0
    reading = Looks()
    for line, entry in zip(rests, seen, strict=True):
        assert reading.read(Fields(line, "here"), entry.index) == entry.control


def test_the_end_says_whether_its_sights_are_of_the_last_step(tmp_path: Path) -> None:
    lines, entries = recorded(tmp_path / "run.jsonl")
    end = entries[-1]
    assert isinstance(end, Ended)
    assert end.rested
    assert {node: asdict(look)["running"] for node, look in end.control.items()} == {
        "n1": 1,
        "n2": 2,
    }
    assert lines[-1]["rested"] is True
    assert lines[-1]["control"] == {"n1": 2, "n2": 0}


def test_the_promises_and_who_never_runs_are_in_the_record(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    net = replace(fully_connected(SUPERTEST, 3), down=frozenset({"n3"}))
    with Recorder(path, {"target": "simulated"}) as recorder:
        asyncio.run(run(SimulatedCluster(3), net, STEPS[:1], observe=recorder))
    began = json.loads(path.read_text().splitlines()[1])
    assert began["nodes"] == {"n1": 2, "n2": 2, "n3": 2}
    assert began["down"] == ["n3"]
    assert began["guarantees"] == {}
