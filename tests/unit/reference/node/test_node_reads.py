"""What the plugin's API answers to a reader, and the four mistakes with it."""

import pytest
from msgspec.structs import replace

from syncmodel.reference.node import bugs
from syncmodel.reference.node.joined import NOW_S, Net, joined
from syncmodel.reference.node.pieces import Pieces
from syncmodel.reference.node.ports import Read


def _asked(net: Net, name: str, path: str, run_id: str | None = "r") -> tuple[int, object]:
    """(status, result or code) of a read."""
    answer = net.feed(name, Read(path, run_id, NOW_S))
    assert answer is not None
    body = answer.body
    return answer.status, body["result"] if body["ok"] else body["error"]["code"]


CASE = {"id": "r/c1", "run_id": "r", "title": "t", "counter": 0}
EVENT = {"id": "r/e1", "run_id": "r", "case_id": "r/c1", "body": "b"}


def test_a_row_and_a_table_are_what_shows() -> None:
    net = joined("n1", "n2")
    net.case("n1")
    net.event("n1")
    assert _asked(net, "n1", "cases/r/c1") == (200, CASE)
    assert _asked(net, "n2", "cases/r/c1") == (404, "no_such_row")
    net.settle()
    status, found = _asked(net, "n2", "events/r/e1")
    assert status == 200
    assert isinstance(found, dict)
    assert {**found, "body": "b"} == EVENT
    assert _asked(net, "n2", "cases") == (200, {"rows": [CASE]})
    assert _asked(net, "n2", "cases", "another") == (200, {"rows": []})
    assert _asked(net, "n2", "cases/r/c2") == (404, "no_such_row")


def test_an_event_whose_case_does_not_show_is_not_read() -> None:
    net = joined("n1", "n2")
    net.case("n1")
    net.event("n1")
    net.write("n1", "DELETE", "cases/r/c1")
    assert _asked(net, "n1", "events/r/e1") == (404, "no_such_row")
    assert _asked(net, "n1", "events") == (200, {"rows": []})


@pytest.mark.parametrize(
    ("path", "run_id", "refused"),
    [
        ("cases", None, (400, "malformed")),
        ("cases/", "r", (404, "no_such_path")),
        ("cas", "r", (404, "no_such_path")),
        ("", "r", (404, "no_such_path")),
    ],
)
def test_what_is_no_read(path: str, run_id: str | None, refused: tuple[int, str]) -> None:
    assert _asked(joined("n1"), "n1", path, run_id) == refused


def test_without_the_plugin_nothing_is_read() -> None:
    net = joined("n1")
    net.states["n1"] = replace(net.states["n1"], plugin=None)
    assert _asked(net, "n1", "cases/r/c1") == (404, "no_plugin")


def test_only_reads_of_rows_that_are_known_are_remembered() -> None:
    net = joined("n1")
    net.case("n1")
    for name in ("c1", *map(str, range(50))):
        _asked(net, "n1", f"cases/r/{name}")
    assert len(net.states["n1"].read_at) == 1


# --- the mistakes --------------------------------------------------------------------------------


def _shown(net: Net, name: str) -> object:
    _, found = _asked(net, name, "cases/r/c1")
    return found["title"] if isinstance(found, dict) else None


def _two_writers(pieces: Pieces) -> Net:
    """n1 creates a case, and n2 gives it another title; both know both."""
    net = joined("n1", "n2", pieces=pieces)
    net.case("n1")
    net.settle()
    net.write("n2", "PATCH", "cases/r/c1", title="new")
    net.settle()
    return net


@pytest.mark.parametrize(
    ("bug", "seen"),
    [
        ("", ["new", "new", "new", "new"]),
        ("reads-own-copy", ["t", "t", "new", "new"]),
        ("own-write-unread", ["new", "new", "t", "t"]),
        ("second-read-older", ["new", "t", "new", "t"]),
    ],
)
def test_what_is_read_twice_on_each_node(bug: str, seen: list[str]) -> None:
    net = _two_writers(bugs.pieces([bug] if bug else []))
    assert [_shown(net, name) for name in ("n1", "n1", "n2", "n2")] == seen
    assert net.shows("n1") == net.shows("n2") == (["new"], [])


@pytest.mark.parametrize("bug", ["reads-own-copy", "own-write-unread", "second-read-older"])
def test_a_row_that_is_gone_is_read_as_gone_once(bug: str) -> None:
    net = joined("n1", pieces=bugs.pieces([bug]))
    net.case("n1")
    net.write("n1", "DELETE", "cases/r/c1")
    assert _shown(net, "n1") is None


@pytest.mark.parametrize(("bug", "shows"), [("", "new"), ("write-before-read", "t")])
def test_a_write_after_a_read(bug: str, shows: str) -> None:
    net = joined("n1", "n2", pieces=bugs.pieces([bug] if bug else []))
    net.case("n1")
    net.settle()
    assert _shown(net, "n2") == "t"
    net.write("n2", "PATCH", "cases/r/c1", title="new")
    net.settle()
    assert net.shows("n1") == net.shows("n2") == ([shows], [])
