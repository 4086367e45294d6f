"""Values as EDN (github.com/edn-format/edn), as far as histories have any."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from syncmodel.errors import printable

ESCAPES = re.compile(r"\\.")
LONGER = {"\\b": "\\u0008", "\\f": "\\u000c"}
WORDS = {None: "nil", True: "true", False: "false"}


class Keyword(str):
    """A name that EDN writes with a colon, and JSON as a text."""

    __slots__ = ()


def to_edn(value: Any) -> str:
    """One value. Raises `TypeError` for what has no form here."""
    match value:
        case None | bool():
            return WORDS[value]
        case Keyword():
            return f":{value}"
        case str():
            return _text(value)
        case int() | float():
            return repr(value)
        case Mapping():
            pairs = (f"{to_edn(name)} {to_edn(each)}" for name, each in value.items())
            return f"{{{', '.join(pairs)}}}"
        case Sequence():
            return f"[{' '.join(map(to_edn, value))}]"
    raise TypeError(f"EDN has no form for {value!r:.60}")


def _text(text: str) -> str:
    """In quotes, on one line and printable; of JSON's escapes EDN has all but two."""
    quoted = printable(json.dumps(text, ensure_ascii=False))
    return ESCAPES.sub(lambda found: LONGER.get(found[0], found[0]), quoted)
