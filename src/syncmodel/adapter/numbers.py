"""Whole numbers that a system gives back as texts or floats."""

from __future__ import annotations

import re
from collections.abc import Mapping

from syncmodel.model.columns import Counter, Integer
from syncmodel.model.schema import Table

WHOLE = re.compile(r"-?[0-9]+", re.ASCII)


def whole_numbers(table: Table, columns: object, given: type[object]) -> object:
    """The row with ints where its numbers are of the type `given`, and whole; else as it is."""
    if given is int or not isinstance(columns, Mapping):
        return columns
    numbers = {one.name for one in table.columns if isinstance(one, Counter | Integer)}
    return {n: _whole(cell, given) if n in numbers else cell for n, cell in columns.items()}


def _whole(cell: object, given: type[object]) -> object:
    if given is float and isinstance(cell, float) and cell.is_integer():
        return int(cell)
    if given is str and isinstance(cell, str) and WHOLE.fullmatch(cell):
        return int(cell)
    return cell
