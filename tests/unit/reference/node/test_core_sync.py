"""Several nodes: what travels, where a log is resumed, who is trusted and who is a member."""

import json

from msgspec.structs import replace

from syncmodel.nostr.messages import Delivery, Eose, Filter, Req
from syncmodel.reference.node import core
from syncmodel.reference.node.disk import Disk
from syncmodel.reference.node.joined import NOW_S, Net, joined, pubkey
from syncmodel.reference.node.membership import is_member
from syncmodel.reference.node.ports import (
    Hangup,
    Member,
    Redial,
    Resync,
    Subscribe,
    ToSubscriber,
    Trust,
    Write,
)
from syncmodel.reference.node.state import reached, read

GOOD = {"run_id": "r", "title": "t", "counter": 1}


def test_rows_pass_through_a_third_node() -> None:
    net = Net(["n1", "n2", "n3"])
    for link in [("n1", "n2"), ("n2", "n3")]:
        net.up(*link)
    net.settle()
    net.case("n1")
    net.settle()
    assert net.at_rest()
    assert net.shows("n3") == (["t"], [])


def test_an_event_that_comes_before_its_case_waits_for_it() -> None:
    net = joined("n1", "n2")
    net.case("n1")
    net.event("n1")
    net.write("n1", "PATCH", "cases/r/c1", title="moved behind the event")
    net.settle()
    late = Net(["n1", "n2"])
    late.states["n1"], late.disks["n1"] = net.states["n1"], net.disks["n1"]
    late.crash("n1")
    late.up("n1", "n2")
    late.deliver(("n1", "n2"))
    assert late.shows("n2") == ([], [])
    late.settle()
    assert late.shows("n2") == (["moved behind the event"], ["r/e1"])


def test_a_node_goes_on_where_it_was_and_a_full_resync_sends_everything() -> None:
    net = joined("n1", "n2")
    for case in ("c1", "c2", "c3"):
        net.case("n1", case)
    net.settle()
    net.down("n1", "n2")
    net.write("n1", "DELETE", "cases/r/c1")
    net.up("n1", "n2")
    assert len(net.queues["n1", "n2"]) == 2  # the tombstone, and the end
    net.settle()
    net.feed("n2", Resync(full=True))
    assert len(net.queues["n1", "n2"]) == 4
    assert not reached(net.states["n2"], "n1", None, 1)
    net.settle()
    assert net.at_rest()
    assert len(read(net.states["n2"], "r")["cases"]) == 2  # type: ignore[arg-type]


def test_a_new_log_is_read_from_its_beginning() -> None:
    net = joined("n1", "n2")
    for case in ("c1", "c2", "c3"):
        net.case("n1", case)
    net.settle()
    net.down("n1", "n2")
    net.down("n2", "n1")
    net.disks["n1"] = Disk("a-new-log", net.disks["n1"].trusted)
    net.boot("n1")
    net.case("n1", "c4", title="new")
    net.up("n1", "n2")
    net.settle()
    assert "new" in net.shows("n2")[0]
    assert reached(net.states["n2"], "n1", "a-new-log", 1)
    net.up("n2", "n1")
    net.settle()
    assert net.shows("n1") == net.shows("n2")
    net.write("n1", "PATCH", "cases/r/c1", title="after the loss")
    net.settle()
    assert net.shows("n2")[0][0] == "after the loss"


def test_what_was_applied_outlives_a_crash() -> None:
    net = joined("n1", "n2")
    net.case("n1")
    net.settle()
    net.crash("n2")
    assert [type(one) for one in net.queues["n1", "n2"]] == [Eose]
    net.settle()
    assert net.shows("n2") == (["t"], [])


def test_a_node_without_the_plugin_accepts_and_serves_nothing() -> None:
    net = joined("n1", "n2", "n3")
    net.plugin["n2"] = None
    net.crash("n2")
    net.cut |= {("n1", "n3"), ("n3", "n1")}
    net.down("n1", "n3")
    net.down("n3", "n1")
    net.case("n1")
    net.settle()
    assert net.at_rest()
    assert net.states["n2"].link("n1").refused == 1
    assert net.shows("n3") == ([], [])
    net.plugin["n2"] = 1
    net.disks["n2"] = replace(net.disks["n2"], cursors=Disk("").cursors)
    net.crash("n2")
    net.settle()
    assert net.shows("n3") == (["t"], [])


def test_a_disabled_plugin_never_lets_a_peer_skip_what_it_kept() -> None:
    net = joined("n1", "n2")
    net.down("n1", "n2")
    net.case("n1")
    net.plugin["n1"] = None
    net.crash("n1")
    net.up("n1", "n2")
    net.settle()
    assert net.shows("n2") == ([], [])
    net.plugin["n1"] = 1
    net.crash("n1")
    net.settle()
    assert net.shows("n2") == (["t"], [])


def test_trust_decides_what_shows_and_what_was_refused_is_asked_for_again() -> None:
    net = joined("n1", "n2")
    net.feed("n2", Trust(pubkey("n1"), False))
    net.settle()
    net.case("n1")
    net.settle()
    assert net.shows("n2") == ([], [])
    assert net.states["n2"].link("n1").refused == 1
    net.feed("n2", Trust(pubkey("n1"), True))
    net.settle()
    assert net.shows("n2") == (["t"], [])
    net.feed("n2", Trust(pubkey("n1"), False))
    net.settle()
    assert net.shows("n2") == ([], [])
    net.crash("n2")
    net.settle()
    assert net.shows("n2") == ([], [])


def test_what_goes_out_is_in_an_order_that_no_hash_decides() -> None:
    net = Net(["n1"])
    for conn in (3, 12, 7):
        for sub in ("b", "a"):
            subscribe = Subscribe(conn, Req(sub, (Filter(),)))
            net.states["n1"], _ = core.step(net.states["n1"], subscribe, net.nodes["n1"])
    write = Write("POST", "cases", json.dumps({"id": "r/c1", **GOOD}).encode(), NOW_S)
    _, outputs = core.step(net.states["n1"], write, net.nodes["n1"])
    sent = [(one.conn, one.message) for one in outputs if isinstance(one, ToSubscriber)]
    seen = [(conn, message.sub) for conn, message in sent if isinstance(message, Delivery)]
    assert seen == [(3, "a"), (3, "b"), (7, "a"), (7, "b"), (12, "a"), (12, "b")]


def test_who_left_is_neither_dialled_nor_served_until_it_is_back() -> None:
    net = joined("n1", "n2")
    state, outputs = core.step(net.states["n1"], Member("n2", False), net.nodes["n1"])
    assert [type(one).__name__ for one in outputs] == ["Members", "Hangup", "Drop"]
    assert Hangup("n2") in outputs
    assert not is_member(state, net.nodes["n1"], "n2")
    state, outputs = core.step(state, Member("n2", True), net.nodes["n1"])
    assert Redial("n2", "link:n2") in outputs
