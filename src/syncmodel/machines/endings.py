"""How a process ended, in words, and the end of its log."""

from __future__ import annotations

from pathlib import Path

NOTHING = "(nothing)"
_LOG_LINES = 15


def ending(code: int) -> str:
    """How a process with this exit code ended, after "it"."""
    return f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"


def tail(log: Path) -> str:
    """The last lines of a log file, or a note that there are none."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        lines = []
    return "\n".join(lines[-_LOG_LINES:]) or NOTHING
