"""Whatever is cached is bounded, or follows from the code alone: a search may last for a week."""

from __future__ import annotations

import ast
from pathlib import Path

import syncmodel

SOURCE = Path(syncmodel.__file__).parent
#: Caches without a bound, each with what it is keyed by: so many there are at most.
UNBOUNDED = {
    "machine/testcase.py": "a machine's class",
    "model/policies/__init__.py": "the installed policies",
    "report/page/filling.py": "the files of a page",
    "targets/registry.py": "the installed targets",
    "inventory/kinds.py": "the inventories of a command line",
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


def test_each_cache_is_bounded_or_says_by_what_it_is() -> None:
    found = {
        file.relative_to(SOURCE).as_posix()
        for file in SOURCE.rglob("*.py")
        if unbounded(ast.parse(file.read_text(encoding="utf-8")))
    }
    assert found == set(UNBOUNDED)
