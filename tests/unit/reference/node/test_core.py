"""One node: what its API answers, and what that leaves behind."""

from typing import Any

import pytest

from syncmodel.reference.node.joined import NOW_S, Net, joined
from syncmodel.reference.node.ports import (
    Write,
)
from syncmodel.reference.node.state import read

GOOD = {"run_id": "r", "title": "t", "counter": 1}


def test_a_write_is_answered_with_the_row_as_stored() -> None:
    net = Net(["n1"])
    assert net.case("n1").status == 201
    answer = net.write("n1", "POST", "cases/r/c1/increment", by=5)
    row = {"id": "r/c1", "run_id": "r", "title": "t", "counter": 5}
    assert (answer.status, answer.body) == (200, {"ok": True, "result": row})
    answer = net.write("n1", "DELETE", "cases/r/c1")
    assert answer.body["result"] == {"id": "r/c1", "run_id": "r", "deleted": True}
    assert net.shows("n1") == ([], [])


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "cases", {"id": "r/c1", "run_id": "r", "title": "t", "counter": 0}, 409, "exists"),
        ("POST", "cases", {"id": "r/c2", "run_id": "r", "title": "t"}, 400, "malformed"),
        ("POST", "cases", {"id": "x/c2", **GOOD}, 400, "malformed"),
        ("POST", "cases", {"id": "r/c2", **GOOD, "counter": True}, 400, "malformed"),
        ("POST", "cases", {"id": "r/c2", **GOOD, "counter": 2**63}, 400, "malformed"),
        ("POST", "cases", {"id": "r/c2", **GOOD, "title": "\ud800"}, 400, "malformed"),
        ("POST", "cases", {"id": "r/c2", **GOOD, "title": "x" * 300_000}, 400, "malformed"),
        ("PATCH", "cases/r/c1", {"title": 1}, 400, "malformed"),
        ("PATCH", "cases/r/c9", {"title": "t"}, 404, "no_such_row"),
        ("POST", "cases/r/c1/increment", {"by": 1.5}, 400, "malformed"),
        ("POST", "cases/r/c1/increment", {"by": 2**63}, 400, "malformed"),
        ("POST", "cases/r/c9/increment", {"by": 1}, 404, "no_such_row"),
        ("DELETE", "cases/r/c9", {}, 404, "no_such_row"),
        (
            "POST",
            "events",
            {"id": "r/e", "run_id": "r", "case_id": "r/c9", "body": ""},
            422,
            "missing_case",
        ),
        (
            "POST",
            "events",
            {"id": "r/e", "run_id": "r", "case_id": "x/c1", "body": ""},
            400,
            "malformed",
        ),
        ("PUT", "cases/r/c1", {}, 404, "no_such_path"),
    ],
)
def test_a_refused_write_changes_nothing(
    method: str, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    net = Net(["n1"])
    net.case("n1")
    before = net.states["n1"]
    answer = net.write("n1", method, path, **body)
    assert (answer.status, answer.body["error"]["code"]) == (status, code)
    assert net.states["n1"] == before


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"by": NaN}', b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_malformed(body: bytes) -> None:
    net = Net(["n1"])
    net.case("n1")
    answer = net.feed("n1", Write("POST", "cases/r/c1/increment", body, NOW_S))
    assert answer is not None
    assert answer.status == 400


def test_without_the_plugin_every_write_is_404() -> None:
    net = Net(["n1"])
    net.plugin["n1"] = None
    net.boot("n1")
    assert net.case("n1").body["error"]["code"] == "no_plugin"


def test_an_event_hides_with_its_case_and_comes_back_with_it() -> None:
    net = Net(["n1"])
    net.case("n1")
    net.event("n1")
    net.write("n1", "DELETE", "cases/r/c1")
    assert net.shows("n1") == ([], [])
    assert net.event("n1").status == 409
    net.case("n1", title="again")
    assert net.shows("n1") == (["again"], ["r/e1"])
    net.write("n1", "DELETE", "cases/r/c1")
    assert net.write("n1", "DELETE", "events/r/e1").status == 200
    net.case("n1", title="third")
    assert net.shows("n1") == (["third"], [])


def test_a_version_is_later_than_what_it_replaces_though_the_clock_went_back() -> None:
    net = joined("n1", "n2")
    net.case("n1")
    net.settle()
    net.clock_s["n2"] = NOW_S - 60
    for title in ("a", "b", "c"):
        net.write("n2", "PATCH", "cases/r/c1", title=title)
    net.settle()
    assert net.shows("n1") == net.shows("n2") == (["c"], [])


def test_a_row_whose_stamps_ran_too_far_ahead_takes_no_more_writes() -> None:
    net = Net(["n1"])
    net.case("n1")
    for _ in range(900):
        assert net.write("n1", "PATCH", "cases/r/c1", title="x").status == 200
    assert net.write("n1", "PATCH", "cases/r/c1", title="x").status == 409


@pytest.mark.parametrize(
    ("plugin", "body", "row"),
    [
        (1, {"severity": "high"}, None),
        (1, {"severity": "high", "title": "u"}, {"title": "u"}),
        (2, {"severity": "high"}, {"title": "t", "severity": "high"}),
        (2, {"severity": "high", "title": "u"}, {"title": "u", "severity": "high"}),
        (2, {"severity": None}, None),
        (2, {"title": "u"}, {"title": "u", "severity": "normal"}),
        (2, {}, None),
    ],
)
def test_a_severity_is_changed_from_version_2_on(
    plugin: int, body: dict[str, Any], row: dict[str, Any] | None
) -> None:
    net = Net(["n1"], plugin=plugin)
    net.case("n1")
    answer = net.write("n1", "PATCH", "cases/r/c1", **body)
    if row is None:
        assert (answer.status, answer.body["error"]["code"]) == (400, "malformed")
    else:
        assert answer.body["result"] == {"id": "r/c1", "run_id": "r", "counter": 0, **row}


def test_a_severity_travels_through_a_node_of_version_1_that_writes_and_restarts() -> None:
    net = Net(["n1", "n2", "n3"])
    for name in ("n1", "n3"):
        net.plugin[name] = 2
        net.boot(name)
    for link in (("n1", "n2"), ("n2", "n1"), ("n2", "n3"), ("n3", "n2")):
        net.up(*link)
    net.case("n1")
    net.write("n1", "PATCH", "cases/r/c1", severity="high")
    net.settle()
    net.crash("n2")
    net.settle()
    net.write("n2", "POST", "cases/r/c1/increment", by=2)
    net.settle()
    expected = {"id": "r/c1", "run_id": "r", "title": "t", "counter": 2}
    shown: list[Any] = [read(state, "r")["cases"] for state in net.states.values()]
    assert shown == [[expected | more] for more in ({"severity": "high"}, {}, {"severity": "high"})]


def test_a_run_shows_its_own_rows_though_its_name_begins_anothers() -> None:
    net = Net(["n1"])
    net.case("n1")
    net.write("n1", "POST", "cases", id="r/x/c1", run_id="r/x", title="other", counter=0)
    seen: Any = [read(net.states["n1"], run_id)["cases"] for run_id in ("r", "r/x")]
    assert [[one["title"] for one in cases] for cases in seen] == [["t"], ["other"]]


def test_fields_that_a_version_does_not_know_are_passed_on() -> None:
    net = joined("n1", "n2")
    net.plugin["n2"] = 2
    net.crash("n2")
    fields = {"id": "r/c1", **GOOD, "severity": "high"}
    net.write("n2", "POST", "cases", **fields)
    net.settle()
    answer = net.write("n1", "PATCH", "cases/r/c1", title="new")
    assert "severity" not in answer.body["result"]
    net.settle()
    seen: Any = read(net.states["n2"], "r")
    assert seen["cases"] == [{"id": "r/c1", **GOOD, "title": "new", "severity": "high"}]
