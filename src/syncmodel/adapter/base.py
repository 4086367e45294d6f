"""What adapters have in common: an author's four operations and `rows`, as a target.

Here a write of the model becomes a call of the author's method, and what comes back an outcome.
How rest is known lives in `rest.py`; where the nodes are, in `in_process.py` and `processes.py`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar

from syncmodel.adapter.answers import CODES, UNKNOWN, Refused, Unknown
from syncmodel.adapter.numbers import whole_numbers
from syncmodel.adapter.rest import Rest, settle
from syncmodel.errors import InvalidRunError, UsageError, said
from syncmodel.model.net import Link, Net
from syncmodel.model.outcome import Answer, Outcome, accepted, refused, unknown
from syncmodel.model.schema import Table
from syncmodel.model.values import ANY, OPS, Added, Assigned, Row, Scalar, Write
from syncmodel.model.view import View
from syncmodel.steps.base import CutsLinks
from syncmodel.targets.base import Settled, Target, Unsettled

#: The cells of a row, by column.
Columns = Mapping[str, Any]
#: A row as the system stores it; None where it does not say.
Stored = Columns | None
#: What `rows` gives: table, id, columns.
Shown = tuple[str, str, Columns]


class Adapter(Target, CutsLinks):
    """A system by its author's methods, each of them plain or a coroutine.

    `row` has a `table` and a `name`, which is the id to use: it begins with the `prefix` of the
    run, so that rows of earlier runs do not matter. A method raises `Refused` or `Unknown`; a
    connection that is refused means that nothing happened, one that breaks and a timeout that
    nobody knows; `answers` says what exceptions of a client mean. Any other exception ends the
    search and is told as the adapter's.
    """

    #: What an exception of the system's client means, by its class or one that it inherits: a code
    #: of `Refused`, or "unknown".
    answers: ClassVar[Mapping[type[Exception], str]] = {}
    #: What numbers come back as, where not as int: `str` or `float`. One that is not whole is told.
    numbers: ClassVar[type[object]] = int

    #: How long views must stay the same to be at rest, where nothing better is known. Seconds.
    quiet_s: ClassVar[float] = 0.0
    #: How long nodes may take to come to rest; more than a search's own limit counts. Seconds.
    settle_s: ClassVar[float] = 0.0
    #: How long to wait between two looks at nodes that are not at rest. Seconds.
    poll_s: ClassVar[float] = 0.005

    cut: frozenset[Link] = frozenset()
    prefix = ""
    tick = 0
    #: Whether a request of this run has no answer: it may land yet, at any moment.
    unanswered = False

    def __init_subclass__(cls) -> None:
        """Raises `UsageError` for a helper of the author's that would replace one of ours, and for
        an answer that is none."""
        super().__init_subclass__()
        ours = [base for base in cls.__mro__ if base.__module__.startswith(f"{__package__}.")]
        if cls in ours:
            return
        for code in cls.answers.values():
            if code not in (*CODES, UNKNOWN):
                raise UsageError(
                    f"{cls.__name__}.answers has {code!r:.60}: say {', '.join(CODES)} or {UNKNOWN}."
                )
        for name in vars(cls):
            if name.startswith("_") and not name.endswith("__") and _has(ours, name):
                raise UsageError(
                    f"{cls.__name__} defines `{name}`, which the adapter that it inherits from has "
                    f"for itself: call it something else."
                )

    def __init__(self, count: int = 3, bugs: Sequence[str] = ()) -> None:
        """Nothing runs before `begin`. Raises `UsageError` where it has no one way of rest, or not
        so many nodes."""
        if self.size not in (None, count):
            raise UsageError(
                f"{type(self).__name__} has {self.size} nodes, and not {count}: leave --nodes out, "
                f"or say --nodes {self.size}."
            )
        super().__init__(count, bugs)
        self._rest = _way_of_rest(self)

    # --- the author's ---------------------------------------------------------------------------

    def create(self, node: str, row: Row, columns: Mapping[str, Any]) -> Any:
        """Store a new row; return it as stored, or None."""
        raise unwritten(self, "create")

    def set(self, node: str, row: Row, column: str, value: Any) -> Any:
        """Set one column; return the row as stored, or None."""
        raise unwritten(self, "set")

    def add(self, node: str, row: Row, column: str, by: int) -> Any:
        """Add to a counter; return the row as stored, or None."""
        raise unwritten(self, "add")

    def delete(self, node: str, row: Row) -> Any:
        """Delete a row."""
        raise unwritten(self, "delete")

    def rows(self, node: str, prefix: str) -> Any:
        """What the node shows now: (table, id, columns) for each row whose id has the prefix.

        Others may be among them.
        """
        raise unwritten(self, "rows")

    # One way of rest: see `rest.py`.

    def pull(self, sender: str, receiver: str) -> Any:
        """Carry what the sender has to the receiver; return whether anything may be left."""
        raise NotImplementedError

    def position(self, node: str) -> Any:
        """A mapping: for each log, by name, how far the node has applied it."""
        raise NotImplementedError

    def mark(self, node: str, tick: int) -> Any:
        """Write this number where the other nodes will see it after all that is written by now."""
        raise NotImplementedError

    def marks(self, node: str) -> Any:
        """The last number that the node has seen of each node."""
        raise unwritten(self, "marks")

    # --- Target ---------------------------------------------------------------------------------

    async def write(self, node: str, write: Write) -> Outcome:
        """The author's method for it, and its answer as an outcome."""
        table = self.schema.table(write.row.table)
        outcome, stored = await answered(self._asked(node, table, write))
        if not outcome.ok:
            self.unanswered |= outcome.answer is Answer.UNKNOWN
            return outcome
        if stored is None or write.op == "delete":
            self._needs_answer(write, stored)
            return accepted()
        return accepted(self._read(table, write.op, stored))

    async def read(self, node: str) -> View:
        """What the node shows of this run."""
        return self.view_of(await self.call(self.rows, node, self.prefix))

    def view_of(self, rows: Any) -> View:
        """What `rows` gave, without what is of other runs. Raises `InvalidRunError`."""
        tables: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
        for shown in rows:
            table, name, columns = self._shown(shown)
            if name.startswith(self.prefix):
                known = self._table(table)
                row = self._read(known, "rows", columns)
                tables.setdefault(table, []).append((name.removeprefix(self.prefix), row))
        return View.of(self.schema, tables)

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        """Rest, in the way that the author chose, and each node's rows there."""
        del control
        self.tick += 1
        return await settle(self, self._rest, net, max(limit_s, self.settle_s))

    # --- helpers --------------------------------------------------------------------------------

    async def call(self, method: Callable[..., Any], *given: Any) -> Any:
        """What an author's method gives; a plain one is called here. What its client raises is what
        `answers` has for it."""
        try:
            found = method(*given)
            return await found if inspect.isawaitable(found) else found
        except tuple(self.answers) as error:
            raise self.meant(error) from error

    async def ask_each(
        self, method: Callable[..., Any], nodes: Sequence[str], *given: Any
    ) -> dict[str, Any]:
        """What an author's method gives for each of these nodes, or the exception that it raised.
        Coroutines that wait for servers ask all nodes at the same time."""
        if self.waits and inspect.iscoroutinefunction(method):
            calls = (self.call(method, node, *given) for node in nodes)
            answers = await asyncio.gather(*calls, return_exceptions=True)
            return dict(zip(nodes, answers, strict=True))
        found = dict[str, Any]()
        for node in nodes:
            try:
                found[node] = await self.call(method, node, *given)
            except Exception as error:  # noqa: BLE001 (who asks knows what it may be)
                found[node] = error
        return found

    def meant(self, error: Exception) -> Exception:
        """What an exception of the client says, by `answers`; else itself."""
        known = [kind for kind in type(error).__mro__ if kind in self.answers]
        code = self.answers[known[0]] if known else ""
        if code == UNKNOWN:
            return Unknown(f"{type(error).__name__}: {said(error)}")
        return Refused(code) if code else error

    def _asked(self, node: str, table: Table, write: Write) -> Awaitable[Stored]:
        row = Row(write.row.table, self.prefix + write.row.name)
        match write.change:
            case Assigned(column, value):
                return self.call(self.set, node, row, column, value)
            case Added(column, by):
                return self.call(self.add, node, row, column, by)
            case _ if write.creates:
                return self.call(self.create, node, row, self._given(table, write.values))
            case _:
                return self.call(self.delete, node, row)

    def _given(self, table: Table, values: Mapping[str, Scalar]) -> dict[str, Scalar]:
        """The columns of a create; ids in them have the run's prefix too."""
        named = {ref.name: f"{self.prefix}{values[ref.name]}" for ref in table.refs}
        return {**values, **named}

    def _read(self, table: Table, method: str, columns: object) -> dict[str, Any]:
        """A row as the author's method gave it, without the prefix. Raises `InvalidRunError`."""
        try:
            value = table.read(whole_numbers(table, columns, self.numbers))
        except ValueError as error:
            raise InvalidRunError(
                f"{type(self).__name__}.{method} gave what is {error}. An adapter returns rows as "
                f"the schema has them."
            ) from None
        row = {name: cell for name, cell in value.cells if cell is not ANY}
        named = {ref.name: str(row[ref.name]).removeprefix(self.prefix) for ref in table.refs}
        return {**row, **named}

    def _shown(self, shown: object) -> Shown:
        match shown:
            case (str() as table, str() as name, Mapping() as columns):
                return table, name, columns
        raise InvalidRunError(
            f"{type(self).__name__}.rows gave {shown!r:.80}: it gives (table, id, columns) for "
            f"each row."
        )

    def _table(self, name: str) -> Table:
        table = self.schema.by_name.get(name)
        if table is None:
            raise InvalidRunError(
                f"{type(self).__name__}.rows gave a row of {name!r:.40}; the schema's tables are "
                f"{', '.join(self.schema.by_name)}."
            )
        return table

    def _needs_answer(self, write: Write, stored: object) -> None:
        if write.op != "delete" and stored is None and self.guarantees.answers_rows:
            raise InvalidRunError(
                f"{type(self).__name__}.{write.op} answered without the row: return it as it is "
                f"stored, or promise Guarantees(answers_rows=False)."
            )


def unwritten(adapter: Adapter, method: str) -> UsageError:
    """What to raise for a method that the author has yet to write."""
    hint = f", or leave such steps out (`{method} = None` in the class of the suite)"
    hint = hint if method in OPS.values() else ""
    return UsageError(f"{type(adapter).__name__} has no `{method}`: write it{hint}.")


async def answered(asked: Awaitable[Stored]) -> tuple[Outcome, Stored]:
    """What became of a request, and the row that it gave, if it was accepted."""
    try:
        return accepted(), await asked
    except Refused as answer:
        return refused(answer.code), None
    except (ConnectionRefusedError, FileNotFoundError):
        return refused("unreachable"), None
    except (Unknown, TimeoutError, ConnectionError) as error:
        return unknown(said(error) or type(error).__name__), None


def _has(classes: Sequence[type], name: str) -> bool:
    return any(name in vars(one) for one in classes)


def _way_of_rest(adapter: Adapter) -> Rest:
    """The way that its author wrote. Raises `UsageError` if there is none, or two."""
    kind = type(adapter)
    ways = [
        way
        for way in (Rest.PULL, Rest.POSITION, Rest.MARK)
        if getattr(kind, way.value) is not getattr(Adapter, way.value)
    ]
    if adapter.quiet_s:
        ways.append(Rest.QUIET)
    if len(ways) == 1:
        return ways[0]
    found = "has none" if not ways else "has " + " and ".join(way.value for way in ways)
    raise UsageError(
        f"{kind.__name__} needs one way to know that its nodes are at rest, and {found}: write "
        f"`pull`, or `position`, or `mark` and `marks`, or set `quiet_s`."
    )
