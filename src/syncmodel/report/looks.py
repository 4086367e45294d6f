"""What records have of control planes: each look as JSON, and back.

The fields are those of `ControlView`, whichever it has. A node that says what it said when it was
looked at last is written as the number of the step after which that was (0: before any).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from attrs import define, field

from syncmodel.corpus.fields import Fields
from syncmodel.errors import FormatError
from syncmodel.model.view import ControlView

T = TypeVar("T")
FIELDS = tuple(each.name for each in msgspec.structs.fields(ControlView))


@define
class Looks:
    """The looks of one run, in order, as they are written or read."""

    _last: dict[str, tuple[int, ControlView]] = field(factory=dict)

    def dump(self, control: Mapping[str, ControlView], index: int) -> dict[str, Any]:
        """The JSON form of what nodes said after step `index`."""
        told: dict[str, Any] = {}
        for node, look in control.items():
            when, before = self._last.get(node, (index, None))
            if before is not None and (before is look or before == look):
                told[node] = when
                continue
            told[node] = plain(look)
            self._last[node] = (index, look)
        return told

    def read(self, line: Fields, index: int) -> dict[str, ControlView]:
        """The looks of a line, which stands after step `index`. Raises `FormatError`."""
        raw = Fields.of(line.optional("control", dict, {}), line.at("control"))
        return {node: self._read(raw, node, index) for node in raw.raw}

    def _read(self, raw: Fields, node: str, index: int) -> ControlView:
        if type(raw.raw[node]) is int:
            when, before = self._last.get(node, (None, None))
            if before is None or when != raw.raw[node]:
                raise FormatError(f"{raw.at(node)}: that node was not looked at last then.")
            return before
        look = read(raw.required(node, dict), raw.at(node))
        self._last[node] = (index, look)
        return look


def plain(look: ControlView) -> dict[str, Any]:
    """One look as JSON; equal ones are equal texts."""
    made: dict[str, Any] = msgspec.to_builtins(
        look, order="deterministic", str_keys=True, enc_hook=_other
    )
    return made


def read(raw: dict[str, Any], where: str) -> ControlView:
    """One look. Raises `FormatError`."""
    Fields.of(raw, where, FIELDS)
    try:
        return msgspec.convert(raw, ControlView, str_keys=True, dec_hook=_made)
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise FormatError(f"{where}: no control plane: {error}.") from None


def _other(value: Any) -> Any:
    """What msgspec knows no JSON for: other mappings."""
    return dict(value) if isinstance(value, Mapping) else repr(value)


def _made(kind: type[T], raw: Any) -> T:
    return kind(raw)  # type: ignore[call-arg]
