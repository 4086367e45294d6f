"""The edge of the process: whatever happens in it, exit code 1 is a judged divergence alone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st
from soon_ended import LIMIT_S, seconds_to_end

from syncmodel.cli import edge, main
from syncmodel.cli.edge import guarded
from syncmodel.errors import FaultError, UsageError
from syncmodel.interrupts import like_ctrl_c
from syncmodel.reference.machines import host_control

PASSES = ("explore", "--target", "simulated", "--sequences", "1", "--steps", "3", "--seed", "1")
#: The same, of which the end alone is looked at.
QUICK = (*PASSES, "--no-scenes")
ENDLESS = ("explore", "--target", "simulated", "--sequences", "1000000")
SYNCMODEL = (sys.executable, "-m", "syncmodel")


@pytest.fixture(autouse=True)
def tracebacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are kept in a folder of the test's."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def raises(error: BaseException) -> Callable[[], NoReturn]:
    def run() -> NoReturn:
        raise error

    return run


class MuteError(Exception):
    """Of somebody else's, with a mistake."""

    __notes__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        raise ValueError("nothing can be said")


def noted(error: Exception) -> Exception:
    error.add_note("while n1 creates cases/c1")
    return error


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UsageError("Say which."), 2, "prog: Say which."),
        (FaultError("The cut did not take."), 3, "prog: The cut did not take."),
        (KeyboardInterrupt(), 130, "prog: interrupted."),
        (OSError(28, "No space left on device", "x"), 3, "prog: No space left on device (x)."),
        (BrokenPipeError(32, "Broken pipe"), 3, "prog: Broken pipe."),
        (MemoryError(), 3, "prog: there is not enough memory"),
        (SystemExit(0), 3, "prog: An error that was not foreseen: SystemExit: 0."),
        (SystemExit(1), 3, "not foreseen: SystemExit: 1."),
        (GeneratorExit(), 3, "not foreseen: GeneratorExit."),
        (asyncio.CancelledError(), 3, "not foreseen: asyncio.exceptions.CancelledError."),
        (BaseExceptionGroup("all", [SystemExit(1)]), 3, "not foreseen: SystemExit: 1."),
        (KeyError("titel"), 3, "prog: An error that was not foreseen: KeyError: 'titel'."),
        (RecursionError("too deep"), 3, "prog: An error that was not foreseen: RecursionError"),
        (noted(ValueError("no")), 3, "not foreseen, while n1 creates cases/c1: ValueError: no."),
        (ExceptionGroup("all", [TypeError("t")]), 3, "not foreseen: TypeError: t."),
        (MuteError(), 3, "prog: An error that was not foreseen: "),
        (BaseExceptionGroup("all", [KeyboardInterrupt()]), 130, "prog: interrupted."),
        (UnicodeEncodeError("ascii", "\xe9", 0, 1, "no"), 3, "not foreseen: UnicodeEncodeError"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_every_error_is_a_sentence_and_a_code(
    error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert guarded("prog", raises(error)) == code
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told
    assert told.count("\n") == 1


@given(st.text())
def test_what_an_error_says_is_printable(text: str) -> None:
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edge, "_kept", lambda *_, **__: "")
        patch.setattr(sys, "stderr", Said(said))
        assert guarded("prog", raises(ValueError(text))) == 3
    assert all(line.isprintable() for line in "".join(said).split("\n"))


class Said:
    """A stream that keeps what is written."""

    def __init__(self, texts: list[str]) -> None:
        self.write = texts.append

    def flush(self) -> None:
        """Nothing is held back."""


def test_the_traceback_is_kept_or_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded("prog", raises(KeyError("titel"))) == 3
    (path,) = [word for word in capsys.readouterr().err.split() if "traceback.txt" in word]
    file = Path(path.rstrip(";"))
    assert "Traceback" in file.read_text(encoding="utf-8")
    assert file.stat().st_mode & 0o077 == 0
    file.unlink()
    assert guarded("prog", raises(KeyError("titel")), debug=True) == 3
    assert "Traceback" in capsys.readouterr().err


def test_a_traceback_that_there_is_no_room_for_is_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    full = raises(OSError(28, "No space left on device"))
    monkeypatch.setattr(tempfile, "mkstemp", lambda **_: full())
    assert guarded("prog", raises(KeyError("titel"))) == 3
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "mischief", ["sys.stdout.close()", "sys.stderr.close()", "sys.stdout = None"]
)
def test_streams_that_a_target_closes_are_no_divergence(mischief: str, tmp_path: Path) -> None:
    program = (
        "import sys; from syncmodel.cli.edge import guarded\n"
        f"def run():\n    {mischief}\n    return 0\n"
        "sys.exit(guarded('prog', run))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert done.returncode in (0, 3), done.stderr
    assert "Traceback" not in done.stderr


def test_an_interrupt_in_the_middle_of_an_import_has_the_exit_code_of_any(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        "import sys; from syncmodel.cli.edge import guarded\n"
        "def run():\n"
        "    try: exec('raise KeyboardInterrupt')\n"
        "    except KeyboardInterrupt: return 130\n"
        "sys.exit(guarded('prog', run))"
    )
    done = subprocess.run([sys.executable, "-m", "program"], cwd=tmp_path, check=False)
    assert done.returncode == 130


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    command = 'mkdir gone; cd gone; rmdir ../gone; exec "$@" bugs'
    done = subprocess.run(
        ["sh", "-c", command, "sh", *SYNCMODEL], cwd=tmp_path, check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", ">/dev/null 2>&1"])
def test_closed_streams_change_no_verdict(closed: str, tmp_path: Path) -> None:
    # One of them with all that comes after a search, and all that is printed of it.
    options = PASSES if closed.count("&-") == 3 else QUICK
    command = f'"$@" {closed}'
    done = subprocess.run(
        ["sh", "-c", command, "sh", *SYNCMODEL, *options], cwd=tmp_path, check=False
    )
    assert done.returncode == 0


@pytest.mark.long
@pytest.mark.parametrize("stream", [">", "2>", "2>&1 >"])
def test_results_that_there_is_no_room_for_are_no_pass(stream: str, tmp_path: Path) -> None:
    command = ["sh", "-c", f'"$@" {stream}/dev/full', "sh", *SYNCMODEL, *PASSES]
    done = subprocess.run(command, cwd=tmp_path, check=False, stderr=subprocess.PIPE)
    assert done.returncode == 3
    assert b"Traceback" not in done.stderr


def test_a_reader_that_goes_away_changes_no_verdict(tmp_path: Path) -> None:
    command = 'set -o pipefail; "$@" | true'
    done = subprocess.run(
        ["bash", "-c", command, "bash", *SYNCMODEL, *PASSES], cwd=tmp_path, check=False
    )
    assert done.returncode == 0


@pytest.mark.long
@pytest.mark.parametrize("ignored", [(), (signal.SIGINT,)], ids=["shell", "background"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_soon(
    number: signal.Signals, ignored: tuple[signal.Signals, ...], tmp_path: Path
) -> None:
    with started(tmp_path, ignored) as process:
        assert seconds_to_end(process, number) < LIMIT_S
        out, err = process.communicate()
    assert process.returncode == 130, err
    assert "interrupted" in out + err
    assert "Traceback" not in err


def test_nohup_is_respected(tmp_path: Path) -> None:
    with started(tmp_path, (signal.SIGHUP,)) as process:
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 130


@contextlib.contextmanager
def started(folder: Path, ignored: tuple[signal.Signals, ...]) -> Iterator[subprocess.Popen[str]]:
    """A search that does not end, after its first line; it began with these signals ignored."""

    def ignore() -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)

    process = subprocess.Popen(
        [*SYNCMODEL, *ENDLESS],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=ignore,  # noqa: PLW1509 nothing here has threads
    )
    assert process.stderr is not None
    with process:
        try:
            assert process.stderr.readline().startswith("Exploring")
            yield process
        finally:
            process.kill()


class Finalised:
    """Its end raises what a signal raises there."""

    def __del__(self) -> None:
        raise KeyboardInterrupt


def test_an_interrupt_that_python_drops_is_raised_again() -> None:
    def spin() -> None:
        thing = [Finalised()]
        thing.clear()
        end_s = time.monotonic() + 10
        while time.monotonic() < end_s:
            pass

    with pytest.raises(KeyboardInterrupt), like_ctrl_c():
        spin()


def met_half_way() -> NoReturn:
    """As a library that is interrupted in its own preparations."""
    try:
        raise KeyboardInterrupt
    finally:
        raise AssertionError


def test_an_interrupt_that_a_library_takes_for_a_defect_is_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert guarded("prog", met_half_way) == 130
    assert capsys.readouterr().err == "prog: interrupted.\n"


def test_signals_are_as_before_afterwards() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert guarded("prog", lambda: 0) == 0
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


WITHOUT_END = ["--help", "explore --help", "--version", "man", "completion bash", "bugs"]
WRONG = ["", "nosuch", "explore --nodes x", "explore --nosuch"]


def exit_code(command: str, words: str) -> tuple[int, str]:
    """How the command line ends, with nothing held back before it is written, and on stderr."""
    line = ["bash", "-c", f"set -o pipefail; {command}", "bash", *SYNCMODEL, *words.split()]
    env = os.environ | {"PYTHONUNBUFFERED": "1"}
    done = subprocess.run(line, check=False, stderr=subprocess.PIPE, text=True, env=env)
    return done.returncode, done.stderr


@pytest.mark.long
@pytest.mark.parametrize("words", WITHOUT_END)
def test_what_is_only_shown_has_a_reader_or_none(words: str) -> None:
    code, told = exit_code('"$@" >/dev/full', words)
    assert code == 3
    assert "No space left on device" in told
    assert "Traceback" not in told
    assert exit_code('"$@" | true', words) == (0, "")


@pytest.mark.long
@pytest.mark.parametrize("words", WRONG)
def test_a_line_that_can_not_be_read_is_a_usage_error_whoever_listens(words: str) -> None:
    for command in ('"$@" 2>/dev/full', '"$@" 2>&-', '"$@" >&- 2>&-'):
        assert exit_code(command, words) == (2, "")


def test_a_usage_error_that_there_is_no_room_for_is_one() -> None:
    assert exit_code('"$@" 2>/dev/full', "nosuch") == (2, "")


BEFORE = {
    "ImportError('no such library')": (3, "it is not whole ('no such library')"),
    "OSError(24, 'Too many open files')": (3, "it can't begin: OSError: "),
    "MemoryError()": (3, "there is not enough memory to begin"),
    "KeyboardInterrupt()": (130, "interrupted"),
    "SystemExit(1)": (3, "it can't begin: SystemExit: '1'"),
    "RuntimeError('\\x1b[2J')": (3, r"it can't begin: RuntimeError: '\x1b[2J'"),
}


@pytest.mark.parametrize("error", BEFORE)
def test_what_happens_before_the_command_line_is_there_is_a_sentence(error: str) -> None:
    program = (
        "import sys\n"
        "class Trap:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == 'syncmodel.cli.edge': raise {error}\n"
        "sys.meta_path.insert(0, Trap())\n"
        "from syncmodel.__main__ import run\n"
        "run()"
    )
    line = [sys.executable, "-S", "-c", program]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(line, check=False, capture_output=True, text=True, env=env)
    code, said = BEFORE[error]
    assert done.returncode == code
    assert done.stderr.startswith(f"syncmodel: {said}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("answer", "code"), [({"ok": True}, 0), ({"ok": False}, 3)])
def test_a_machine_that_refuses_is_no_divergence(
    answer: dict[str, bool], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_control, "ask", lambda *_: answer)
    assert main(["machine", "anywhere", "stop"]) == code
