"""The kinds of columns: which values name a write, which operations there are, what undoes them.

A kind says everything about its cells: which value no write of the run has used yet, what the
operation on it stores (`change`), and what it shows. Adding a kind is adding a class here.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from enum import Enum
from typing import ClassVar

from attrs import field, frozen

from syncmodel.errors import UsageError
from syncmodel.model.values import Added, Assigned, Scalar

#: The k-th increment of a run adds 2^k, so that every counter names the increments in it.
AMOUNTS: tuple[int, ...] = tuple(2**k for k in range(40))


class OnDelete(Enum):
    """What a delete does to the rows that refer to the deleted one.

    `HIDE`: they do not show until it is created again. `CASCADE`: its node deletes those that it
    has, and what these take along or are held by; what arrives later hides. `RESTRICT`: it is
    refused while its node has any; what arrives later hides. `NOTHING`: a reference is a plain
    value.
    """

    HIDE = "hide"
    CASCADE = "cascade"
    RESTRICT = "restrict"
    NOTHING = "nothing"


class Required(Enum):
    """The default of a column that has none."""

    VALUE = "required"


REQUIRED = Required.VALUE


@frozen
class Column:
    """One column. A create may leave out one with a `default`; `since` is the plugin's version
    that brings it, `until` the one that drops it. Nothing changes a `fixed` one once its row was
    created.

    `renamed`: what nodes call it from a version of the plugin on, as (version, name), in order. The
    model always calls it `name`, and so does what nodes tell each other.
    """

    #: The operation that changes a cell of this kind, if there is one.
    OP: ClassVar[str | None] = None
    name: str
    default: Scalar | Required = field(default=REQUIRED, kw_only=True)
    since: int = field(default=1, kw_only=True)
    until: int | None = field(default=None, kw_only=True)
    fixed: bool = field(default=False, kw_only=True)
    renamed: tuple[tuple[int, str], ...] = field(default=(), kw_only=True)

    @since.validator
    def _check_since(self, _attribute: object, since: int) -> None:
        if since > 1 and self.start is REQUIRED:
            raise UsageError(
                f"The column {self.name!r} comes with version {since}: give it a default, which "
                f"rows of older versions show."
            )

    @until.validator
    def _check_until(self, _attribute: object, until: int | None) -> None:
        if until is None:
            return
        if until <= self.since:
            raise UsageError(f"The column {self.name!r} goes before it comes: until > since.")
        if self.start is REQUIRED:
            raise UsageError(
                f"The column {self.name!r} goes with version {until}: give it a default, which "
                f"rows of later versions show in earlier ones."
            )

    def there(self, version: int) -> bool:
        """Whether a plugin of that version has it."""
        return self.since <= version and (self.until is None or version < self.until)

    def called(self, version: int) -> str:
        """What a node with that version of the plugin calls it."""
        return next((name for since, name in reversed(self.renamed) if since <= version), self.name)

    @property
    def names(self) -> tuple[str, ...]:
        """All that it is ever called."""
        return (self.name, *(name for _, name in self.renamed))

    @property
    def op(self) -> str | None:
        """The operation that changes a cell after the create; None: it never changes."""
        return None if self.fixed else self.OP

    @property
    def start(self) -> Scalar | Required:
        """What a cell shows whose create left it out."""
        return self.default

    def fresh(self, used: AbstractSet[Scalar]) -> Scalar:
        """A value that is not in `used`."""
        raise NotImplementedError

    def numbered(self, number: int) -> Scalar:
        """A value for each number; another one for another number."""
        raise NotImplementedError

    def is_fresh(self, value: Scalar, used: AbstractSet[Scalar]) -> bool:
        """Whether a write may use this value: one that names it, so not what a default shows."""
        return self.shows(value) and value not in used and value != self.default

    def change(self, value: Scalar) -> Assigned | Added:
        """What the column's operation stores."""
        return Assigned(self.name, value)

    def shows(self, value: object) -> bool:
        """Whether a cell of this kind can show this."""
        return value is None and self.default is None


@frozen
class Token(Column):
    """A text. Each write of the run sets a fresh one, which names the write."""

    OP: ClassVar[str | None] = "set"

    def fresh(self, used: AbstractSet[Scalar]) -> str:
        number = len(used) + 1
        while f"t{number}" in used or f"t{number}" == self.default:
            number += 1
        return self.numbered(number)

    def numbered(self, number: int) -> str:
        return f"t{number}"

    def shows(self, value: object) -> bool:
        return isinstance(value, str) or Column.shows(self, value)


@frozen
class Integer(Column):
    """A whole number. Each write of the run sets a fresh one, which names the write."""

    OP: ClassVar[str | None] = "set"

    def fresh(self, used: AbstractSet[Scalar]) -> int:
        number = len(used) + 1
        while number in used or number == self.default:
            number += 1
        return number

    def numbered(self, number: int) -> int:
        return number

    def shows(self, value: object) -> bool:
        return type(value) is int or Column.shows(self, value)


@frozen
class Counter(Column):
    """A whole number that begins at 0; writes add powers of two, each once a run."""

    OP: ClassVar[str | None] = "add"

    @property
    def start(self) -> Scalar:
        return 0

    def fresh(self, used: AbstractSet[Scalar]) -> int:
        free = (by for by in AMOUNTS if by not in used)
        return next(free, 2 * AMOUNTS[-1])

    def is_fresh(self, value: Scalar, used: AbstractSet[Scalar]) -> bool:
        return value in AMOUNTS and value not in used

    def change(self, value: Scalar) -> Added:
        assert isinstance(value, int)
        return Added(self.name, value)

    def shows(self, value: object) -> bool:
        return type(value) is int


@frozen
class Ref(Column):
    """The id of a row of another `table`: the same one for the whole run, given by each create."""

    table: str = field()
    on_delete: OnDelete = OnDelete.HIDE

    def __attrs_post_init__(self) -> None:
        if self.default is not REQUIRED or self.since > 1 or self.until is not None:
            raise UsageError(
                f"The reference {self.name!r} can't have a default, nor come or go with a version: "
                f"a row names the same other rows for the whole run."
            )

    def shows(self, value: object) -> bool:
        return isinstance(value, str)

    @property
    def binds(self) -> bool:
        """Whether a row shows only where the row that it names does."""
        return self.on_delete is not OnDelete.NOTHING
