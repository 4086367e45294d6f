"""What nodes say of their cluster, compared at rest."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from syncmodel.model.control import compare_control
from syncmodel.model.divergence import DivergenceFound
from syncmodel.model.members import Member, MembersView, strangers
from syncmodel.model.net import fully_connected
from syncmodel.model.view import ControlView
from syncmodel.model.world import initial
from syncmodel.targets.wire import SUPERTEST

NET = fully_connected(SUPERTEST, 2)
TABLES = ("cases", "events")


def listed(own: str, **other: object) -> tuple[Member, ...]:
    """The list of one node, in which what it says of n2 differs so."""
    nodes = [
        Member(n, f"key of {n}", "active", True, () if n == own else (f"to {n}",))
        for n in ("n1", "n2")
    ]
    return tuple(replace(one, **other) if one.name == "n2" else one for one in nodes)


def control(own: str, members: MembersView | None = None) -> ControlView:
    one = listed(own)
    members = members or MembersView(one, one, frozenset({"n1", "n2"} - {own}))
    return ControlView(2, 2, (2, 2), 1, TABLES, healthy=True, members=members)


def seen(*members: Member) -> ControlView:
    return control("n1", MembersView(members, members, frozenset({"n2"})))


def test_nodes_that_agree_pass() -> None:
    compare_control(initial(NET).belief, {n: control(n) for n in NET.nodes})


@pytest.mark.parametrize(
    ("shown", "what"),
    [
        (seen(*listed("n1")[:1]), "nodes n1, n2"),
        (seen(*listed("n1"), Member("n3", "k", "active", True, ("x",))), "nodes n1, n2"),
        (seen(*listed("n1", status="inactive")), "status of n2 active"),
        (seen(*listed("n1", status="joining")), "status of n2 active"),
        (seen(*listed("n1", trusted=False)), "trust in n2 yes"),
        (seen(*listed("n1", addresses=())), "addresses of n2 one or more"),
        (seen(*listed("n1", pubkey="another")), "key of n2 the same on every node"),
        (
            control("n1", MembersView(listed("n1"), listed("n1", status="joining"), frozenset())),
            "members of cluster_status",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_that_says_otherwise_diverges(shown: ControlView, what: str) -> None:
    with pytest.raises(DivergenceFound, match=what):
        compare_control(initial(NET).belief, {"n1": shown, "n2": control("n2")})


def test_a_connection_across_which_one_is_no_member_diverges() -> None:
    nodes = tuple(
        replace(one, status="inactive") if one.name == "n2" else one for one in listed("n1")
    )
    belief = initial(NET.leave("n2")).belief
    peers = frozenset({"n1", "n9"})
    compare_control(belief, {"n1": control("n1", MembersView(nodes, nodes, peers))})
    with pytest.raises(DivergenceFound, match="connection to n2 none, as one of them"):
        compare_control(belief, {"n1": control("n1", MembersView(nodes, nodes, peers | {"n2"}))})


def test_members_stay_connected_whoever_left() -> None:
    net = fully_connected(SUPERTEST, 3).leave("n3")
    peers = MembersView((), (), frozenset({"n2", "n3", "n9"}))
    assert strangers(net, "n1", peers) == ["n3"]
    assert strangers(net, "n3", peers) == ["n2"]
    assert strangers(net.stop("n3"), "n1", peers) == []
    assert strangers(net.join("n3"), "n1", peers) == []


def test_a_node_that_left_has_no_connection_to_itself() -> None:
    nodes = tuple(
        replace(one, status="inactive") if one.name == "n1" else one for one in listed("n1")
    )
    belief = initial(NET.leave("n1")).belief
    compare_control(belief, {"n1": control("n1", MembersView(nodes, nodes, frozenset()))})


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"healthy": False}, "expected health healthy; shown: health unhealthy"),
        ({"tables": ()}, "expected tables cases, events; shown: no tables"),
    ],
)
def test_what_differs_is_said_in_words(changed: dict[str, object], words: str) -> None:
    shown = {"n1": replace(control("n1"), **changed), "n2": control("n2")}
    with pytest.raises(DivergenceFound) as found:
        compare_control(initial(NET).belief, shown)
    assert words in str(found.value)


def test_two_nodes_at_one_address_diverge() -> None:
    one, two = listed("n1")
    with pytest.raises(DivergenceFound, match="others than n1's"):
        compare_control(initial(NET).belief, {"n1": seen(replace(one, addresses=("to n2",)), two)})


def test_an_address_stays_what_it_was_when_the_run_began() -> None:
    belief, moved = initial(NET).belief, {"n1": seen(*listed("n1", addresses=("elsewhere",)))}
    compare_control(belief, moved)
    compare_control(belief, moved, {"n2": control("n2")})
    with pytest.raises(DivergenceFound, match="addresses of n2"):
        compare_control(belief, moved, {"n1": control("n1")})


def test_of_a_node_that_is_not_asked_nothing_is_said() -> None:
    belief = initial(NET).belief
    compare_control(belief, {"n1": replace(control("n1"), members=None), "n2": control("n2")})
