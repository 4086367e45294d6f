"""The edge of the process: its streams, its signals, and whatever was not foreseen.

Exit code 1 is a judged divergence and nothing else, so every exception ends here: in one sentence
and the exit code that says who must act.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from syncmodel.errors import InvalidRunError, SyncModelError, notes, printable_lines, said
from syncmodel.interrupts import INTERRUPTED_CODE, like_ctrl_c, of_ctrl_c


def guarded(prog: str, run: Callable[[], int], *, debug: bool = False) -> int:
    """Run a verb and give its exit code, whatever it raises.

    `debug`: an error's traceback goes to stderr. Otherwise that of an unforeseen one is written to
    a file, which the sentence names.
    """
    try:
        with like_ctrl_c():
            code = run()
    except KeyboardInterrupt:
        tell(f"{prog}: interrupted.")
        code = INTERRUPTED_CODE
    except SyncModelError as error:
        tell(f"{prog}: {error}", error if debug else None)
        code = error.exit_code
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        tell(f"{prog}: {error.strerror or error}{place}.", error if debug else None)
        code = InvalidRunError.exit_code
    except MemoryError as error:
        words = "there is not enough memory: see `ulimit -v`, or ask for fewer nodes and steps"
        tell(f"{prog}: {words}.", error if debug else None)
        code = InvalidRunError.exit_code
    except BaseException as error:  # noqa: BLE001 the edge: what nobody foresaw is a sentence, too
        if of_ctrl_c(error):
            tell(f"{prog}: interrupted.")
            return INTERRUPTED_CODE
        tell(f"{prog}: {unforeseen(error)} {_kept(error, debug=debug)}", error if debug else None)
        code = InvalidRunError.exit_code
    return code if _flushed(prog) else max(code, InvalidRunError.exit_code)


def whole(main: Callable[[], int]) -> int:
    """The exit code of the whole process: its verb's, or that of a line that can't be read."""

    def begun() -> int:
        try:
            return main()
        except SystemExit as end:
            # Of the parser: what a verb raises does not come out of it.
            return end.code if isinstance(end.code, int) else 0

    return guarded("syncmodel", begun)


def put(text: str) -> None:
    """A text on stdout, just as it is; a reader that went away wanted no more."""
    try:
        sys.stdout.write(text)
    except BrokenPipeError:
        _silence(1)


def leave(code: int) -> NoReturn:
    """End the process, also where a target's thread hangs: Python itself would wait for it."""
    if any(not one.daemon for one in threading.enumerate() if one is not threading.main_thread()):
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(code)
    sys.exit(code)


def unforeseen(error: BaseException) -> str:
    """What happened, in a sentence: the innermost error, and where it happened."""
    inner: BaseException = error
    while isinstance(inner, BaseExceptionGroup):
        inner = inner.exceptions[0]
    kind = type(inner)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    what = f"{name}: {said(inner)}" if said(inner) else name
    where = [note for each in (error, inner) for note in notes(each)]
    where_ = f", {'; '.join(dict.fromkeys(where))}" if where else ""
    return f"An error that was not foreseen{where_}: {what.rstrip('.')}."


def open_streams() -> None:
    """Open those standard streams that are closed, as /dev/null.

    Otherwise the first file or socket of the process becomes one of them. Characters that a
    stream's encoding lacks are escaped.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _kept(error: BaseException, *, debug: bool) -> str:
    """Where the traceback is, in a sentence."""
    if debug:
        return "The traceback is below."
    text = "".join(traceback.format_exception(error))
    try:
        handle, path = tempfile.mkstemp(prefix="syncmodel-", suffix="-traceback.txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError:
        return f"There is no room for its traceback, so here it is:\n{text}"
    return f"Its traceback is in {path}; --debug shows it."


def tell(text: str, error: BaseException | None = None) -> None:
    """A sentence on stderr, and the error's traceback; a reader that went away changes nothing."""
    lines = "" if error is None else "".join(traceback.format_exception(error))
    try:
        sys.stderr.write(f"{printable_lines(text + os.linesep + lines).rstrip()}\n")
        sys.stderr.flush()
    except OSError:
        _silence(2)
    except (ValueError, AttributeError):
        # A target has closed or replaced it: the kernel's is still there.
        with suppress(OSError):
            os.write(2, f"{printable_lines(text)}\n".encode())


def _flushed(prog: str) -> bool:
    """Whether the results are where they were to go: a reader that went away wanted no more."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _silence(1)
    except (ValueError, AttributeError):
        tell(f"{prog}: standard output was closed or replaced, so the results may be lost.")
        return False
    except OSError as error:
        _silence(1)
        tell(f"{prog}: the results can't be written: {error.strerror}.")
        return False
    return True


def _silence(number: int) -> None:
    """The stream goes nowhere from now on, also when Python flushes it at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
