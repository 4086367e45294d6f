"""No verb prints what a file, a record, a node or an argument has in it, but as printable text."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from syncmodel.cli import main
from syncmodel.corpus import Expected, Reproduction, save, usual
from syncmodel.errors import LINE_CHARACTERS
from syncmodel.steps import Create, Delete
from syncmodel.targets import registry
from syncmodel.targets.wire import SUPERTEST

SIMULATED = registry.get("simulated")
#: Escape sequences, C1, other directions, every kind of line end, and a text without end.
RAW = "\x1b[31m\x1b]0;x\x07\x9b1m\u202e\u2066\r\v\f\x85\u2028\x7f\u200f"
NASTY = RAW + "\n" + "x" * 9_000
STEPS = (Create("n1", "cases", RAW, (("title", NASTY),)), Delete("n2", "cases", RAW))
RUN = Reproduction(NASTY, usual(SUPERTEST, 2), STEPS, system=SIMULATED)
#: A target that says nasty things, in each place where a node says something.
MODULE = f"""\
from syncmodel.errors import InvalidRunError, UsageError
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.outcome import accepted, refused
from syncmodel.model.values import Row, Value
from syncmodel.model.view import View
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.targets.base import Settled, Unsettled
from syncmodel import ClusterMachine

NASTY = {NASTY!r}

class Refuses(SimulatedCluster):
    async def write(self, node, write):
        return refused(NASTY)

class Answers(SimulatedCluster):
    async def write(self, node, write):
        await super().write(node, write)
        return accepted({{"title": NASTY, "counter": 0, NASTY: NASTY}})

class Shows(SimulatedCluster):
    async def settle(self, net, *, control, limit_s):
        found = await super().settle(net, control=control, limit_s=limit_s)
        row = (Row("cases", NASTY), Value((("title", NASTY), ("counter", 0))))
        return Settled({{node: View((row,)) for node in found.views}}, found.control)

class Differs(SimulatedCluster):
    async def settle(self, net, *, control, limit_s):
        raise DivergenceFound((Divergence(Kind.STALE, NASTY, None, NASTY, NASTY),))

class Busy(SimulatedCluster):
    async def settle(self, net, *, control, limit_s):
        return Unsettled(NASTY)

class Breaks(SimulatedCluster):
    async def settle(self, net, *, control, limit_s):
        raise InvalidRunError(NASTY)

class Fails(SimulatedCluster):
    def __init__(self, *given):
        raise UsageError(NASTY)

class No(SimulatedCluster):
    async def write(self, node, write):
        raise OSError(5, NASTY, NASTY)

class Machine(ClusterMachine):
    '''Ours.'''
"""
TARGETS = ("Refuses", "Answers", "Shows", "Differs", "Busy", "Breaks", "Fails", "No", NASTY)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "nasty.py").write_text(MODULE)
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """What a call of the command line prints, of which every line is safe."""
    with contextlib.suppress(SystemExit):
        main(argv)
    told = capsys.readouterr()
    for line in (*told.out.split("\n"), *told.err.split("\n")):
        assert line.isprintable(), line
        assert len(line) <= LINE_CHARACTERS + 200
    return told.out + told.err


@pytest.mark.parametrize("target", TARGETS)
def test_what_a_node_says(target: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(save(here, RUN, "run.json"))
    named = ["--target", f"nasty:{target}"]
    assert said(capsys, "replay", *named, path)
    assert said(capsys, "minimize", *named, path)
    assert said(capsys, "report", *named, path, "-o", "pages")
    assert said(capsys, "replay", *named, path, "--report", "replayed")
    assert said(capsys, "explore", *named, "--sequences", "1", "--steps", "2", "--seed", "1")


def changed(**changes: Any) -> dict[str, Any]:
    saved: dict[str, Any] = json.loads(Path("run.json").read_text())
    return {**saved, **changes}


@pytest.mark.slow
def test_what_a_file_says(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(here, RUN, "run.json")
    invariant = Expected(("invariant", NASTY))
    told = said(capsys, "replay", "--check", str(save(here, RUN, "nasty\x1b\u202e\n.json")))
    assert "characters more)" in told
    assert "\\u001b" in told
    save(here, evolve(RUN, expected=invariant, found={"machine": NASTY}), "own.json")
    assert "expects the invariant" in said(capsys, "replay", "own.json")
    for name in (
        "title",
        "target",
        "bug",
        "pins",
        "nodes",
        "steps",
        "expected",
        "found",
        "version",
    ):
        for value in (NASTY, [NASTY], {NASTY: NASTY}, {"op": NASTY}, [{"op": NASTY, NASTY: 1}]):
            Path("bad.json").write_text(json.dumps(changed(**{name: value})))
            assert said(capsys, "replay", "bad.json")
            assert said(capsys, "minimize", "bad.json")
            assert said(capsys, "report", "bad.json")
    Path("bad.json").write_text(json.dumps(changed(**{NASTY: 1})))
    assert "unknown field" in said(capsys, "replay", "bad.json")


def test_what_a_record_says(capsys: pytest.CaptureFixture[str]) -> None:
    header = {"format": "syncmodel-record", "version": 2, "target": "simulated"}
    began = {"entry": "began", "run": 1, "nodes": {"n1": 2, "n2": 2}}
    create = {"op": "create", "node": "n1", "table": "cases", "row": RAW, "values": {"title": RAW}}
    step = {"entry": "step", "run": 1, "step": create}
    nasty = {"name": "stale", "node": NASTY, "row": None, "expected": NASTY, "shown": NASTY}
    end = {"entry": "end", "run": 1, "verdict": "diverged", "divergences": [nasty]}
    whole = [header, began, step, end]
    for i, line in enumerate(whole):
        for change in ({}, *({name: NASTY} for name in (*line, NASTY))):
            lines = [*whole[:i], {**line, **change}, *whole[i + 1 :]]
            Path("run.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
            assert said(capsys, "minimize", "run.jsonl")


@pytest.mark.parametrize(
    "argv",
    [
        (NASTY,),
        *(
            (verb, *rest)
            for verb in ("explore", "check", "replay", "minimize", "report", "node", "bugs")
            for rest in ((NASTY,), (f"--{NASTY}",), ("--bug", NASTY), ("--target", NASTY, "x"))
        ),
        ("explore", "--faults", NASTY),
        ("explore", "--seed", NASTY),
        ("explore", "--record", NASTY),
        ("explore", "--report", NASTY, "--sequences", "1", "--target", "simulated"),
        ("report", "-o", NASTY, "x"),
        ("explore", "--machine", NASTY),
        ("explore", "--machine", f"{NASTY}:x"),
        ("explore", "--max-time", NASTY),
        ("check", "--scenes", NASTY),
        ("check", "--rows", NASTY),
        ("check", "--ops", NASTY),
        ("check", "--property", NASTY),
        ("check", "--dot", NASTY),
        ("replay", "--machine", NASTY, "x"),
        ("replay", "--record", NASTY, "x"),
        ("minimize", "--run", NASTY, "x"),
        ("node", "--port", NASTY),
    ],
    ids=lambda argv: " ".join(one if one.isprintable() else "NASTY" for one in argv),
)
def test_what_an_argument_says(argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, *argv)


@pytest.mark.parametrize(
    "argv",
    [
        ("replay",),
        ("minimize",),
        ("report",),
        ("export", "--as", "json"),
        ("import",),
        ("scenario",),
        ("doctor",),
        ("explore", "--inventory"),
        ("replay", "--step"),
    ],
    ids=" ".join,
)
def test_a_file_that_is_not_there_is_one_line_whatever_its_name(
    argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    told = said(capsys, *argv, "no\nsuch\n\nfile.json").strip()
    assert len(told.split("\n")) == 1, told
    assert "no\\nsuch\\n\\nfile.json" in told
