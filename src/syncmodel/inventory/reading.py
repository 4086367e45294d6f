"""Tables of TOML, read strictly: each mistake is a sentence that names the file and the place.

A reader takes a value and raises ValueError with what was expected. What fields mean is `file`'s.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import shlex
from collections.abc import Callable, Collection
from difflib import get_close_matches
from typing import Any, NoReturn

from attrs import frozen

from syncmodel.corpus.fields import shown
from syncmodel.errors import FormatError
from syncmodel.targets.wire import SUPERTEST

PUBKEY = re.compile(r"[0-9a-f]{64}")
_PLACE = re.compile(r"(?:\[(?P<v6>[0-9a-fA-F:.%]+)\]|(?P<host>[^\[\]:/\s]+)):(?P<port>[0-9]{1,5})")


@frozen
class Place:
    """An address and a port, as a host itself sees them."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


#: Says that a field must be there.
_NEEDED: Any = object()


class Table:
    """One table of the file; each field is taken once, and what is left is a mistake."""

    def __init__(self, raw: Any, where: str, inside: str = "") -> None:
        self._where, self._inside = where, inside
        if not isinstance(raw, dict):
            self.wrong(f"expected a table, found {shown(raw)}")
        self.raw: dict[str, Any] = raw
        self._taken: list[str] = []

    def take(self, name: str, read: Callable[[Any], Any], usual: Any = _NEEDED) -> Any:
        self._taken.append(name)
        if name not in self.raw:
            if usual is _NEEDED:
                self.wrong("it is missing", name)
            return usual
        try:
            return read(self.raw[name])
        except ValueError as error:
            # What was taken for a key is not shown: it may be the wrong, secret one.
            found = "" if read is hex_key else f", found {shown(self.raw[name])}"
            self.wrong(f"expected {error}{found}", name)

    def table(self, name: str) -> Table:
        self._taken.append(name)
        return Table(self.raw.get(name, {}), self._where, self._at(name))

    def done(self) -> None:
        left = [name for name in self.raw if name not in self._taken]
        if left:
            meant = get_close_matches(left[0], self._taken, n=1)
            hint = f"; do you mean {meant[0]}?" if meant else f": {', '.join(self._taken)}"
            self.wrong(f"there is no such field{hint}", left[0])

    def wrong(self, what: str, name: str = "") -> NoReturn:
        place = self._at(name) if name else self._inside
        raise FormatError(
            f"{self._where}: {place}: {what}." if place else f"{self._where}: {what}."
        )

    def _at(self, name: str) -> str:
        return f"{self._inside}.{name}" if self._inside else name


def text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError("a text on one line")
    return value


def command(value: Any) -> str:
    words = text(value)
    try:
        shlex.split(words)
    except ValueError:
        raise ValueError("a shell's command whose quotes are closed") from None
    return words


def hex_key(value: Any) -> str:
    if not isinstance(value, str) or not PUBKEY.fullmatch(value):
        raise ValueError("the node's public key, 64 small hex digits")
    return value


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def port(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= 65_535:
        raise ValueError("a port, from 1 to 65535")
    return value


def seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 3600:
        raise ValueError("seconds, above 0 and at most 3600")
    return float(value)


def place(value: Any) -> Place:
    found = _PLACE.fullmatch(value) if isinstance(value, str) else None
    if found is None or not 1 <= int(found["port"]) <= 65_535:
        raise ValueError('an address with its port, as "10.0.0.1:4848" or "[fd00::1]:4848"')
    return Place(found["v6"] or found["host"], int(found["port"]))


def places(value: Any) -> tuple[Place, ...]:
    many = value if isinstance(value, list) else [value]
    if not many:
        raise ValueError('one address or more, as "10.0.0.1:4848"')
    return tuple(map(place, many))


def is_address(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(ipaddress.ip_address(host))
    return False


def url(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"https?://[^/\s]+", value):
        raise ValueError('the node\'s own URL without a path, as "http://127.0.0.1:4000"')
    return value


def path(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"(/[^/\s?#]+)+", value):
        raise ValueError('a path, as "/api/admin/management"')
    return value


def generations(value: Any) -> tuple[int, ...]:
    """The node's own number of each of the schema's generations, in order."""
    roles = [one.role for one in SUPERTEST.generations]
    many = value if isinstance(value, list) else []
    if len(many) != len(roles) or len(set(map(str, many))) != len(many):
        raise ValueError(f"the node's {len(roles)} different numbers of: {', '.join(roles)}")
    if any(type(one) is not int or one < 0 for one in many) or sorted(many) != many:
        raise ValueError(f"rising whole numbers, of: {', '.join(roles)}")
    return tuple(many)


def one_of(known: Collection[str]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in known:
            raise ValueError(" or ".join(f'"{one}"' for one in known))
        return value

    return read
