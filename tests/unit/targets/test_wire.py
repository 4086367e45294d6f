"""The contract's wire: what a write is on it, and what an answer says in the model's words."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from syncmodel.model import words
from syncmodel.model.columns import AMOUNTS
from syncmodel.model.divergence import DivergenceFound, Kind
from syncmodel.model.outcome import Outcome, accepted, refused, shown, unknown
from syncmodel.model.values import Row, Value, Write
from syncmodel.model.view import View
from syncmodel.steps import Add, Create, Data, Delete, Set
from syncmodel.targets.wire import (
    PLUGIN_PATH,
    SUPERTEST,
    to_columns,
    to_outcome,
    to_shown,
    to_tables,
    to_view,
    to_wire,
)
from syncmodel.transport.urls import BASE_URL

CASE = Create("n1", "cases", "c1", (("title", "t1"),))
EVENT = Create("n1", "events", "e1", (("case", "c1"), ("body", "b1")))


def asked(step: Data) -> Write:
    return step.asks(SUPERTEST)


@pytest.mark.parametrize(
    ("step", "wire"),
    [
        (CASE, ("POST", "cases", {"title": "t1", "counter": 0, "id": "r/c1", "run_id": "r"})),
        (
            EVENT,
            (
                "POST",
                "events",
                {"case_id": "r/c1", "body": "b1", "text": "b1", "id": "r/e1", "run_id": "r"},
            ),
        ),
        (Set("n1", "cases", "c1", "title", "t2"), ("PATCH", "cases/r%2Fc1", {"title": "t2"})),
        (Set("n1", "cases", "c1", "severity", "s"), ("PATCH", "cases/r%2Fc1", {"severity": "s"})),
        (
            Add("n1", "cases", "c1", "counter", AMOUNTS[3]),
            ("POST", "cases/r%2Fc1/increment", {"by": 8}),
        ),
        (Delete("n1", "events", "e1"), ("DELETE", "events/r%2Fe1", None)),
    ],
    ids=str,
)
def test_each_write_is_one_request(step: Data, wire: tuple[str, str, Any]) -> None:
    assert to_wire(asked(step), "r") == wire


def test_a_column_of_a_later_version_is_sent_only_where_it_is_no_default() -> None:
    severe = Create("n1", "cases", "c1", (("title", "t1"), ("severity", "high")))
    assert to_wire(asked(severe), "r")[2] == {
        **(to_wire(asked(CASE), "r")[2] or {}),
        "severity": "high",
    }


def test_a_malformed_create_lacks_its_fields() -> None:
    assert to_wire(asked(CASE), "r", malformed=True) == ("POST", "cases", {})


@pytest.mark.parametrize(
    "name", [".", "..", *(words.dressed(["c1"], look)[0] for look in sorted(SUPERTEST.ids))]
)
def test_an_id_is_one_segment_of_a_path_whatever_it_looks_like(name: str) -> None:
    path = to_wire(asked(Delete("n1", "cases", name)), "r?/")[1]
    assert path.isascii()
    raw = httpx.URL(f"{BASE_URL}{PLUGIN_PATH}/{path}").raw_path.decode("ascii")
    assert raw.count("/") == PLUGIN_PATH.count("/") + len(("/cases", "/ID"))
    assert unquote(raw.rpartition("/")[2], errors="strict") == f"r?//{name}"


@pytest.mark.parametrize("called", ["body", "text"])
def test_a_column_is_one_whatever_its_version_calls_it(called: str) -> None:
    row = {"id": "r/e1", "run_id": "r", "case_id": "r/c1", called: "b1"}
    for outcome in (
        to_outcome(201, {"ok": True, "result": row}, "r"),
        to_shown("n1", "events", 200, {"ok": True, "result": row}, "r"),
    ):
        assert outcome.ok
    assert to_outcome(201, {"ok": True, "result": row}, "r").row == {
        "id": "e1",
        "run_id": "r",
        "case": "c1",
        "body": "b1",
    }


def test_columns_are_those_of_the_model_by_its_names() -> None:
    listed = json.loads(
        '{"supertest_events": ["id", "case_id", "body"], "supertest_cases": ["title"], "left": []}'
    )
    assert to_columns(listed) == ("cases.title", "events.body", "events.case")
    # A column that was renamed is there by the name that it has now.
    assert to_columns({"supertest_events": ["id", "text"]}) == ("events.text",)
    assert to_columns({"supertest_events": ["body", "text"]}) == ("events.body", "events.text")
    assert to_columns({}) == ()


@pytest.mark.parametrize("listed", [["supertest_cases"], {"supertest_cases": [{"name": "title"}]}])
def test_tables_without_the_names_of_columns_say_nothing_of_them(listed: object) -> None:
    assert to_columns(listed) is None


ROW = {"id": "r/c1", "run_id": "r", "title": "t1", "counter": 0}


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (201, {"ok": True, "result": ROW}, accepted()),
        (422, {"error": {"code": "missing_case"}}, refused("missing_reference")),
        (409, {"error": {"code": "exists"}}, refused("exists")),
        (503, {"error": {"code": "not_ready"}}, refused("not_ready")),
        (413, "too large", refused("http 413")),
        (500, {"error": {"code": "exists"}}, unknown("http 500")),
        (302, None, unknown("http 302")),
    ],
)
def test_an_answer_is_one_of_three_outcomes(status: int, body: Any, outcome: Outcome) -> None:
    found = to_outcome(status, body, "r")
    assert (found.answer, found.code) == (outcome.answer, outcome.code)


def test_an_accepted_write_has_the_row_without_the_runs_prefix() -> None:
    event = {"id": "r/e1", "run_id": "r", "case_id": "r/r/c1", "body": "r/b1"}
    outcome = to_outcome(201, {"ok": True, "result": event}, "r")
    assert outcome.row == {"id": "e1", "run_id": "r", "case": "r/c1", "body": "r/b1"}


def test_a_state_is_a_view_and_an_id_of_another_run_stays_to_be_seen() -> None:
    state = {"cases": [ROW, {**ROW, "id": "other/c1"}], "events": [], "position": 2}
    cells = {"title": "t1", "counter": 0}
    assert to_view("n1", state, "r") == View.of(
        SUPERTEST, {"cases": [("c1", cells), ("other/c1", cells)]}
    )


@pytest.mark.parametrize(
    "state", [None, [], {"cases": []}, {"cases": [{}], "events": []}, {"cases": 5, "events": []}]
)
def test_a_state_of_another_shape_is_a_divergence(state: Any) -> None:
    with pytest.raises(DivergenceFound) as found:
        to_view("n1", state, "r")
    (divergence,) = found.value.divergences
    assert (divergence.kind, divergence.node) == (Kind.CONTROL_PLANE, "n1")
    assert divergence.shown == repr(state)


def test_tables_lose_the_plugins_prefix_and_others_stay_to_be_seen() -> None:
    listed = json.loads('{"supertest_events": [], "supertest_cases": [], "left_over": []}')
    assert to_tables(listed) == ("cases", "events", "left_over")


ROW = {"id": "r/c1", "run_id": "r", "title": "t1", "counter": 0}
SEEN = View(((Row("cases", "c1"), Value((("title", "t1"), ("counter", 0)))),))


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, {"ok": True, "result": ROW}, shown(SEEN)),
        (200, {"ok": True, "result": {"rows": [ROW]}}, shown(SEEN)),
        (200, {"ok": True, "result": {"rows": []}}, shown(View())),
        (404, {"ok": False, "error": {"code": "no_such_row"}}, shown(View())),
        (404, {"ok": False, "error": {"code": "no_plugin"}}, refused("no_plugin")),
        (503, {"ok": False, "error": {"code": "not_ready"}}, refused("not_ready")),
        (500, {}, unknown("http 500")),
        (200, {}, unknown("http 200 without rows")),
    ],
)
def test_what_a_reader_is_answered(status: int, body: Any, outcome: Outcome) -> None:
    assert to_shown("n1", "cases", status, body, "r") == outcome


def test_an_answer_of_another_shape_is_the_nodes_fault() -> None:
    with pytest.raises(DivergenceFound, match="control plane"):
        to_shown("n1", "cases", 200, {"ok": True, "result": {"id": 3}}, "r")
