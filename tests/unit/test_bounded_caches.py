"""Whatever is cached is bounded, or follows from the code alone: a search may last for a week."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

import syncmodel

SOURCE = Path(syncmodel.__file__).parent


@cache
def trees() -> dict[str, ast.Module]:
    """Every file of ours, parsed; strategies may be a link, which is not followed."""
    files = {*SOURCE.rglob("*.py"), *(SOURCE / "strategies").glob("*.py")}
    return {
        file.relative_to(SOURCE).as_posix(): ast.parse(file.read_text(encoding="utf-8"))
        for file in files
    }


#: Caches without a bound, each with what it is keyed by: so many there are at most.
UNBOUNDED = {
    "machine/testcase.py": "a machine's class",
    "model/policies/__init__.py": "the installed policies",
    "report/page/filling.py": "the files of a page",
    "targets/registry.py": "the installed targets",
    "inventory/kinds.py": "the inventories of a command line",
    "faults/small_disk.py": "what this process may do",
    "reference/space_needs.py": "what this machine lacks",
    "reference/node/bugs/__init__.py": "the planted bugs",
    "reference/node/openapi.py": "one description",
    "steps/form.py": "the kinds of steps",
}


def unbounded(tree: ast.AST) -> bool:
    """Whether a function has a cache without a bound."""
    return any(
        ast.unparse(decorator).removeprefix("functools.")
        in ("cache", "lru_cache(maxsize=None)", "lru_cache(None)")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
    )


@pytest.mark.slow
def test_each_cache_is_bounded_or_says_by_what_it_is() -> None:
    assert {name for name, tree in trees().items() if unbounded(tree)} == set(UNBOUNDED)


#: What modules, and objects that never change, keep beside their fields, and what bounds it.
KEPT = {
    "exhaustive/replayed.py": "one search, which has its own limits",
    "exhaustive/stepwise.py": "one search, which has its own limits",
    "reference/machines/shared.py": "the clusters that are open",
    "reference/simulated/changes.py": "a number, in that file",
    "reference/simulated/sights.py": "the names of nodes",
    "safe_path.py": "the folders that options name",
    "steps/base.py": "the kinds of steps",
}
MADE_EMPTY = {"dict", "list", "set", "defaultdict", "OrderedDict", "WeakKeyDictionary"}


def keeps(tree: ast.Module) -> bool:
    """Whether a module, or an object of it that is said never to change, has something to fill."""
    frozen = [
        field
        for one in ast.walk(tree)
        if isinstance(one, ast.ClassDef)
        and "frozen" in "".join(map(ast.unparse, one.decorator_list))
        for field in one.body
        if isinstance(field, ast.AnnAssign) and field.value is not None
    ]
    made = [ast.unparse(field.value) for field in frozen if field.value is not None]
    inside = any(
        f"factory={kind}" in one and "init=False" in one for one in made for kind in MADE_EMPTY
    )
    return inside or any(
        empty(one.value) for one in tree.body if isinstance(one, ast.AnnAssign | ast.Assign)
    )


def empty(value: ast.expr | None) -> bool:
    """Whether it makes a container with nothing in it."""
    if isinstance(value, ast.Call):
        return ast.unparse(value.func).partition("[")[0].rpartition(".")[2] in MADE_EMPTY
    filled = getattr(value, "keys", None) or getattr(value, "elts", None)
    return isinstance(value, ast.Dict | ast.List | ast.Set) and not filled


def test_what_is_kept_elsewhere_has_a_bound() -> None:
    assert {name for name, tree in trees().items() if keeps(tree)} == set(KEPT)


def test_a_table_that_keeps_what_was_made_of_it_is_seen() -> None:
    """So one grew for as long as a search did."""
    table = "@frozen\nclass Odds:\n    _less: dict[str, Odds] = field(init=False, factory=dict)"
    assert keeps(ast.parse(table))
    assert not keeps(ast.parse(table.replace("factory=dict", "factory=tuple")))
