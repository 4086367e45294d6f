"""Errors are safe on any terminal, whatever they quote."""

import pytest

from syncmodel.errors import BootError, FormatError, UsageError, printable

BAD = "\x1b[31m\u202e\x00\x7f\ud800\u2028"
SHOWN = "\\u001b[31m\\u202e\\u0000\\u007f\\ud800\\u2028"


def test_what_is_not_printable_is_escaped_and_once_is_enough() -> None:
    assert printable(BAD) == SHOWN
    assert printable(SHOWN) == SHOWN
    assert printable('ü "日本" \\') == 'ü "日本" \\'
    assert printable("a\r\nb") == "a\\r\\nb"


@pytest.mark.parametrize("error", [UsageError, FormatError, BootError])
def test_no_error_prints_what_it_quotes(error: type[Exception]) -> None:
    assert str(error(f"It said {BAD}.")) == f"It said {SHOWN}."


def test_the_end_of_a_log_keeps_its_lines_and_what_a_file_or_its_name_says_has_one() -> None:
    assert str(BootError("It ended:\nno room\x1b")) == "It ended:\nno room\\u001b"
    assert str(FormatError("x:\n1")) == "x:\\n1"
    assert (
        str(UsageError("The file a\nb.json can't be read.")) == "The file a\\nb.json can't be read."
    )
