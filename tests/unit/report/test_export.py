"""A recorded run in the forms of Elle and Jepsen, read back by an EDN reader that is not ours."""

from __future__ import annotations

import contextlib
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import edn_format
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from saved_runs import saved

from syncmodel.cli import main
from syncmodel.corpus import Reproduction, usual
from syncmodel.engine.drive import Straight
from syncmodel.engine.run import run
from syncmodel.errors import SyncModelError
from syncmodel.model.outcome import Outcome, refused, unknown
from syncmodel.model.values import Write
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.report.export.calls import read_history
from syncmodel.report.export.edn import Keyword, to_edn
from syncmodel.report.export.elle import Registers
from syncmodel.report.jsonl import Recorder
from syncmodel.steps import (
    Add,
    Burst,
    Concurrently,
    Crash,
    Create,
    Cut,
    Delete,
    Fill,
    Read,
    Resync,
    Set,
    Step,
)
from syncmodel.targets import registry
from syncmodel.targets.wire import SUPERTEST

KIND = registry.get("simulated")
CREATE = Create("n1", "cases", "c1", (("title", "t1"),))
SET, BACK = Set("n2", "cases", "c1", "title", "t2"), Resync("n2")
CORPUS = [one for _, one in saved() if one.schema == SUPERTEST]
Op = dict[str, Any]


def recorded(
    folder: Path, steps: tuple[Step, ...], *bugs: str, target: SimulatedCluster | None = None
) -> Path:
    one = Reproduction("A run", usual(SUPERTEST, 2), steps, system=KIND)
    return of(folder, one, target or SimulatedCluster(2, bugs))


def of(folder: Path, one: Reproduction, target: SimulatedCluster) -> Path:
    path = folder / "run.jsonl"
    with Recorder(path, {"target": "simulated"}) as record:
        Straight().run(run(target, one.net, one.steps, one.guarantees, record))
    return path


def exported(path: Path, form: str, *words: str) -> list[Op]:
    """The history, as the reader of its form has it; keywords of EDN are texts then."""
    to = path.with_suffix(".out")
    assert main(["export", str(path), "--as", form, "--to", str(to), *words]) == 0
    text = to.read_text(encoding="utf-8")
    if form.endswith("json"):
        found: list[Op] = json.loads(text)
        return found
    return [plain(edn_format.loads(line)) for line in text.splitlines()]


def plain(value: Any) -> Any:
    if isinstance(value, edn_format.Keyword):
        return value.name
    if isinstance(value, str):
        # Halves of a character stand for it, as in Java: this reader leaves them halves.
        return value.encode("utf-16", "surrogatepass").decode("utf-16")
    if hasattr(value, "items"):
        return {plain(name): plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)) or type(value).__name__ == "ImmutableList":
        return [plain(each) for each in value]
    return value


def check_published_form(ops: list[Op]) -> None:
    """What jepsen-io/history asks of every history."""
    assert [op["index"] for op in ops] == list(range(len(ops)))
    times = [op["time"] for op in ops]
    assert times == sorted(times)
    doing: dict[object, Op] = {}
    crashed = set[object]()
    for op in ops:
        assert {"type", "process", "f", "value", "time", "index"} <= op.keys()
        who = op["process"]
        if who == "nemesis":
            assert op["type"] == "info"
            continue
        assert type(who) is int
        assert who not in crashed
        if op["type"] == "invoke":
            assert who not in doing, "a process does one thing at a time"
            doing[who] = op
        else:
            assert op["type"] in ("ok", "fail", "info")
            begun = doing.pop(who)
            assert (begun["f"], begun["node"]) == (op["f"], op["node"])
            if op["type"] == "info":
                crashed.add(who)
    assert not doing


def test_everything_that_was_asked_and_seen_is_in_jepsens_form(tmp_path: Path) -> None:
    steps = (CREATE, Cut("n1", "n2"), Add("n1", "cases", "c1", "counter", 1), Crash("n2"))
    ops = exported(recorded(tmp_path, steps), "jepsen-edn")
    check_published_form(ops)
    does = [(op["type"], op["f"]) for op in ops if op["f"] != "sight"]
    assert does == [
        *(("invoke", "create"), ("ok", "create"), ("info", "cut"), ("info", "cut")),
        *(("invoke", "add"), ("ok", "add"), ("info", "crash"), ("info", "crash")),
    ]
    last = [op for op in ops if op["type"] == "ok"][-1]
    row = {"id": "c1", "title": "t1", "counter": 1}
    assert (last["node"], last["value"]) == ("n1", {"cases": [row]})
    assert exported(tmp_path / "run.jsonl", "json") == ops


def test_the_sight_that_diverged_is_in_it_too(tmp_path: Path) -> None:
    steps = (CREATE, Burst((BACK, Delete("n1", "cases", "c1"))))
    ops = exported(recorded(tmp_path, steps, "tombstone-lost-on-resync"), "jepsen-edn")
    check_published_form(ops)
    assert [op["f"] for op in ops][-2:] == ["sight", "sight"]
    assert ops[-1]["value"]["cases"] == [{"id": "c1", "title": "t1", "counter": 0}]
    assert ops[-1]["time"] > next(op["time"] for op in ops[::-1] if op["f"] == "delete")


def test_an_answer_that_diverged_is_no_sight(tmp_path: Path) -> None:
    class Forgets(SimulatedCluster):
        async def write(self, node: str, write: Write) -> Outcome:
            return refused("exists")

    ops = exported(recorded(tmp_path, (CREATE,), target=Forgets(2)), "jepsen-edn")
    assert [(op["type"], op["f"]) for op in ops[-2:]] == [("invoke", "create"), ("fail", "create")]
    assert ops[-1]["error"] == "exists"


def test_what_was_done_at_once_overlaps_and_a_burst_does_not(tmp_path: Path) -> None:
    other = Create("n2", "cases", "c2", (("title", "t2"),))
    for both, kinds in (
        (Concurrently((CREATE, other)), ["invoke", "invoke", "ok", "ok"]),
        (Burst((CREATE, other)), ["invoke", "ok", "invoke", "ok"]),
    ):
        ops = exported(recorded(tmp_path, (both,)), "json")
        check_published_form(ops)
        assert [op["type"] for op in ops if op["f"] == "create"] == kinds


def test_who_got_no_answer_asks_nothing_more(tmp_path: Path) -> None:
    class Silent(SimulatedCluster):
        async def write(self, node: str, write: Write) -> Outcome:
            await super().write(node, write)
            return unknown("a timeout")

    steps = (CREATE, Create("n1", "cases", "c2", (("title", "t2"),)))
    ops = exported(recorded(tmp_path, steps, target=Silent(2)), "jepsen-edn")
    check_published_form(ops)
    creates = [op for op in ops if op["f"] == "create"]
    assert [op["type"] for op in creates] == ["invoke", "info"] * 2
    assert creates[1]["error"] == "a timeout"


def test_a_record_that_was_cut_off_ends_with_what_nobody_knows(tmp_path: Path) -> None:
    path = recorded(tmp_path, (CREATE, SET))
    lines = path.read_text().splitlines(keepends=True)
    last = next(n for n, line in enumerate(lines) if '"op": "set"' in line)
    path.write_text("".join(lines[: last + 1]) + lines[last + 1][:20])
    ops = exported(path, "jepsen-edn")
    check_published_form(ops)
    assert [(op["type"], op["f"]) for op in ops[-2:]] == [("invoke", "set"), ("info", "set")]


def test_elle_gets_transactions_on_registers(tmp_path: Path) -> None:
    steps = (CREATE, Cut("n1", "n2"), evolve(SET, node="n1"), Read("n2", "cases", "c1"))
    ops = exported(recorded(tmp_path, steps), "elle-edn")
    check_published_form(ops)
    check_registers(ops)
    title, severity = "cases/c1.title", "cases/c1.severity"
    oks = [(op["node"], op["value"]) for op in ops if op["type"] == "ok"]
    # The first sights, a write with its sights, the sights after the cut, and so on.
    assert oks[1] == ("n2", [["r", severity, None], ["r", title, None]])
    assert oks[2] == ("n1", [["w", title, "t1"], ["w", severity, "normal"]])
    assert oks[7] == ("n1", [["w", title, "t2"]])
    # Nodes of version 1 do not show the severity, so nothing is said of it.
    assert oks[8:11] == [
        (n, [["r", title, v]]) for n, v in (("n1", "t2"), ("n2", "t1"), ("n2", "t1"))
    ]


def check_registers(ops: list[Op]) -> None:
    """What elle.rw-register asks: micro-operations, each value written once in a register."""
    written = defaultdict[str, list[Any]](list)
    for op in ops:
        assert op["f"] == "txn"
        for does, register, value in op["value"]:
            assert does in ("r", "w")
            if op["type"] == "invoke" and does == "w":
                assert value is not None
                written[register].append(value)
            if op["type"] != "ok" and does == "r":
                assert value is None
    for register, values in written.items():
        assert len(set(values)) == len(values), register


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ((CREATE, Delete("n2", "cases", "c1")), "registers of rows that are deleted (2)"),
        ((CREATE,), "counters (1)"),
        (
            (Cut("n1", "n2"), CREATE, Create("n2", "cases", "c1", (("title", "t2"),))),
            "registers in which a value is written twice (1)",
        ),
    ],
    ids=["deleted", "counter", "twice"],
)
def test_what_elle_can_t_judge_is_left_out_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], steps: tuple[Step, ...], why: str
) -> None:
    exported(recorded(tmp_path, steps), "elle-edn")
    assert why in capsys.readouterr().err


def test_a_row_that_is_hidden_by_a_deleted_one_is_left_out(tmp_path: Path) -> None:
    event = Create("n1", "events", "e1", (("case", "c1"), ("body", "b1")))
    path = recorded(tmp_path, (CREATE, event, Delete("n1", "cases", "c1")))
    assert Registers.of(read_history(path, KIND)).kept == []


def test_many_rows_at_once_are_many_writes(tmp_path: Path) -> None:
    ops = exported(recorded(tmp_path, (Fill("n1", "cases", 1000, 9),)), "elle-json")
    check_published_form(ops)
    check_registers(ops)
    assert sum(op["type"] == "invoke" and op["value"][0][0] == "w" for op in ops) == 9


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.sampled_from(CORPUS), st.booleans())
def test_every_run_has_a_history_in_the_published_form(
    tmp_path_factory: pytest.TempPathFactory, one: Reproduction, planted: bool
) -> None:
    bugs = (one.bug,) if planted and one.bug else ()
    folder = tmp_path_factory.mktemp("export")
    path = of(folder, one, SimulatedCluster(len(one.nodes), bugs))
    check_published_form(exported(path, "jepsen-edn"))
    ops = exported(path, "elle-edn")
    check_published_form(ops)
    check_registers(ops)
    if not planted:
        # Of a correct system no value is read that nobody wrote, and none that was refused.
        wrote = {(r, v) for op in ops for f, r, v in op["value"] if f == "w" and op["type"] == "ok"}
        wrote |= {(r, v) for op in ops for f, r, v in op["value"] if op["type"] == "info"}
        for op in ops:
            for does, register, value in op["value"]:
                if does == "r" and value is not None:
                    assert (register, value) in wrote


def test_of_several_runs_the_first_that_failed_is_taken_or_the_one_named(tmp_path: Path) -> None:
    lines = list[str]()
    for number, bugs in enumerate(((), ("tombstone-lost-on-resync",)), 1):
        steps = (CREATE, Burst((BACK, Delete("n1", "cases", "c1"))))
        text = recorded(tmp_path, steps, *bugs).read_text().splitlines()
        head, body = text[0], [json.loads(line) | {"run": number} for line in text[1:]]
        lines = lines or [head]
        lines += map(json.dumps, body)
    path = tmp_path / "run.jsonl"
    path.write_text("\n".join(lines) + "\n")
    assert read_history(path, KIND).number == 2
    assert read_history(path, KIND, 1).number == 1
    with pytest.raises(SyncModelError, match=r"There is no run 3 in .*run\.jsonl"):
        read_history(path, KIND, 3)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(VALUES)
def test_edn_is_read_back_as_it_was(value: Any) -> None:
    text = to_edn(value)
    assert text.isprintable()
    assert plain(edn_format.loads(text)) == value


def test_escapes_that_edn_lacks_are_numbers() -> None:
    assert to_edn('\b\f\\b"\n\u202e') == '"\\u0008\\u000c\\\\b\\"\\n\\u202e"'


def test_keywords_are_keywords() -> None:
    assert to_edn({Keyword("f"): [Keyword("r"), "r", 1.5]}) == '{:f [:r "r" 1.5]}'
    with pytest.raises(TypeError, match="EDN has no form"):
        to_edn(object())


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_a_record_has_in_it_is_a_history_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("any")
    path = recorded(folder, (CREATE, Burst((SET, Read("n1", "cases")))))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    place = data.draw(st.integers(1, len(lines) - 1))
    name, at = data.draw(st.sampled_from(list(spots(lines[place]))))
    at[name] = data.draw(VALUES)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with contextlib.suppress(SyncModelError):
        Registers.of(read_history(path, KIND))


def spots(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a JSON value: the name, and what has it."""
    for name in value if isinstance(value, dict) else range(len(value)):
        yield name, value
        if isinstance(value[name], (dict, list)):
            yield from spots(value[name])


def test_a_saved_run_and_an_old_record_are_refused_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from syncmodel.corpus import save

    one = evolve(CORPUS[0])
    assert main(["export", str(save(tmp_path, one)), "--as", "json"]) == 2
    assert "replay --record run.jsonl" in capsys.readouterr().err
    old = tmp_path / "old.jsonl"
    old.write_text('{"format": "syncmodel-record", "version": 1, "target": "simulated"}\n')
    assert main(["export", str(old), "--as", "json"]) == 2
    assert "record the run again" in capsys.readouterr().err


@pytest.mark.parametrize("what", ["itself", "a link to it", "another record", "a saved run"])
def test_a_history_takes_the_place_of_no_record_and_no_run(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from syncmodel.corpus import save

    record = recorded(tmp_path, (CREATE,))
    other = tmp_path / "other.jsonl"
    if what == "a link to it":
        other.symlink_to(record)
    elif what == "another record":
        other.write_bytes(record.read_bytes())
    to = {"itself": record, "a saved run": save(tmp_path, evolve(CORPUS[0]))}.get(what, other)
    before = to.read_bytes()
    assert main(["export", str(record), "--as", "json", "--to", str(to)]) == 2
    assert "another file" in capsys.readouterr().err
    assert to.read_bytes() == before


def test_a_history_takes_the_place_of_a_history(tmp_path: Path) -> None:
    record = recorded(tmp_path, (CREATE,))
    assert exported(record, "json") == exported(record, "json")
