"""What a belief notes beside what it believes: the last rest, so that what did not change since is
not compared again, and the versions that calls made."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from immutables import Map

from syncmodel.model.net import Net
from syncmodel.model.rows import RowBelief
from syncmodel.model.values import Row, Value
from syncmodel.model.view import View
from syncmodel.record import Record


class Rest(Record):
    """A register as it was left by a rest, on which net, and what each node showed then.

    `stable`: nothing was learnt there, and nothing would be of the same sights.
    `prunes`: what a node did not show was taken for unknown to it.
    """

    net: Net
    row: RowBelief
    sights: Mapping[str, Value | str | None]
    stable: bool
    prunes: bool


class Seen(Record):
    """The last rest as a whole, which found nothing: its net, the rows after it, what showed.

    `prunes`: as each `Rest` has it. `compared`: all others are what they were at the rest before.
    """

    net: Net
    rows: Map[Row, RowBelief]
    shown: Mapping[str, Mapping[Row, Value]]
    prunes: bool
    views: Mapping[str, View]
    compared: Collection[Row]


class Touched(Record):
    """The registers that were given another belief since that rest, if `rows` came of it so.

    Whoever makes other rows in another way need not know of it: see `Belief.touched`.
    """

    seen: Seen
    rows: Map[Row, RowBelief]
    names: frozenset[Row] = frozenset()


class Marked(Record):
    """The registers of `rows` of which more is believed than most: see `Belief.marked`. `hideable`:
    those of tables whose rows may hide."""

    rows: Map[Row, RowBelief]
    names: frozenset[Row] = frozenset()
    hideable: frozenset[Row] = frozenset()


class Entry(Record):
    """A version that a call made, or may have made: the `number`-th of its register.

    `sure`: the call surely made it. `asked`: the call asked for it; else it was taken along.
    """

    register: Row
    number: int
    sure: bool
    asked: bool = True


#: What one call stored.
Entries = tuple[Entry, ...]
