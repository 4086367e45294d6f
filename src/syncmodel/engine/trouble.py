"""What went wrong inside of a target, or of a machine's own code, in one sentence.

Not here: what such an error means for a run (`session`) or a search (`campaign`).
"""

from __future__ import annotations

import traceback
from pathlib import Path

from syncmodel.errors import SyncModelError, note, notes, printable, said

#: What a note begins with that says when it happened.
WHILE = "while "
#: How much of a step, or of what an error says, is shown.
SHOWN_CHARACTERS = 160


def short(text: object) -> str:
    """A text on one line, cut short."""
    line = printable(str(text))
    return line if len(line) <= SHOWN_CHARACTERS else f"{line[:SHOWN_CHARACTERS]}..."


def happened(error: BaseException, doing: str) -> None:
    """Note when it happened (`taking step 3 (...)`), unless that is known already."""
    if not moment(error):
        note(error, f"{WHILE}{doing}")


def sentence(error: BaseException) -> str:
    """When it happened, what it says, and where in the code it was raised."""
    text = str(error) if isinstance(error, SyncModelError) else _words(error)
    when = moment(error)
    return f"{when[0].upper()}{when[1:]}: {text}" if when else text


def moment(error: BaseException) -> str:
    """When it happened (`while taking ...`); "" where nothing is known of that."""
    return next((text for text in notes(error) if text.startswith(WHILE)), "")


def _words(error: BaseException) -> str:
    first = next(iter(said(error).splitlines()), "")
    name = type(error).__name__
    text = f"{name}: {short(first)}" if first else name
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return f"{text}."
    last = frames[-1]
    return f"{text} ({Path(last.filename).name}, line {last.lineno}, in {last.name})."
