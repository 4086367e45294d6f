"""A record: written while a run goes on, read back into steps, and never a traceback."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from syncmodel.engine.history import Verdict
from syncmodel.engine.run import Result, run
from syncmodel.errors import FormatError, InvalidRunError, UsageError
from syncmodel.model.net import fully_connected
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.report.jsonl import Recorder, is_record, read_failing_runs
from syncmodel.steps import Burst, CreateCase, DeleteCase, Resync

STEPS = (
    CreateCase("n1", "c1", "t1"),
    Burst((Resync("n2"), DeleteCase("n1", "c1"))),
)


def record(path: Path, *bugs: str) -> Result:
    with Recorder(path, {"target": "simulated", "bugs": list(bugs)}) as recorder:
        target = SimulatedCluster(2, bugs)
        return asyncio.run(run(target, fully_connected(2), STEPS, observe=recorder))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_everything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    assert record(path).verdict is Verdict.PASS
    header, *entries = lines(path)
    assert header["target"] == "simulated"
    kinds = [entry["entry"] for entry in entries]
    assert kinds == ["began", "rest", "step", "rest", "step", "rest", "end"]
    assert entries[0]["nodes"] == {"n1": 2, "n2": 2}
    assert entries[2]["outcome"]["answer"] == "ok"
    assert entries[2]["outcome"]["row"]["title"] == "t1"
    shown = {"cases": [{"id": "c1", "title": "t1", "counter": 0}], "events": []}
    assert entries[3]["views"] == {"n1": shown, "n2": shown}
    assert [part["answer"] for part in entries[4]["outcome"]["parts"]] == ["ok", "ok"]
    assert entries[-1]["verdict"] == "pass"
    assert read_failing_runs(path) == ()


def test_a_failing_run_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    result = record(path, "tombstone-lost-on-resync")
    assert result.verdict is Verdict.DIVERGED
    (found,) = read_failing_runs(path)
    assert (found.net, found.steps) == (fully_connected(2), STEPS)
    assert found.divergences == result.divergences
    assert found.facts["bugs"] == ["tombstone-lost-on-resync"]


def test_every_line_is_there_at_once(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    counts = []
    with Recorder(path, {}) as recorder:

        def observe(entry: Any) -> None:
            recorder(entry)
            counts.append(len(path.read_text().splitlines()))

        asyncio.run(run(SimulatedCluster(2), fully_connected(2), STEPS, observe=observe))
    assert counts == list(range(2, 9))


def test_a_last_line_that_was_torn_off_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    record(path, "tombstone-lost-on-resync")
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"entry": "beg')
    assert len(read_failing_runs(path)) == 1
    path.write_bytes(whole[:-20])
    assert read_failing_runs(path) == ()


def test_a_full_disk_is_one_sentence() -> None:
    with pytest.raises(InvalidRunError, match="/dev/full can't be written on: No space left"):
        Recorder(Path("/dev/full"), {})


def test_a_record_that_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file or directory"):
        Recorder(tmp_path / "no" / "such", {})


HEADER = '{"format": "syncmodel-record", "version": 1}\n'
BEGAN = '{"entry": "began", "run": 1, "nodes": {"n1": 2, "n2": 2}}\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no record of this version"),
        ("nonsense\n", "line 1: no JSON"),
        ("[]\n", "line 1: expected an object"),
        ('{"format": "syncmodel-record", "version": 2}\n', "no record of this version"),
        (HEADER + "{\n", "line 2: no JSON"),
        (HEADER + "[" * 100_000 + "\n", "line 2: no JSON"),
        (HEADER + '{"entry": "step"}\n', "line 2: not an entry that can stand here"),
        (HEADER + '{"entry": "began", "run": 1, "nodes": {"n7": 2}}\n', "line 2: malformed"),
        (HEADER + '{"entry": "began", "run": 1, "nodes": {"n1": 9}}\n', "line 2: malformed"),
        (HEADER + BEGAN + '{"entry": "step", "run": 1}\n', "line 3: malformed: KeyError"),
        (
            HEADER + BEGAN + '{"entry": "step", "run": 1, "step": {"op": "x"}}\n',
            "line 3: unknown op 'x'",
        ),
        (HEADER + BEGAN + '{"entry": "end", "run": 1, "verdict": "diverged"}\n', "3: malformed"),
        (HEADER + BEGAN + '{"entry": "rest", "run": 2}\n', "line 3: not an entry"),
        (HEADER + BEGAN.replace('"run": 1, ', ""), "line 2: malformed: KeyError"),
        (HEADER + BEGAN + '{"entry": "bogus"}\n', "line 3: not an entry"),
    ],
)
def test_malformed(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(text)
    with pytest.raises(FormatError, match=words) as raised:
        read_failing_runs(path)
    assert str(path) in str(raised.value)


def test_what_is_a_record(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.write_text(HEADER)
    assert is_record(path)
    path.write_text("{}")
    assert not is_record(path)
    assert not is_record(tmp_path / "nothing")
