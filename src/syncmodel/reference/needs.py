"""What only the reference node's processes need: the extra `reference` of the package, and files.

Nothing here or in the simulated cluster imports any of it.
"""

from __future__ import annotations

import resource
from importlib.util import find_spec

from syncmodel.errors import InvalidRunError, UsageError

MODULES = ("httptools", "starlette", "uvicorn", "uvloop", "websockets")


def installed() -> None:
    """Raises `UsageError` that says what is missing and how to install it."""
    if lacking := missing():
        verb = "is" if len(lacking) == 1 else "are"
        raise UsageError(
            f"Real nodes (the embedded target, `syncmodel node`) need {', '.join(lacking)}, which "
            f"{verb} not installed: pip install 'syncmodel[reference]'. The simulated target does "
            f"without."
        )


def missing() -> list[str]:
    """The modules that are not installed."""
    return [name for name in MODULES if not _is_there(name)]


def open_files(count: int) -> None:
    """Raises `InvalidRunError` if a process may have too few open files for `count` nodes.

    Seen at the worst moment: 23 for two nodes, 41 for three, 105 for five. Who runs out of them in
    the middle of a run can't tell that from a node's doing.
    """
    needed = 16 + 4 * count + 5 * count * (count - 1)
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed != resource.RLIM_INFINITY and allowed < needed:
        raise InvalidRunError(
            f"{count} nodes need up to {needed} open files and `ulimit -n` allows {allowed}: raise "
            f"it to at least {needed}, or ask for fewer nodes."
        )


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        # An import hook that refuses it, or a module that was put there without a spec.
        return False
