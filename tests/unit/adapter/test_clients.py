"""What an author has for nothing: clients that are kept, their exceptions, numbers, whole rows."""

from __future__ import annotations

import asyncio
import io
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncmodel.adapter import (
    Counter,
    InProcess,
    Processes,
    Refused,
    Row,
    Schema,
    Table,
    Token,
    Unknown,
    WholeRows,
)
from syncmodel.adapter.clients import Clients
from syncmodel.adapter.numbers import whole_numbers
from syncmodel.adapter.places import beside
from syncmodel.errors import UsageError
from syncmodel.model.net import fully_connected
from syncmodel.model.values import Value, Write


class Made:
    """Connections by number: those that were made, and those that were ended."""

    def __init__(self) -> None:
        self.made, self.ended = 0, list[int]()
        self.clients = Clients(self._connect, self.ended.append)

    def _connect(self, node: str) -> int:
        self.made += 1
        return self.made

    def one(self, *, good: bool = False) -> Any:
        return self.clients.one("n1", lambda _: good)


def test_a_client_serves_one_call_at_a_time_and_the_next_one_too() -> None:
    it = Made()
    with it.one() as first, it.one() as second:
        assert (first, second) == (1, 2)
    with it.one() as third:
        assert third in (1, 2)
    assert it.made == 2
    assert not it.ended


@pytest.mark.parametrize("good", [True, False])
def test_after_an_exception_it_is_kept_only_if_it_is_good(good: bool) -> None:
    it = Made()
    with pytest.raises(KeyError), it.one(good=good):
        raise KeyError
    with it.one() as client:
        assert client == (1 if good else 2)
    assert it.ended == ([] if good else [1])


def test_a_call_that_is_given_up_ends_its_client() -> None:
    it = Made()
    with pytest.raises(KeyboardInterrupt), it.one(good=True):
        raise KeyboardInterrupt
    assert it.ended == [1]


def test_who_serves_a_call_while_its_server_ends_is_ended_after_it() -> None:
    it = Made()
    with it.one() as first:
        with it.one():
            pass
        it.clients.hang_up("n1")
        assert it.ended == [2]
    assert it.ended == [2, first]
    with it.one() as third:
        assert third == 3


@given(st.lists(st.sampled_from(["call", "fail", "open", "close", "hang up"])))
def test_whatever_happens_every_client_is_ended_once(does: list[str]) -> None:
    it, under_way = Made(), list[Any]()
    for what in does:
        match what:
            case "call":
                with it.one():
                    pass
            case "fail":
                with pytest.raises(KeyError), it.one():
                    raise KeyError
            case "open":
                under_way.append(it.one())
                under_way[-1].__enter__()
            case "close" if under_way:
                under_way.pop(0).__exit__(None, None, None)
            case "hang up":
                it.clients.hang_up("n1")
    it.clients.hang_up("n1")
    for one in under_way:
        one.__exit__(None, None, None)
    assert sorted(it.ended) == list(range(1, it.made + 1))


class LostError(Exception):
    """What a client of somebody's raises."""


class SilentError(LostError):
    """A kind of it."""


class TakenError(Exception):
    """Another one."""


class Foreign(Processes):
    """Servers whose client has exceptions of its own."""

    schema = Schema(Table("rows", Token("text")))
    quiet_s = 0.1
    answers: ClassVar[Any] = {LostError: "unknown", TakenError: "exists"}

    def connect(self, node: str) -> Any:
        if node == "n2":
            raise LostError("no route")
        return io.StringIO()

    def plain(self, raised: Exception) -> None:
        raise raised

    async def waiting(self, raised: Exception) -> None:
        raise raised


@pytest.mark.parametrize(
    ("raised", "kind", "words"),
    [
        (LostError("reset"), Unknown, "LostError: reset"),
        (SilentError("late"), Unknown, "SilentError: late"),
        (TakenError(), Refused, "exists"),
        (KeyError("slip"), KeyError, "slip"),
    ],
)
@pytest.mark.parametrize("how", ["plain", "waiting"])
def test_what_a_client_raises_is_what_the_adapter_says(
    raised: Exception, kind: type[Exception], words: str, how: str
) -> None:
    adapter = Foreign(2)
    with pytest.raises(kind, match=words):
        asyncio.run(adapter.call(getattr(adapter, how), raised))


def test_a_client_that_can_not_be_made_asked_for_nothing() -> None:
    with pytest.raises(ConnectionRefusedError, match="LostError: no route"):
        Foreign(2).client("n2").__enter__()


def test_who_can_connect_is_ready() -> None:
    adapter = Foreign(2)
    assert adapter.ready("n1")
    with pytest.raises(ConnectionRefusedError):
        adapter.ready("n2")
    with pytest.raises(UsageError, match="Silent has no `ready`"):
        type("Silent", (Foreign,), {"connect": Processes.connect})(2).ready("n1")


def test_an_answer_that_is_none_is_told() -> None:
    with pytest.raises(UsageError, match=r"Slip.answers has 'exist': say exists, no_such_row"):
        type("Slip", (Foreign,), {"answers": {LostError: "exist"}})
    with pytest.raises(ValueError, match=r"Refused\('exist'\): the code is one of exists"):
        Refused("exist")


@pytest.mark.parametrize(
    ("numbers", "cell", "read"),
    [
        (str, "12", 12),
        (str, "-3", -3),
        (str, "1.5", "1.5"),
        (str, 12, 12),
        (float, 2.0, 2),
        (float, 2.5, 2.5),
        (float, float("inf"), float("inf")),
        (int, 2.0, 2.0),
        (int, "12", "12"),
    ],
)
def test_numbers_are_read_as_they_come_where_they_are_whole(
    numbers: type[object], cell: object, read: object
) -> None:
    table = Table("notes", Token("title"), Counter("votes"))
    found = whole_numbers(table, {"title": "12", "votes": cell}, numbers)
    assert found == {"title": "12", "votes": read}
    assert isinstance(found, dict)
    assert type(found["votes"]) is type(read)
    assert whole_numbers(table, None, numbers) is None


def test_a_file_beside_the_adapter_is_filled_in() -> None:
    assert "port = %(port)s" in beside(Foreign, "settings_of_a_test.conf")
    with pytest.raises(UsageError, match=r"Foreign needs a file .nowhere\.conf.: put it beside"):
        beside(Foreign, "nowhere.conf")


class Kept(WholeRows, InProcess):
    """Rows in a mapping, with a number for each version; every other put comes too late."""

    schema = Schema(Table("notes", Token("title"), Counter("votes")))

    def replica(self, node: str) -> dict[str, Any]:
        return {}

    def get(self, node: str, row: Row) -> Any:
        return self.at[node].get(row.name)

    def put(self, node: str, row: Row, columns: Any, version: Any) -> bool:
        found = self.at[node].get(row.name)
        if found is None or version is None:
            if (found is None) is not (version is None):
                return False
            self.at[node][row.name] = (columns, 1)
            return True
        if found[1] % 2:
            self.at[node][row.name] = (found[0], found[1] + 1)
            return False
        if columns is None:
            del self.at[node][row.name]
        else:
            self.at[node][row.name] = (columns, found[1] + 1)
        return True

    def rows(self, node: str, prefix: str) -> Any:
        return [("notes", name, columns) for name, (columns, _) in self.at[node].items()]

    def pull(self, sender: str, receiver: str) -> None:
        """Nothing: one node alone."""


def test_a_row_that_somebody_wrote_meanwhile_is_read_again() -> None:
    kept, row = Kept(1), Row("notes", "a")
    kept.at = {"n1": {}}
    assert kept.create("n1", row, {"title": "t1", "votes": 0}) == {"title": "t1", "votes": 0}
    assert kept.set("n1", row, "title", "t2") == {"title": "t2", "votes": 0}
    assert kept.add("n1", row, "votes", 4) == {"title": "t2", "votes": 4}
    assert kept.get("n1", row) == ({"title": "t2", "votes": 4}, 5)
    with pytest.raises(Refused, match="exists"):
        kept.create("n1", row, {"title": "t3", "votes": 0})
    kept.delete("n1", row)
    for again in (lambda: kept.delete("n1", row), lambda: kept.set("n1", row, "title", "t4")):
        with pytest.raises(Refused, match="no_such_row"):
            again()


class Slow(InProcess):
    """Looks and writes take a while, and it does not say that a row is there."""

    schema = Schema(Table("rows", Token("text")))
    refuses, waits = False, True

    def replica(self, node: str) -> dict[str, Any]:
        return {}

    async def rows(self, node: str, prefix: str) -> Any:
        found = [("rows", name, columns) for name, columns in self.at[node].items()]
        await asyncio.sleep(0)
        return found

    async def create(self, node: str, row: Row, columns: Any) -> Any:
        await asyncio.sleep(0)
        self.at[node][row.name] = dict(columns)
        return columns

    def pull(self, sender: str, receiver: str) -> None:
        """Nothing."""


def test_of_two_creates_at_once_one_is_refused() -> None:
    async def both() -> list[str | None]:
        slow = Slow(1)
        await slow.begin(fully_connected(Slow.schema, 1))
        row = Row("rows", "a")
        writes = [Write("n1", row, Value((("text", text),))) for text in ("t1", "t2")]
        return [one.code for one in await asyncio.gather(*(slow.write("n1", w) for w in writes))]

    assert asyncio.run(both()) == [None, "exists"]


def test_replicas_of_earlier_runs_are_discarded() -> None:
    gone = list[Any]()

    class Ends(Slow):
        """Replicas that have something open."""

        async def discard(self, replica: Any) -> None:
            gone.append(replica)

    async def runs() -> None:
        adapter = Ends(2)
        await adapter.begin(fully_connected(Slow.schema, 2))
        first = list(adapter.at.values())
        await adapter.begin(fully_connected(Slow.schema, 2))
        assert gone == first
        await adapter.close()
        await adapter.close()
        assert len(gone) == 4

    asyncio.run(runs())
