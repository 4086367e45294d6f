"""Every error that syncmodel raises on purpose. One root; each child says who must act.

A divergence found in the system under test is not an error here: it is data
(`syncmodel.model.divergence`).
"""

import json

#: What a terminal gets of one line; a longer one comes from a file or a node, and is no sentence.
LINE_CHARACTERS = 4_000
#: So that a line that was cut is not cut again.
ROOM_FOR_COUNT = 40


def printable(text: str) -> str:
    """The text on one line, safe on any terminal: what is not printable is escaped as in JSON.

    That is line ends and control characters, those that change the direction of writing, and halves
    of characters. Quotes and backslashes stay, so that it can be done twice.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def printable_lines(text: str) -> str:
    """The text with its lines, each of them printable, and cut with a count if it is very long."""
    return "\n".join(map(_cut, map(printable, text.split("\n"))))


def printable_line(text: str) -> str:
    """The text on one line, as `printable_lines` has each."""
    return _cut(printable(text))


def _cut(line: str) -> str:
    if len(line) <= LINE_CHARACTERS:
        return line
    kept = LINE_CHARACTERS - ROOM_FOR_COUNT
    return f"{line[:kept]}... ({len(line) - kept:,} characters more)"


def said(error: BaseException) -> str:
    """What an error says, whoever wrote it: nothing, where it can't even do that."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 (the error is to be told, and not this one)
        return ""


def notes(error: BaseException) -> list[str]:
    """Its notes, as far as they are texts."""
    found = vars(error).get("__notes__")
    return [note for note in found if isinstance(note, str)] if isinstance(found, list) else []


def note(error: BaseException, text: str) -> None:
    """Add a note, also to an error that has none to add to, or that lets nobody do so."""
    vars(error)["__notes__"] = [*notes(error), text]


def why(error: BaseException) -> str:
    """What an import says that failed; with the name of the error if that says what happened."""
    named = isinstance(error, ImportError | AttributeError | ValueError) and said(error)
    return named or f"{type(error).__name__}: {said(error)}"


class SyncModelError(Exception):
    """An error that stops syncmodel. The message is one sentence that says what to do.

    `exit_code` is what the command line ends with.
    """

    exit_code = 2

    def __str__(self) -> str:
        """The message, safe on any terminal: it may quote a log, or what a node answered."""
        return printable_lines(super().__str__())


class UsageError(SyncModelError):
    """The request itself is wrong: an option, a name or a file."""

    def __str__(self) -> str:
        """One line, whatever it quotes: the name of a file may have line ends, and its text too."""
        return printable_line(super().__str__())


class FormatError(UsageError):
    """A file that we read is malformed; the message names file, position and field."""


class InvalidRunError(SyncModelError):
    """The tester could not do its part, so the run says nothing about the system: never a pass.

    Likely causes: a machine that can't be reached, a fault that did not take or did not go away,
    an SSH connection that broke, a full disk in the work folder.
    """

    exit_code = 3


class FaultError(InvalidRunError):
    """A fault was asked for and the probe says that it did not take, or did not heal."""


class BootError(InvalidRunError):
    """A machine or its application did not come up within its limit."""


class TransportError(InvalidRunError):
    """The way to a machine broke (SSH, not the application behind it)."""
