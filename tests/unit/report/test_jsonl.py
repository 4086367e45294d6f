"""A record: written while a run goes on, read back into steps, and never a traceback."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from syncmodel.engine.history import Began, Ended, Performed, Verdict
from syncmodel.engine.run import Result, run
from syncmodel.errors import FormatError, InvalidRunError, UsageError
from syncmodel.model.divergence import Divergence, Kind
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import Outcome, accepted
from syncmodel.model.values import Row, Value, Write
from syncmodel.model.view import View
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.report.jsonl import Recorder, is_record, read_failing_runs
from syncmodel.steps import Add, Burst, Create, Cut, Delete, Resync, dump
from syncmodel.targets import registry
from syncmodel.targets.wire import SUPERTEST

NET = fully_connected(SUPERTEST, 2)
STEPS = (
    Create("n1", "cases", "c1", (("title", "t1"),)),
    Burst((Resync("n2"), Delete("n1", "cases", "c1"))),
)


def record(path: Path, *bugs: str) -> Result:
    with Recorder(path, {"target": "simulated", "bugs": list(bugs)}) as recorder:
        target = SimulatedCluster(2, bugs)
        return asyncio.run(run(target, NET, STEPS, observe=recorder))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_everything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    assert record(path).verdict is Verdict.PASS
    header, *entries = lines(path)
    assert header["target"] == "simulated"
    kinds = [entry["entry"] for entry in entries]
    assert kinds == ["began", "rest", *(["take", "step", "rest"] * 2), "end"]
    assert entries[0]["nodes"] == {"n1": 2, "n2": 2}
    assert entries[2] == {"entry": "take", "run": entries[0]["run"], "index": 1} | {
        "step": entries[3]["step"]
    }
    assert entries[3]["outcome"]["answer"] == "ok"
    assert entries[3]["outcome"]["row"]["title"] == "t1"
    shown = {"cases": [{"id": "c1", "title": "t1", "counter": 0}], "events": []}
    assert entries[4]["views"] == {"n1": shown, "n2": shown}
    assert [part["answer"] for part in entries[6]["outcome"]["parts"]] == ["ok", "ok"]
    assert entries[-1]["verdict"] == "pass"
    assert read_failing_runs(path, registry.registered) == ()


def test_a_failing_run_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    result = record(path, "tombstone-lost-on-resync")
    assert result.verdict is Verdict.DIVERGED
    (found,) = read_failing_runs(path, registry.registered)
    assert (found.net, found.steps) == (NET, STEPS)
    assert found.divergences == result.divergences
    assert found.facts["bugs"] == ["tombstone-lost-on-resync"]


def test_every_line_is_there_at_once(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    counts = []
    with Recorder(path, {}) as recorder:

        def observe(entry: Any) -> None:
            recorder(entry)
            counts.append(len(path.read_text().splitlines()))

        asyncio.run(run(SimulatedCluster(2), NET, STEPS, observe=observe))
    assert counts == list(range(2, 11))


def test_the_step_is_there_before_it_is_performed(tmp_path: Path) -> None:
    class Breaks(SimulatedCluster):
        async def write(self, node: str, write: Write) -> Outcome:
            raise SystemExit("as if the tester was killed")

    path = tmp_path / "run.jsonl"
    with Recorder(path, {}) as recorder, pytest.raises(SystemExit):
        asyncio.run(run(Breaks(2), NET, STEPS, observe=recorder))
    assert lines(path)[-1]["step"] == dump(STEPS[0])


def test_a_last_line_that_was_torn_off_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    record(path, "tombstone-lost-on-resync")
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"entry": "beg')
    assert len(read_failing_runs(path, registry.registered)) == 1
    path.write_bytes(whole[:-20])
    assert read_failing_runs(path, registry.registered) == ()


def test_a_full_disk_is_one_sentence() -> None:
    with pytest.raises(InvalidRunError, match="/dev/full can't be written on: No space left"):
        Recorder(Path("/dev/full"), {})


def test_a_record_that_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file or directory"):
        Recorder(tmp_path / "no" / "such", {})


HEADER = '{"format": "syncmodel-record", "version": 2, "target": "simulated"}\n'
FIRST = HEADER.replace("2", "1")
STEP = (
    '{"entry": "step", "run": 1, "step": {"op": "create", "node": "n1", "table": "cases", '
    '"row": "c1", "values": {"title": "t1"}}}\n'
)
END = '{"entry": "end", "run": 1, "verdict": "diverged"}\n'
BEGAN = '{"entry": "began", "run": 1, "nodes": {"n1": 2, "n2": 2}}\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no record of this version"),
        ("nonsense\n", "line 1 is not valid JSON"),
        ("[]\n", "line 1: expected an object"),
        ('{"format": "syncmodel-record", "version": 3}\n', "no record of this version"),
        (HEADER.replace('"simulated"', "[]"), "line 1, field `target`: expected a text"),
        (HEADER + "{\n", "line 2 is not valid JSON"),
        (HEADER + "[" * 100_000 + "\n", "line 2: nested too deeply"),
        (HEADER + '{"entry": "step"}\n', "line 2: not an entry that can stand here"),
        (HEADER + '{"entry": "began", "run": 1, "nodes": {"../n7": 2}}\n', "line 2, .* is no name"),
        (HEADER + '{"entry": "began", "run": 1, "nodes": {"n1": 9}}\n', "there is no generation 9"),
        (HEADER + '{"entry": "began", "run": [1], "nodes": {}}\n', "`run`: expected a whole"),
        (HEADER + BEGAN + '{"entry": "step", "run": 1}\n', "line 3: the field `step` is missing"),
        (HEADER + BEGAN + '{"entry": "step", "run": 2}\n', "line 3: not an entry"),
        (HEADER + BEGAN + STEP.replace("create", "create_case"), "3: unknown op 'create_case'"),
        (FIRST + BEGAN + STEP, "line 3: unknown op 'create' in version 1"),
        (HEADER + BEGAN + END, "line 3: the field `divergences` is missing"),
        (HEADER + BEGAN + '{"entry": "bogus"}\n', "line 3: not an entry"),
    ],
)
def test_malformed(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(text)
    with pytest.raises(FormatError, match=words) as raised:
        read_failing_runs(path, registry.registered)
    assert str(path) in str(raised.value)


OLD = """\
{"format": "syncmodel-record", "version": 1, "target": "embedded", "seed": 7}
{"entry": "began", "run": 4, "nodes": {"n1": 2, "n2": 3}}
{"entry": "step", "run": 4, "index": 1, "step": {"op": "create_case", "node": "n1", "case": "c1",\
 "title": "t1"}, "outcome": {"answer": "ok"}, "seconds": 0.1}
{"entry": "rest", "run": 4, "index": 1, "how": "quiet", "seconds": 0.1, "views": {"n1": {"cases":\
 [{"id": "c1", "title": "t1", "counter": 0}], "events": []}, "n2": null}}
{"entry": "step", "run": 4, "index": 2, "step": {"op": "burst", "steps": [{"op": "cut", "from":\
 "n1", "to": "n2"}, {"op": "increment_case", "node": "n2", "case": "c1", "by": 1}]},\
 "outcome": {"answer": "ok"}}
{"entry": "end", "run": 4, "index": 2, "verdict": "diverged", "divergences": [{"name": "stale",\
 "node": "n2", "row": {"table": "cases", "id": "c1"}, "expected": "x", "shown": "y"}]}
"""


def test_a_record_of_the_first_version(tmp_path: Path) -> None:
    path = tmp_path / "old.jsonl"
    path.write_text(OLD)
    (found,) = read_failing_runs(path, registry.registered)
    assert (found.number, dict(found.net.running)) == (4, {"n1": 2, "n2": 3})
    assert found.steps == (
        Create("n1", "cases", "c1", (("title", "t1"),)),
        Burst((Cut("n1", "n2"), Add("n2", "cases", "c1", "counter", 1))),
    )
    assert found.divergences == (Divergence(Kind.STALE, "n2", Row("cases", "c1"), "x", "y"),)
    assert (found.system.name, found.facts["seed"]) == ("embedded", 7)


def test_lines_of_several_runs_may_alternate(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    record(path, "tombstone-lost-on-resync")
    header, *one = path.read_text().splitlines()
    run = json.loads(one[0])["run"]
    other = [line.replace(f'"run": {run}', f'"run": {run - 1}').replace("t1", "t9") for line in one]
    mixed = [line for pair in zip(one, other, strict=True) for line in pair]
    path.write_text("\n".join([header, *mixed, ""]))
    first, second = read_failing_runs(path, registry.registered)
    assert (first.number, second.number) == (run - 1, run)
    assert second.steps == STEPS
    assert first.steps == (Create("n1", "cases", "c1", (("title", "t9"),)), STEPS[1])


def test_another_process_joins_a_record(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with Recorder(path, {"target": "simulated"}), Recorder(path, None) as joined:
        asyncio.run(run(SimulatedCluster(2), NET, STEPS, observe=joined))
    assert [line.get("entry", "header") for line in lines(path)][:2] == ["header", "began"]


def test_a_target_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(HEADER.replace("simulated", "mine:Store") + BEGAN)
    with pytest.raises(UsageError, match=r"line 1, field `target`: .*'mine:Store' is not regist"):
        read_failing_runs(path, registry.registered)
    assert read_failing_runs(path, registry.get("simulated")) == ()


def test_nothing_of_a_node_is_written_raw(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    title = "\x1b[31m\u202e\x00\ud800"
    shown = View(((Row("cases", title), Value((("title", title), ("counter", 0)))),))
    with Recorder(path, {}) as recorder:
        recorder(Began(1, NET))
        row = {"title": title, "what": b"?"}
        recorder(Performed(1, STEPS[0], accepted(row), 0.1))
        recorder(Ended(1, Verdict.PASS, views={"n1": shown, "n2": None}))
    assert all(line.isprintable() for line in path.read_text().splitlines())
    *_, step, end = lines(path)
    assert step["outcome"]["row"] == {"title": title, "what": "b'?'"}
    cases = [{"id": title, "title": title, "counter": 0}]
    assert end["views"] == {"n1": {"cases": cases, "events": []}, "n2": None}


def test_a_column_of_a_row(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    found = Divergence(Kind.STALE, "n1", Row("cases", "c1", "title"), "x", "y")
    with Recorder(path, {"target": "simulated"}) as recorder:
        recorder(Began(1, NET))
        recorder(Ended(1, Verdict.DIVERGED, (found,)))
    assert read_failing_runs(path, registry.registered)[0].divergences == (found,)


def test_what_is_a_record(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.write_text(HEADER)
    assert is_record(path)
    path.write_text("{}")
    assert not is_record(path)
    assert not is_record(tmp_path / "nothing")
