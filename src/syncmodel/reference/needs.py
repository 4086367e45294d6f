"""What only the reference node's processes need: the extra `reference` of the package.

Nothing here or in the simulated cluster imports any of it.
"""

from __future__ import annotations

from importlib.util import find_spec

from syncmodel.errors import UsageError

MODULES = ("httptools", "starlette", "uvicorn", "uvloop", "websockets")


def installed() -> None:
    """Raises `UsageError` that says what is missing and how to install it."""
    missing = [name for name in MODULES if not _is_there(name)]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise UsageError(
            f"Real nodes (the embedded target, `syncmodel node`) need {', '.join(missing)}, which "
            f"{verb} not installed: pip install 'syncmodel[reference]'. The simulated target does "
            f"without."
        )


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        # An import hook that refuses it, or a module that was put there without a spec.
        return False
