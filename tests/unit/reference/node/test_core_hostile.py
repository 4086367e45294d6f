"""What a node is sent that it must refuse, and what other Nostr clients may do."""

import json
from typing import Any

import pytest

from syncmodel.nostr.events import Event, unsigned
from syncmodel.nostr.messages import BadDelivery, Delivery, Eose, Filter, Ok, Req
from syncmodel.reference.node import core
from syncmodel.reference.node.joined import NOW_S, Net, joined, pubkey
from syncmodel.reference.node.ports import (
    Cursor,
    FromPeer,
    Input,
    PeerUp,
    Published,
    Subscribe,
    ToSubscriber,
)
from syncmodel.reference.node.state import read, sync_status

GOOD = {"run_id": "r", "title": "t", "counter": 1}


def case_event(author: str, content: Any, name: str = "r/c1", at_s: int = NOW_S) -> Event:
    text = content if isinstance(content, str) else json.dumps(content)
    return unsigned(pubkey(author), at_s, 30100, (("d", name),), text)


HOSTILE = [
    case_event("n1", "no json"),
    case_event("n1", "[]"),
    case_event("n1", '{"run_id": "r", "title": "t", "counter": NaN}'),
    case_event("n1", '{"run_id": "r", "title": "t", "counter": 1e400}'),
    case_event("n1", '{"run_id": "r", "title": "t", "counter": ' + "9" * 5000 + "}"),
    case_event("n1", '{"a":' * 2_000 + "1" + "}" * 2_000),
    case_event(
        "n1", {**GOOD, "x": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}
    ),
    case_event("n1", {**GOOD, "title": "\ud800"}),
    case_event("n1", {**GOOD, "unknown": "\ud800"}),
    case_event("n1", {**GOOD, "title": None}),
    case_event("n1", {**GOOD, "counter": True}),
    case_event("n1", {**GOOD, "counter": 2**63}),
    case_event("n1", {**GOOD, "severity": 5}),
    case_event("n1", {"run_id": "r", "deleted": "yes"}),
    case_event("n1", {**GOOD, "run_id": "other"}),
    case_event("n1", GOOD, name="r/"),
    case_event("n1", GOOD, name="r/" + "x" * 600),
    case_event("n1", GOOD, at_s=NOW_S + 901),
    case_event("stranger", GOOD),
    unsigned(pubkey("n1"), NOW_S, 30100, (), json.dumps(GOOD)),
    unsigned(pubkey("n1"), NOW_S, 30100, (("d",), ("d", "r/c1")), json.dumps(GOOD)),
    unsigned(pubkey("n1"), NOW_S, 30100, (("d", ""), ("d", "r/c1")), json.dumps(GOOD)),
    unsigned(pubkey("n1"), NOW_S, 1, (("d", "r/c1"),), json.dumps(GOOD)),
    unsigned(
        pubkey("n1"),
        NOW_S,
        30101,
        (("d", "r/e1"),),
        json.dumps({"run_id": "r", "case_id": "x/c1", "body": ""}),
    ),
    unsigned(
        pubkey("n1"), NOW_S, 30100, (("d", "r/c1"), *[("t", "x" * 100)] * 50), json.dumps(GOOD)
    ),
]


@pytest.mark.parametrize("event", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_entry_is_refused_and_counted_and_the_log_goes_on(event: Event) -> None:
    net = joined("n1", "n2")
    before = read(net.states["n2"], "r")
    net.feed("n2", FromPeer("n1", Delivery("log", event, 7), NOW_S))
    link = net.states["n2"].link("n1")
    assert (link.refused, link.applied) == (1, 7)
    assert read(net.states["n2"], "r") == before
    net.feed("n2", FromPeer("n1", Delivery("log", case_event("n1", GOOD), 8), NOW_S))
    assert net.shows("n2") == (["t"], [])


def test_what_the_shell_refused_moves_the_cursor_too() -> None:
    net = joined("n1", "n2")
    net.feed("n2", FromPeer("n1", BadDelivery("log", "bad signature", 7), NOW_S))
    status: Any = sync_status(net.states["n2"], net.nodes["n2"])
    assert status["peers"]["n1"] == {
        "connected": True,
        "log_id": "log-of-n1",
        "applied": 7,
        "to_send": 0,
        "refused": 1,
    }
    assert net.disks["n2"].cursors["n1"] == Cursor("n1", "log-of-n1", 7)


def test_the_cursor_stays_until_it_is_known_whose_positions_these_are() -> None:
    net = Net(["n1", "n2"])
    net.feed("n2", PeerUp("n1"))
    net.feed("n2", FromPeer("n1", Delivery("log", case_event("n1", GOOD), 5), NOW_S))
    assert net.shows("n2") == (["t"], [])
    assert "n1" not in net.disks["n2"].cursors
    net.feed("n2", FromPeer("n1", Eose("log", "L", 5), NOW_S))
    assert net.disks["n2"].cursors["n1"] == Cursor("n1", "L", 5)


def test_a_nostr_client_can_read_and_publish() -> None:
    net = Net(["n1"])
    net.case("n1")
    net.case("n1", "c2", title="other")
    outputs = step_outputs(net, Subscribe(9, Req("s", (Filter(tags=(("d", ("r/c2",)),)),))))
    assert [type(one).__name__ for one in outputs] == ["Delivery", "Eose"]
    assert outputs[-1] == Eose("s")
    event = case_event("n1", GOOD, name="r/c2", at_s=NOW_S + 5)
    live, ok = step_outputs(net, Published(9, event, NOW_S))
    assert (live, ok) == (Delivery("s", event), Ok(event.id, True))
    (again,) = step_outputs(net, Published(9, event, NOW_S))
    assert again.accepted
    for refused, word in (
        (case_event("stranger", GOOD), "blocked: untrusted: "),
        (case_event("n1", GOOD, at_s=NOW_S + 901), "invalid: stamp_ahead: "),
        (case_event("n1", "no json"), "invalid: malformed: "),
    ):
        (no,) = step_outputs(net, Published(9, refused, NOW_S))
        assert not no.accepted
        assert no.message.startswith(word)


def step_outputs(net: Net, given: Input) -> list[Any]:
    net.states["n1"], outputs = core.step(net.states["n1"], given, net.nodes["n1"])
    return [one.message for one in outputs if isinstance(one, ToSubscriber)]
