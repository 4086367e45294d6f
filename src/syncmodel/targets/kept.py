"""The files that nodes leave of a failure, live ones and virtual ones: how each is made.

Not here: asking nodes (`artefacts`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from syncmodel.model.view import View
from syncmodel.targets.comparing import compared


def write(file: Path, found: Any) -> None:
    """A file of what was found, the same for what is equal."""
    text = json.dumps(found, indent=2, sort_keys=True, default=str, ensure_ascii=True)
    file.write_text(f"{text}\n", encoding="utf-8")


def comparison(listed: Any) -> Any:
    """What differs between the generations that a node lists; else why that can't be said."""
    if isinstance(listed, dict) and "unanswered" in listed:
        return listed
    try:
        return compared(listed["generations"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return {"unanswered": f"no list of generations: {type(error).__name__}: {error}"}


def rows_of(view: View | None, at: tuple[str, int] | None) -> Any:
    """The rows that a node showed, with the (log, position) that they were read at."""
    if view is None or at is None:
        return {"rows": None}
    rows = {str(row): dict(value.shown) for row, value in view.rows}
    return {"log_id": at[0], "position": at[1], "rows": rows}
