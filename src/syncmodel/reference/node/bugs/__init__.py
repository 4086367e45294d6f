"""The planted bugs, one per file. A file here with a `BUG` is a bug: no other registration.

Not here: the decisions which they replace (`pieces`, `supervisor_pieces`).
"""

from collections.abc import Iterable
from functools import cache, reduce
from importlib import import_module
from pkgutil import iter_modules

from syncmodel.errors import UsageError
from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.pieces import Pieces
from syncmodel.reference.node.supervisor_pieces import SupervisorPieces

__all__ = ["Bug", "all_bugs", "get", "pieces", "supervisor_pieces"]


@cache
def all_bugs() -> tuple[Bug, ...]:
    """Every bug, by name."""
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    found = [module.BUG for module in modules if hasattr(module, "BUG")]
    return tuple(sorted(found, key=lambda bug: bug.name))


def get(name: str) -> Bug:
    """The bug of that name; raises UsageError, which lists the known ones."""
    bugs = {bug.name: bug for bug in all_bugs()}
    if name not in bugs:
        raise UsageError(f"There is no bug {name!r}; there are: {', '.join(bugs)}.")
    return bugs[name]


def pieces(names: Iterable[str]) -> Pieces:
    """The decisions of a node with these bugs on. Raises UsageError for an unknown name."""
    return reduce(lambda so_far, name: get(name).pieces(so_far), names, Pieces())


def supervisor_pieces(names: Iterable[str]) -> SupervisorPieces:
    """The decisions of a supervisor with these bugs on. Raises UsageError for an unknown name."""
    return reduce(lambda so_far, name: get(name).supervisor(so_far), names, SupervisorPieces())
