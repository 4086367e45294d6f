"""What a system stores: schemas, columns, values, and how ids and texts may look."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncmodel.errors import UsageError
from syncmodel.model import words
from syncmodel.model.columns import AMOUNTS, Column, Counter, Integer, OnDelete, Ref, Token
from syncmodel.model.net import fully_connected
from syncmodel.model.plan import Plan
from syncmodel.model.schema import Generation, Schema, Table
from syncmodel.model.values import (
    ANY,
    TOMBSTONE,
    Added,
    Assigned,
    Pattern,
    Row,
    Scalar,
    Stored,
    Value,
    Write,
    written,
)
from syncmodel.steps import Create
from syncmodel.targets.wire import SUPERTEST

NAME = Token("name")
CASES = SUPERTEST.table("cases")


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (Schema, "needs at least one table"),
        (lambda: Schema(Table("a", NAME), Table("a", NAME)), "'a' is there twice"),
        (lambda: Schema(Table("a", Ref("b", "b"))), "a.b refers to 'b'.* there are: none"),
        (lambda: Schema(Table("a", Ref("a", "a"))), "which is no table that stands before it"),
        (lambda: Schema(Table("A", NAME)), "'A' can't be a name: small letters"),
        (lambda: Schema(Table("a", NAME), plugin="no plugin"), "'no plugin' can't be a plugin"),
        (lambda: Table("a", Token("x y")), "'x y' can't be a column of a"),
        (lambda: Table("a", NAME, NAME), "'name' can't be a column of a .bad, or there twice"),
        (lambda: Table("a", Token("b", default="", since=2), NAME), "come after those of earlier"),
        (lambda: Token("b", since=2), "'b' comes with version 2: give it a default"),
        (lambda: Ref("b", "a", default="a1"), "'b' can't have a default"),
        (lambda: Ref("b", "a", default=None, since=2), "nor come or go with a version"),
        (lambda: Ref("b", "a", default=None, until=2), "nor come or go with a version"),
        (lambda: Token("b", until=2), "'b' goes with version 2: give it a default"),
        (lambda: Token("b", default="", since=2, until=2), "'b' goes before it comes"),
        (lambda: Schema(Table("a", NAME), usual=2), "Generation 2, the usual one, must have"),
        (lambda: Schema(Table("a", NAME), usual=0), "Generation 0, the usual one, must have"),
        (
            lambda: Schema(Table("a", NAME), generations=[Generation("bare")]),
            "must have the plugin",
        ),
        (lambda: Schema(Table("a", NAME), ids={"curly"}), "no look 'curly'; there are: case, "),
        (lambda: SUPERTEST.table("case"), "no table 'case'; there are: cases, events"),
        (lambda: CASES.value({}), "A row of cases needs a title"),
        (
            lambda: CASES.value({"title": "t1", "size": 1, "mood": 1, "colour": "red"}),
            "cases has no column 'colour'",
        ),
    ],
)
def test_what_can_not_be_is_one_clear_sentence(make: Callable[[], object], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence) as raised:
        make()
    assert "\n" not in str(raised.value)
    assert str(raised.value).endswith(".")


def test_ids_tell_their_table_and_are_no_node_and_no_text() -> None:
    schema = Schema(*(Table(name, NAME) for name in ("notes", "tags", "cats", "cars", "c")))
    assert schema.names("cats", 2) == ("c1", "c2")
    prefixes = [schema.prefixes[name] for name in schema.by_name]
    assert len(set(prefixes)) == len(prefixes)
    assert not {"n", "t"} & set(prefixes)


def test_a_schema_alone_is_one_generation_with_the_newest_columns() -> None:
    def newest(*tables: Table) -> int | None:
        schema = Schema(*tables)
        return schema.generations[schema.usual - 1].plugins[schema.plugin]

    assert newest(Table("marks")) == newest(Table("notes", NAME)) == 1
    assert newest(Table("notes", NAME, Token("mood", default="", since=3))) == 3
    assert newest(Table("notes", NAME, Token("mood", default="", until=2)), Table("marks")) == 2


def test_ids_begin_with_as_many_letters_as_tell_tables_apart() -> None:
    def prefixes(*names: str) -> list[str]:
        return list(Schema(*map(Table, names)).prefixes.values())

    assert prefixes("cases", "events") == ["c", "e"]
    assert prefixes("cards", "cases", "casts") == ["c", "ca", "cas"]
    assert prefixes("a", "ab", "abc") == ["a", "ab", "abc"]
    assert prefixes("ab", "a") == ["a", "a_"]


def test_a_generation_has_another_one_that_lacks_its_plugin_alone() -> None:
    plugins: tuple[dict[str, int], ...] = (
        {},
        {"app": 1},
        {"app": 2, "mail": 1},
        {"mail": 1},
        {"app": 1, "chat": 1},
    )
    generations = [Generation(f"number {n}", each) for n, each in enumerate(plugins, 1)]
    schema = Schema(Table("notes", NAME), generations=generations, usual=2)
    assert dict(schema.bare) == {1: 1, 2: 1, 3: 4, 4: 4, 5: None}


def test_who_refers_to_whom() -> None:
    schema = Schema(
        Table("a", NAME),
        Table("b", NAME, Ref("x", "a"), Ref("y", "a", on_delete=OnDelete.NOTHING)),
        Table("d", Ref("z", "b", on_delete=OnDelete.CASCADE)),
    )
    cells = Value((("name", "t1"), ("x", "a1"), ("y", "a2"))).cells
    assert schema.bound_to(Row("b", "b1"), cells) == (Row("a", "a1"),)
    assert schema.bound_to(Row("b", "b1"), cells[1:]) == (Row("a", "a1"),)
    assert [(t.name, ref.name) for t, ref in schema.referring["a"]] == [("b", "x"), ("b", "y")]
    assert (schema.cascading, schema.restricting) == (frozenset({"b"}), frozenset())


@pytest.mark.parametrize(
    "column",
    [Token("a"), Token("a", default="t2"), Integer("a"), Integer("a", default=2), Counter("a")],
    ids=str,
)
def test_a_fresh_value_names_its_write(column: Column) -> None:
    used = frozenset[Scalar]()
    for _ in range(20):
        value = column.fresh(used)
        assert column.is_fresh(value, used)
        assert value != column.start
        used |= {value}
        assert not column.is_fresh(value, used)
    assert not column.is_fresh(column.start, used)  # type: ignore[arg-type]


def test_fresh_values_count_from_one_and_pass_over_what_is_used_up() -> None:
    numbers = Integer("a", default=2)
    assert [numbers.fresh(frozenset(used)) for used in ((), (1,), (1, 3), (4,))] == [1, 3, 4, 3]
    texts = Token("a", default="t2")
    assert [texts.fresh(frozenset(used)) for used in ((), ("t1",), ("t1", "t3"), ("b",))] == [
        *("t1", "t3", "t4", "t3")
    ]


def test_a_run_has_so_many_increments_and_no_more() -> None:
    column, used = Counter("a"), frozenset[Scalar](AMOUNTS)
    assert not column.is_fresh(column.fresh(used), used)
    assert not column.is_fresh(3, frozenset())


@pytest.mark.parametrize(
    ("column", "shown", "other"),
    [
        (Token("a"), "t1", None),
        (Token("a", default=None), None, 1),
        (Integer("a"), 1, True),
        (Integer("a", default=None), None, "1"),
        (Counter("a"), 0, None),
        (Ref("a", "b"), "b1", 1),
    ],
)
def test_what_a_cell_may_show(column: Column, shown: object, other: object) -> None:
    assert column.shows(shown)
    assert not column.shows(other)


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ("t1", "not a row of cases: 't1'"),
        ({"counter": 0}, "no title"),
        ({"title": "t1", "counter": "0"}, "counter is '0'"),
        ({"title": "t1", "counter": 0, "severity": 3}, "severity is 3"),
    ],
)
def test_what_is_no_row(shown: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        CASES.read(shown)


def test_a_row_is_read_as_far_as_its_version_goes() -> None:
    row = {"id": "c1", "title": "t1", "counter": 0, "colour": "red"}
    assert CASES.read(row) == Value((("title", "t1"), ("counter", 0)))
    assert CASES.read({**row, "severity": "t2"}).get("severity") == "t2"
    assert [len(CASES.shown(version)) for version in range(4)] == [0, 2, 3, 3]


def test_a_create_gives_no_column_that_its_node_lacks() -> None:
    given = (("title", "t1"), ("severity", "t2"))
    for generation, enabled in ((2, False), (3, True)):
        plan = Plan(fully_connected(SUPERTEST, 1, generation))
        assert Create("n1", "cases", "c1", given).enabled(plan) is enabled


# --- values ------------------------------------------------------------------------------------

NARROW = Value((("a", 1), ("b", 2)))
WIDE = Value((("a", 1), ("b", 2), ("c", 3)))


def test_values_fit_as_far_as_both_go() -> None:
    assert NARROW.fits(WIDE)
    assert WIDE.fits(NARROW)
    assert not WIDE.fits(WIDE.with_cell("c", 4))
    assert not WIDE.fits(NARROW.with_cell("a", 4))
    anything = WIDE.with_cell("b", ANY)
    assert isinstance(anything, Pattern)
    assert anything.fits(WIDE.with_cell("b", 9))
    assert not anything.fits(NARROW.with_cell("a", 4))


def test_a_value_is_widened_by_what_only_the_other_knows() -> None:
    assert NARROW.widened(WIDE) == WIDE
    assert NARROW.with_cell("b", 9).widened(WIDE) == Value((("a", 1), ("b", 9), ("c", 3)))
    assert WIDE.widened(NARROW) is WIDE
    assert WIDE.only(NARROW.columns) == NARROW
    assert WIDE.only(WIDE.columns) is WIDE


def test_what_was_made_over_a_base_gives_it_back() -> None:
    for change in (Assigned("b", 7), Added("b", 4)):
        made = change.over(NARROW)
        below = change.under(made)
        assert below is not None
        assert below.fits(NARROW)
    assert Assigned("b", 7).under(NARROW) is None
    assert Added("b", 4).under(NARROW) is None
    assert Added("c", 4).over(NARROW).cells == NARROW.cells


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("t1", "t1"),
        ("", '""'),
        ("a b", '"a b"'),
        (None, "nothing"),
        (7, "7"),
        ("\x00", '"\\u0000"'),
    ],
)
def test_a_sentence_shows_a_value(value: object, words: str) -> None:
    assert written(value) == words
    assert len(written("x y" * 50)) < 50


def test_a_write_makes_of_a_row_what_it_says() -> None:
    row: dict[str, Scalar] = {"title": "t1", "counter": 3}

    def made(change: Stored, of: dict[str, Scalar] | None) -> dict[str, Scalar] | None:
        return Write("n1", Row("cases", "c1"), change).applied(of)

    assert made(Added("counter", 4), row) == {"title": "t1", "counter": 7}
    assert made(Added("counter", 4), {"counter": "none"}) == {"counter": 4}
    assert made(Added("counter", 4), None) == {"counter": 4}
    assert made(Assigned("title", "t2"), row) == {"title": "t2", "counter": 3}
    whole = CASES.value({"title": "t2"})
    assert made(whole, row) == made(whole, None) == dict(whole.shown)
    assert made(TOMBSTONE, row) is None


def test_a_node_that_has_no_words_for_it_refuses_as_others_do() -> None:
    case, event = Row("cases", "c1"), Row("events", "e1")
    creates = Write("n1", case, CASES.value({"title": "t1"}))
    attaches = Write("n1", event, Value((("case", "c1"), ("body", "b1"))), (case,))
    deletes = Write("n1", case, TOMBSTONE)

    def refused(
        write: Write, *has: Row, hidden: Row | None = None, upserts: bool = False
    ) -> str | None:
        return write.refusal(
            has.__contains__, lambda row: row in has and row != hidden, upserts=upserts
        )

    assert refused(creates) is None
    assert refused(creates, case) == "exists"
    assert refused(creates, case, hidden=case) == "exists"
    assert creates.refusal({case}.__contains__, {case}.__contains__) == "exists"
    assert refused(creates, case, upserts=True) is None
    assert refused(deletes) == refused(deletes, upserts=True) == "no_such_row"
    assert refused(deletes, case) is None
    assert refused(attaches, case) is None
    assert refused(attaches) == refused(attaches, case, hidden=case) == "missing_reference"
    assert refused(attaches, event) == "exists"


# --- looks -------------------------------------------------------------------------------------

PLAIN = st.from_regex(r"[a-z]{1,3}[1-9][0-9]{0,2}", fullmatch=True)


@given(
    plain=st.lists(PLAIN, unique=True, max_size=8),
    look=st.sampled_from(sorted(words.ALL)),
)
def test_dressed_words_stay_distinct(plain: list[str], look: str) -> None:
    dressed = words.dressed(plain, look)
    assert len(set(dressed)) == len(dressed) == len(plain)
    assert all(len(word.encode()) <= words.LONG_BYTES for word in dressed)


def test_looks_of_pairs_make_two_words_of_each_first_one() -> None:
    assert words.dressed(["t1", "t2", "t3"], "case") == ("t1", "T1", "t3")
    assert {len(word.encode()) for word in words.dressed(["t1", "t22"], "long")} == {
        words.LONG_BYTES
    }
    with pytest.raises(UsageError, match="no look 'bold'"):
        words.known(["italic", "nul", "bold"])


def test_what_a_schema_does_not_take_is_not_drawn() -> None:
    assert words.known(["nul", "case"]) == {"nul", "case"}
    with pytest.raises(UsageError, match="no look 'curly'"):
        words.known(["curly"])


def test_a_column_is_called_as_each_version_calls_it() -> None:
    column = Token("body", renamed=((2, "text"), (4, "words")))
    assert [column.called(version) for version in range(6)] == ["body"] * 2 + ["text"] * 2 + [
        "words"
    ] * 2
    schema = Schema(
        Table("events", column, Token("note", default="", since=3)),
        generations=[Generation("none"), *(Generation(str(v), {"app": v}) for v in (1, 2, 3, 4))],
        usual=2,
    )
    assert [schema.columns[number] for number in range(1, 6)] == [
        (),
        ("events.body",),
        ("events.text",),
        ("events.note", "events.text"),
        ("events.note", "events.words"),
    ]
    # The latest version is that of the last change, whatever that is.
    assert Schema(Table("events", column)).deployment[1] == 4


def test_no_two_columns_are_ever_called_the_same() -> None:
    with pytest.raises(UsageError, match="'text' can't be a column of events"):
        Table("events", Token("text"), Token("body", renamed=((2, "text"),)))


# --- columns that a version drops ----------------------------------------------------------------

SHRINKS = Table(
    "cases",
    Token("title"),
    Token("note", default="", until=2),
    Counter("visits", until=3),
    Token("motto", default="none", since=2),
)


def test_each_version_has_its_columns() -> None:
    assert [SHRINKS.shown(version) for version in range(5)] == [
        (),
        ("title", "note", "visits"),
        ("title", "visits", "motto"),
        ("title", "motto"),
        ("title", "motto"),
    ]
    assert [c.name for c in SHRINKS.changing("set", 1)] == ["title", "note"]
    assert [c.name for c in SHRINKS.changing("set", 2)] == ["title", "motto"]
    schema = Schema(SHRINKS, generations=[Generation(f"v{v}", {"app": v}) for v in (1, 2, 3)])
    assert schema.columns[3] == ("cases.motto", "cases.title")
    assert Schema(SHRINKS).deployment[1] == 3


def test_of_a_column_that_a_node_does_not_show_nothing_is_known() -> None:
    whole = SHRINKS.value({"title": "t1", "note": "t2"})
    first = SHRINKS.read({"title": "t1", "note": "t2", "visits": 0})
    second = SHRINKS.read({"title": "t1", "visits": 0, "motto": "none"})
    third = SHRINKS.read({"title": "t1", "motto": "none"})
    assert [one.columns for one in (first, second, third)] == [SHRINKS.shown(v) for v in (1, 2, 3)]
    assert all(whole.fits(one) and one.fits(whole) for one in (first, second, third))
    assert third.widened(second).widened(first) == whole
    assert str(third) == "title t1, motto none"
    assert whole.only(SHRINKS.shown(3)) == third
    assert not whole.fits(SHRINKS.read({"title": "t1", "visits": 4, "motto": "none"}))
    with pytest.raises(ValueError, match="not a row of cases, no title"):
        SHRINKS.read({"note": "t2"})
