"""Whatever the order of writes and deliveries: nodes that know the same show the same."""

from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from syncmodel.reference.node.joined import Net
from syncmodel.reference.node.ports import (
    Resync,
)
from syncmodel.reference.node.state import read


@st.composite
def schedules(draw: st.DrawFn) -> list[tuple[str, Any]]:
    node = st.sampled_from(["n1", "n2", "n3"])
    write = st.tuples(
        st.just("write"),
        st.tuples(
            node,
            st.sampled_from(["case", "event", "update", "increment", "delete", "delete_event"]),
        ),
    )
    link = st.tuples(node, node).filter(lambda one: one[0] != one[1])
    moves = st.one_of(
        write,
        write,
        st.tuples(st.sampled_from(["deliver", "deliver", "down", "up"]), link),
        st.tuples(st.sampled_from(["crash", "resync", "tick"]), node),
    )
    return draw(st.lists(moves, max_size=40))


@settings(deadline=None, max_examples=150)
@given(schedule=schedules())
def test_any_order_of_writes_deliveries_cuts_and_crashes_converges(
    schedule: list[tuple[str, Any]],
) -> None:
    net = Net(["n1", "n2", "n3"])
    for number, (move, where) in enumerate(schedule):
        play(net, move, where, str(number))
    for source, dialler in every_link(net):
        net.down(source, dialler)
        net.up(source, dialler)
    net.settle()
    assert net.at_rest()
    seen = [rows(net, name) for name in net.nodes]
    assert seen[0] == seen[1] == seen[2]
    for name in net.nodes:
        net.crash(name)
        assert rows(net, name) == seen[0]


def rows(net: Net, name: str) -> tuple[Any, Any]:
    seen = read(net.states[name], "r")
    return seen["cases"], seen["events"]


def every_link(net: Net) -> Iterator[tuple[str, str]]:
    return ((a, b) for a in net.nodes for b in net.nodes if a != b)


def play(net: Net, move: str, where: Any, token: str) -> None:
    match move, where:
        case "write", (node, kind):
            write(net, node, kind, token)
        case "deliver", link if net.queues.get(link):
            net.deliver(link)
        case "down", link:
            net.down(*link)
        case "up", link if link not in net.queues:
            net.up(*link)
        case "crash", node:
            net.crash(node)
        case "resync", node:
            net.feed(node, Resync(full=True))
        case "tick", node:
            net.clock_s[node] += 1


def write(net: Net, node: str, kind: str, token: str) -> None:
    """One request; it may well be refused."""
    if kind == "case":
        net.case(node, title=token)
    elif kind == "event":
        net.event(node)
    elif kind == "update":
        net.write(node, "PATCH", "cases/r/c1", title=token)
    elif kind == "increment":
        net.write(node, "POST", "cases/r/c1/increment", by=1)
    else:
        net.write(node, "DELETE", "cases/r/c1" if kind == "delete" else "events/r/e1")
