"""An adapter of a library: what its author writes, and every mistake that is not a finding."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from syncmodel import Counter, Guarantees, OnDelete, Ref, Schema, Table, Token
from syncmodel.adapter import InProcess, Refused, Unknown
from syncmodel.adapter.selftest import selftest
from syncmodel.cli import main
from syncmodel.engine.pool import Pool
from syncmodel.errors import UsageError
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import Answer
from syncmodel.model.values import TOMBSTONE, Row, Write
from syncmodel.steps import Create
from syncmodel.targets.registry import kind_of

TEMPLATES = Path(sys.modules[InProcess.__module__].__file__ or "").parent / "templates"
KEY = Row("notes", "n1")


class Notes(InProcess):
    """A correct store: each row has a stamp, and the last writer wins."""

    schema = Schema(Table("notes", Token("title"), Counter("votes")))

    def replica(self, node: str) -> Any:
        return {"clock": 0, "rows": {}, "name": node}

    def _put(self, node: str, row: Row, columns: Any) -> Any:
        at = self.at[node]
        at["clock"] += 1
        at["rows"][row.table, row.name] = (at["clock"], at["name"], columns)
        return columns

    def _there(self, node: str, row: Row) -> Any:
        found = self.at[node]["rows"].get((row.table, row.name))
        if found is None or found[2] is None:
            raise Refused("no_such_row")
        return found[2]

    def create(self, node: str, row: Row, columns: Mapping[str, Any]) -> Any:
        found = self.at[node]["rows"].get((row.table, row.name))
        if found is not None and found[2] is not None:
            raise Refused("exists")
        return self._put(node, row, dict(columns))

    def set(self, node: str, row: Row, column: str, value: Any) -> Any:
        return self._put(node, row, {**self._there(node, row), column: value})

    def add(self, node: str, row: Row, column: str, by: int) -> Any:
        before = self._there(node, row)
        return self._put(node, row, {**before, column: before[column] + by})

    def delete(self, node: str, row: Row) -> Any:
        self._there(node, row)
        self._put(node, row, None)

    def rows(self, node: str, prefix: str) -> Any:
        for (table, name), (_, _, columns) in self.at[node]["rows"].items():
            if columns is not None:
                yield table, name, columns

    def pull(self, sender: str, receiver: str) -> Any:
        ours, theirs = self.at[receiver], self.at[sender]
        ours["clock"] = max(ours["clock"], theirs["clock"])
        for key, found in theirs["rows"].items():
            if key not in ours["rows"] or found[:2] > ours["rows"][key][:2]:
                ours["rows"][key] = found


def troubles(adapter: type[InProcess]) -> dict[str, str]:
    """What the selftest says is wrong, by the title of the check."""
    kind = kind_of(adapter)
    with Pool(kind) as pool:
        return {
            check.title: check.trouble
            for check in selftest(kind, pool.target(3), pool.driver)
            if check.trouble
        }


def test_a_correct_adapter_has_no_trouble() -> None:
    assert troubles(Notes) == {}


@pytest.mark.parametrize("name", ["_asked", "_given", "_shown"])
def test_a_helper_that_would_replace_one_of_ours_is_told(name: str) -> None:
    with pytest.raises(UsageError, match=f"Mine defines `{name}`, which the adapter"):
        type("Mine", (Notes,), {name: print})


def test_a_helper_of_ones_own_may_be_called_anything_else() -> None:
    kept = type("Mine", (Notes,), {"_put": print, "_mine": 1, "__doc__": "x"})
    assert issubclass(kept, Notes)


@pytest.mark.parametrize("unanswered", [False, True])
@pytest.mark.parametrize(("says", "rounds"), [(True, 2), (False, 3)])
def test_who_says_that_nothing_is_left_is_asked_no_more_than_that(
    says: bool, rounds: int, unanswered: bool
) -> None:
    """A write of n1 reaches all in the first round; where nobody says so, every round is needed."""
    pulls: list[tuple[str, str]] = []

    class Counted(Notes):
        def pull(self, sender: str, receiver: str) -> Any:
            pulls.append((sender, receiver))
            before = dict(self.at[receiver]["rows"])
            super().pull(sender, receiver)
            return before != self.at[receiver]["rows"] if says else None

    with Pool(kind_of(Counted)) as pool:
        target = pool.target(3)
        net = fully_connected(Counted.schema, 3)
        pool.driver.run(target.begin(net))
        write = Create("n1", "notes", "a", (("title", "t1"), ("votes", 0)))
        pool.driver.run(target.write("n1", write.asks(Counted.schema)))
        pulls.clear()
        target.unanswered = unanswered  # type: ignore[attr-defined]
        pool.driver.run(target.settle(net, control=False, limit_s=1.0))
    links = len(net.connected)
    # What may land at any moment has the nodes looked at once more, after another rest.
    assert len(pulls) == links * (rounds + (1 if says else rounds) * unanswered)


def test_an_adapter_of_several_tables_has_none(tmp_path: Path) -> None:
    class Shop(Notes):
        """A store whose orders name a customer, and say nothing of it."""

        schema = Schema(
            Table("customers", Token("name")),
            Table("orders", Ref("customer", "customers", OnDelete.NOTHING), Counter("pieces")),
        )

    assert troubles(Shop) == {}


class Silent(Notes):
    """Answers without the row."""

    def create(self, node: str, row: Row, columns: Mapping[str, Any]) -> Any:
        super().create(node, row, columns)


class Floats(Notes):
    """Counts with floats."""

    def rows(self, node: str, prefix: str) -> Any:
        for table, name, columns in super().rows(node, prefix):
            yield table, name, {**columns, "votes": float(columns["votes"])}


class Pairs(Notes):
    """Rows without their table."""

    def rows(self, node: str, prefix: str) -> Any:
        for _, name, columns in super().rows(node, prefix):
            yield name, columns


class Elsewhere(Notes):
    """Rows of a table that is not in the schema."""

    def rows(self, node: str, prefix: str) -> Any:
        for _, name, columns in super().rows(node, prefix):
            yield "note", name, columns


class Lacking(Notes):
    """Rows without a column."""

    def rows(self, node: str, prefix: str) -> Any:
        for table, name, columns in super().rows(node, prefix):
            yield table, name, {"title": columns["title"]}


class Broken(Notes):
    """Raises what is no answer."""

    def create(self, node: str, row: Row, columns: Mapping[str, Any]) -> Any:
        raise KeyError("nope")


class Unwritten(Notes):
    """Has no `add` yet."""

    add = InProcess.add


MISTAKES: dict[type[InProcess], str] = {
    Silent: "Silent.create answered without the row: return it",
    Floats: "Floats.rows gave what is not a row of notes, votes is 0.0",
    Pairs: "it gives (table, id, columns) for each row",
    Elsewhere: "Elsewhere.rows gave a row of 'note'; the schema's tables are notes",
    Lacking: "Lacking.rows gave what is not a row of notes, no votes",
    Broken: "KeyError: 'nope'",
    Unwritten: "Unwritten has no `add`: write it, or leave such steps out (`add = None`",
}


@pytest.mark.parametrize("adapter", list(MISTAKES), ids=lambda a: a.__name__)
def test_a_mistake_is_named_and_no_finding(
    adapter: type[InProcess],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    name = f"{__name__}:{adapter.__name__}"
    code = main(["explore", "--target", name, "--sequences", "2", "--seed", "1"])
    said = capsys.readouterr()
    assert code == (2 if adapter is Unwritten else 3), said
    assert MISTAKES[adapter] in (said.out + said.err), said
    saved = [json.loads(file.read_text())["expected"] for file in tmp_path.glob("found/*.json")]
    assert saved
    assert not [expected for expected in saved if expected["verdict"] == "diverged"]


class Forgetful(Notes):
    """A create is not stored."""

    def create(self, node: str, row: Row, columns: Mapping[str, Any]) -> Any:
        return dict(columns)


class Deaf(Notes):
    """Says that it is at rest before anything was carried."""

    def pull(self, sender: str, receiver: str) -> Any:
        return False


class Leaky(Notes):
    """Cuts change nothing."""

    async def set_cut(self, cut: Any) -> None:
        self.cut = frozenset()

    async def settle(self, net: Any, *, control: bool, limit_s: float) -> Any:
        for sender in self.nodes:
            for receiver in self.nodes:
                self.pull(sender, receiver)
        return await super().settle(net, control=control, limit_s=limit_s)


class Lenient(Notes):
    """A create replaces what is there, and a delete of nothing is fine."""

    def create(self, node: str, row: Row, columns: Mapping[str, Any]) -> Any:
        return self._put(node, row, dict(columns))

    def delete(self, node: str, row: Row) -> Any:
        self._put(node, row, None)


class Undeleted(Notes):
    """A delete leaves the row."""

    def delete(self, node: str, row: Row) -> Any:
        self._there(node, row)


class Vague(Notes):
    """Never knows whether a counter grew."""

    def add(self, node: str, row: Row, column: str, by: int) -> Any:
        super().add(node, row, column, by)
        raise Unknown("who knows")


CAUGHT: dict[type[InProcess], str] = {
    Forgetful: "create a row of notes",
    Deaf: "every node has a row once all is at rest",
    Leaky: "a partition keeps rows apart, and a heal brings them",
    Lenient: "create a row of notes that is there",
    Undeleted: "delete a row of notes, and create it again",
    Vague: "add notes.votes",
}


@pytest.mark.parametrize("adapter", list(CAUGHT), ids=lambda a: a.__name__)
def test_the_selftest_says_what_does_not_work(adapter: type[InProcess]) -> None:
    assert CAUGHT[adapter] in troubles(adapter)


def test_a_lenient_system_may_say_so() -> None:
    class Upserts(Lenient):
        """It replaces, and says so."""

        guarantees = Guarantees(upserts=True)

        def delete(self, node: str, row: Row) -> Any:
            self._there(node, row)
            self._put(node, row, None)

    assert troubles(Upserts) == {}


@pytest.mark.parametrize(
    ("raised", "answer", "code"),
    [
        (Refused("read_only"), Answer.REFUSED, "read_only"),
        (ConnectionRefusedError(), Answer.REFUSED, "unreachable"),
        (FileNotFoundError(), Answer.REFUSED, "unreachable"),
        (Unknown("lost"), Answer.UNKNOWN, "lost"),
        (TimeoutError(), Answer.UNKNOWN, "TimeoutError"),
        (ConnectionResetError("reset"), Answer.UNKNOWN, "reset"),
        (BrokenPipeError(), Answer.UNKNOWN, "BrokenPipeError"),
    ],
    ids=repr,
)
def test_what_a_method_raises_is_an_answer(raised: Exception, answer: Answer, code: str) -> None:
    class Raises(Notes):
        """Raises that."""

        def delete(self, node: str, row: Row) -> Any:
            raise raised

    with Pool(kind_of(Raises)) as pool:
        target = pool.target(2)
        outcome = pool.driver.run(target.write("n1", Write("n1", KEY, TOMBSTONE)))
    assert (outcome.answer, outcome.code) == (answer, code)


def test_two_ways_of_rest_are_one_too_many(capsys: pytest.CaptureFixture[str]) -> None:
    ways: Mapping[str, Callable[..., Any] | float] = {"quiet_s": 0.1, "pull": Notes.pull}
    for given, words in (
        (ways, "has pull and quiet_s"),
        ({"pull": InProcess.pull}, "has none"),
    ):
        adapter = type("Mixed", (Notes,), {"__doc__": "Mixed.", **given})
        setattr(sys.modules[__name__], "Mixed", adapter)  # noqa: B010 (it is looked up by its name)
        assert main(["selftest", f"{__name__}:Mixed"]) == 2
        assert words in capsys.readouterr().err


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "mine"
    assert main(["init", str(folder)]) == 0
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name in ("notes", "notes_adapter"):
        sys.modules.pop(name, None)


def test_what_init_writes_works_as_it_is(
    template: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["selftest", "notes_adapter:Notes"]) == 0
    assert "All 12 work. Now search: syncmodel explore --target" in capsys.readouterr().out
    assert main(["explore", "--target", "notes_adapter:Notes", "--sequences", "5"]) == 0
    assert (template / "corpus").is_dir()


def test_a_bug_in_it_is_found(template: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = template / "notes.py"
    clock = "        self.clock = max(self.clock, other.clock)\n"
    assert clock in store.read_text()
    store.write_text(store.read_text().replace(clock, ""))
    assert importlib.util.find_spec("notes") is not None
    assert main(["explore", "--target", "notes_adapter:Notes", "--seed", "1"]) == 1
    told = capsys.readouterr().out
    assert "notes" in told
    assert "generation" not in told


def test_init_touches_nothing_that_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").write_text("mine")
    assert main(["init", str(tmp_path)]) == 2
    assert main(["init", str(tmp_path / "mine")]) == 2
    assert main(["init", str(tmp_path / "mine" / "deeper")]) == 2
    assert capsys.readouterr().err.count("\n") == 3
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]


def test_a_system_of_so_many_nodes_has_no_others() -> None:
    class Two(Notes):
        size = 2

    assert kind_of(Two).nodes == 2
    assert kind_of(Notes).nodes is None
    assert Two(2).nodes == ("n1", "n2")
    with pytest.raises(UsageError, match="Two has 2 nodes, and not 3: leave --nodes out"):
        Two(3)
