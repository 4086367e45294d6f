"""JSON, written safely and read strictly: an error names the file, the position and the field.

Not here: what the fields mean (`format`).
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from attrs import frozen

from syncmodel.corpus import budgets
from syncmodel.errors import FormatError, printable

T = TypeVar("T")
#: How much of a wrong value an error shows.
SHOWN_CHARACTERS = 60


def to_json(value: Any) -> str:
    """A value as JSON on one line, harmless where it is printed: see `printable`.

    Values that JSON lacks appear as Python shows them.
    """
    return printable(json.dumps(value, ensure_ascii=False, default=repr))


def parse(text: bytes, where: str) -> Any:
    """The JSON value of a file's bytes.

    Raises `FormatError` for anything that JSON does not have (a duplicate field, NaN, other
    encodings than UTF-8, half a character), and for more than the `budgets` have room for.
    """
    try:
        value = _decoder.decode(text.decode("utf-8"))
        _check(value)
        return value
    except UnicodeEncodeError:
        reason = ": half a character (a lone surrogate) in a text"
    except UnicodeDecodeError as error:
        reason = f" is not valid UTF-8 (byte {error.start}): save it as UTF-8"
    except json.JSONDecodeError as error:
        reason = f" is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        if text.startswith(b"\xef\xbb\xbf"):
            reason = ": it begins with a byte order mark; save it as UTF-8 without one"
    except RecursionError:
        reason = f": {TOO_DEEP}"
    except ValueError as error:
        reason = f": {error}"
    raise FormatError(f"{where}{reason}.")


TOO_DEEP = f"nested too deeply: at most {budgets.DEPTH} levels are read"


def _check(value: Any) -> None:
    """Raises `ValueError` for more than the budgets allow."""
    level, depth, values = [value], 0, 0
    while level:
        values += len(level)
        if depth > budgets.DEPTH:
            raise RecursionError
        if values > budgets.VALUES:
            raise ValueError(f"more than {budgets.VALUES:,} values")
        below: list[Any] = []
        for one in level:
            if type(one) is str:
                _check_text(one)
            elif type(one) is dict:
                for name in one:
                    _check_text(name)
                below += one.values()
            elif type(one) is list:
                below += one
        level, depth = below, depth + 1


def _check_text(text: str) -> None:
    if len(text) > budgets.TEXT_CHARACTERS:
        raise ValueError(f"a text of {len(text):,} characters, of at most {LONGEST}")
    if not text.isascii():
        text.encode()


LONGEST = f"{budgets.TEXT_CHARACTERS:,}"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        names = Counter(name for name, _ in pairs)
        twice = next(name for name, times in names.items() if times > 1)
        raise ValueError(f"the field {shown(twice)} is there twice")
    return fields


def _no_constant(name: str) -> Any:
    raise ValueError(f"JSON has no number {name}")


def _whole(text: str) -> int:
    _check_number(text)
    return int(text)


def _broken(text: str) -> float:
    _check_number(text)
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text} is out of range")
    return number


def _check_number(text: str) -> None:
    if len(text) > budgets.NUMBER_CHARACTERS:
        most = budgets.NUMBER_CHARACTERS
        raise ValueError(f"a number of {len(text):,} characters, of at most {most}")


_decoder = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_constant=_no_constant,
    parse_int=_whole,
    parse_float=_broken,
)


def shown(value: Any) -> str:
    """A value as an error shows it: on one line, cut short."""
    try:
        text = repr(value)
    except ValueError:
        # TOML has whole numbers in hex of any length, and Python shows none of such a length.
        return f"{type(value).__name__} with a number of thousands of digits"
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."


@frozen
class Fields:
    """One JSON object and where it stands; each field is asked for by its type."""

    raw: Mapping[str, Any]
    where: str

    @classmethod
    def of(cls, raw: Any, where: str, known: Iterable[str] | None = None) -> Fields:
        """The fields of an object. Raises `FormatError` if it is none, or has unknown fields."""
        if not isinstance(raw, dict):
            raise FormatError(f"{where}: expected an object, found {shown(raw)}.")
        if known is not None:
            names = tuple(known)
            for name in raw:
                if name not in names:
                    raise FormatError(
                        f"{where}: unknown field {shown(name)}; known are: {', '.join(names)}."
                    )
        return cls(raw, where)

    def at(self, name: str) -> str:
        """Where a field stands, for an error message."""
        return f"{self.where}, field `{name}`"

    def required(self, name: str, kind: type[T]) -> T:
        """A field of exactly this type. Raises `FormatError` if it is not there, or is not."""
        if name not in self.raw:
            raise FormatError(f"{self.where}: the field `{name}` is missing.")
        return self.exactly(name, self.raw[name], kind)

    def optional(self, name: str, kind: type[T], default: T) -> T:
        """A field of exactly this type, or the default where it is not there."""
        return self.exactly(name, self.raw[name], kind) if name in self.raw else default

    def or_null(self, name: str, kind: type[T]) -> T | None:
        """A field of exactly this type; None where it is null or not there."""
        return None if self.raw.get(name) is None else self.required(name, kind)

    def exactly(self, name: str, value: Any, kind: type[T]) -> T:
        """The value, if it is of this type (a bool is no int)."""
        if type(value) is not kind:
            raise FormatError(f"{self.at(name)}: expected {NAMES[kind]}, found {shown(value)}.")
        return value


NAMES: dict[type, str] = {
    str: "a text",
    int: "a whole number",
    bool: "true or false",
    dict: "an object",
    list: "a list",
}
