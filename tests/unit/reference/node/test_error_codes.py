"""Every code that the reference node can answer with is in the contract: found in its source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncmodel.reference.node.openapi import CODES

ROOT = Path(__file__).parents[4]
NODE = ROOT / "src" / "syncmodel" / "reference" / "node"
PAGE = ROOT / "docs" / "contract.md"
WORD = re.compile(r"[a-z][a-z0-9_]*")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources() -> dict[str, ast.Module]:
    """The node and its supervisor, without the bugs that can be planted in them."""
    return {path.name: ast.parse(path.read_text("utf-8")) for path in sorted(NODE.glob("*.py"))}


def takers(found: dict[str, ast.Module]) -> dict[str, int]:
    """What takes a code, and at which place: functions, and classes with such a field or
    constructor."""
    known: dict[str, int] = {}
    for tree in found.values():
        for node in ast.walk(tree):
            if isinstance(node, Function) and node.name != "__init__":
                known.update((node.name, place) for place in _places(node))
            elif isinstance(node, ast.ClassDef):
                known.update((node.name, place) for place in _of_class(node))
    return known


def _places(function: Function) -> list[int]:
    arguments = enumerate(function.args.args)
    return [place for place, one in arguments if one.arg == "code" and _is_text(one.annotation)]


def _of_class(node: ast.ClassDef) -> list[int]:
    made = [one for one in node.body if isinstance(one, Function) and one.name == "__init__"]
    fields = [one.target for one in node.body if isinstance(one, ast.AnnAssign)]
    names = [one.id for one in fields if isinstance(one, ast.Name)]
    after_self = [place - 1 for one in made for place in _places(one)]
    return after_self or [place for place, name in enumerate(names) if name == "code"]


def _is_text(annotation: ast.expr | None) -> bool:
    """Codes of WebSockets are numbers."""
    return isinstance(annotation, ast.Name) and annotation.id == "str"


def _called(call: ast.Call) -> str:
    function = call.func
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def said(found: dict[str, ast.Module]) -> Iterator[tuple[str, ast.expr]]:
    """(where, what) of everything that is given as a code."""
    known = takers(found)
    for name, tree in found.items():
        for node in ast.walk(tree):
            for given in _said_by(node, known):
                yield f"{name}:{given.lineno}", given


def _said_by(node: ast.AST, known: dict[str, int]) -> list[ast.expr]:
    if isinstance(node, ast.Call) and _called(node) in known:
        by_name = [one.value for one in node.keywords if one.arg == "code"]
        place = known[_called(node)]
        return by_name or node.args[place : place + 1]
    if isinstance(node, Function) and node.name == "code":
        returns = [one.value for one in ast.walk(node) if isinstance(one, ast.Return)]
        return [value for value in returns if value is not None]
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return [v for k, v in pairs if isinstance(k, ast.Constant) and k.value == "code"]
    return []


def codes(found: dict[str, ast.Module]) -> set[str]:
    """Every code. What is handed on (`error.code`, `code`, `code(error)`) was said elsewhere."""
    every: set[str] = set()
    for where, value in said(found):
        for one in (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,):
            if isinstance(one, ast.Constant) and isinstance(one.value, str):
                every.add(one.value)
            else:
                assert _handed_on(one), f"{where}: which code is {ast.unparse(one)}?"
    return every


def _handed_on(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        return _called(value) == "code"
    if isinstance(value, ast.Attribute):
        return value.attr == "code"
    # Numbers, and names of numbers, are what a WebSocket ends with.
    number = isinstance(value, ast.Constant) and isinstance(value.value, int)
    return number or (isinstance(value, ast.Name) and value.id in ("code", "SILENT"))


def named(page: str) -> set[str]:
    """The words that the page has in code quotes."""
    return {word for word in re.findall(r"`([^`\n]+)`", page) if WORD.fullmatch(word)}


def missing(found: dict[str, ast.Module]) -> set[str]:
    return codes(found) - named(PAGE.read_text(encoding="utf-8"))


def test_every_code_of_the_node_is_in_the_contract() -> None:
    assert not missing(sources())


def test_every_code_of_the_openapi_description_is_one_that_the_node_says() -> None:
    assert {code for some in CODES.values() for code in some} <= codes(sources())


def test_codes_of_every_kind_are_found() -> None:
    """Of the control, of either surface, of a job's end, of plugins, and of entries."""
    some = {"unknown_fault", "no_such_row", "own_key", "forbidden", "disk_full", "cycle"}
    assert {*some, "not_ready", "malformed", "stamp_ahead", "unknown_kind"} <= codes(sources())


@pytest.mark.parametrize(
    "line",
    [
        'raise RefusedError("quite_new", "no", status=409)',
        'raise RefusedError(message="no", code="quite_new")',
        'raise writes.DeniedError(404, "quite_new", "no")',
        'raise RefusedEntryError("quite_new", "no")',
        'answer = denied(503, "quite_new", "no")',
        'answer = _failure("quite_new", "no", 500, {})',
        'wrong = [Problem("quite_new", "no")]',
        'error = {"code": "quite_new"}',
        'answer = denied(503, "not_ready" if full else "quite_new", "no")',
        'def code(error):\n    return "quite_new"',
    ],
)
def test_a_code_that_is_added_is_missed(line: str) -> None:
    assert missing(sources() | {"added.py": ast.parse(line)}) == {"quite_new"}


def test_a_code_that_can_not_be_read_is_told() -> None:
    added = ast.parse('raise RefusedError("quite" + "_new", "no")')
    with pytest.raises(AssertionError, match=r"added\.py:1: which code"):
        codes(sources() | {"added.py": added})
