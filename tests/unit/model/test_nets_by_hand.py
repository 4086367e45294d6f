"""Nets whose every answer can be said by hand."""

from __future__ import annotations

from itertools import permutations

from msgspec.structs import replace

from syncmodel.model.net import fully_connected
from syncmodel.targets.wire import SUPERTEST

FIVE = fully_connected(SUPERTEST, 5)
#: n1 is down, n2 stands still, n4 is a reader, n5 has no plugin.
MIXED = replace(FIVE.stop("n1").pause("n2").deploy(("n5",), 1), readers=frozenset({"n4"}))


def test_only_what_runs_and_is_not_cut_or_away_must_be_connected() -> None:
    net = FIVE.stop("n1").pause("n2").with_cut({("n3", "n4")}).leave("n5")
    assert net.connected == (("n4", "n3"),)
    assert FIVE.connected == tuple(permutations(FIVE.nodes, 2))


def test_a_reader_is_asked_for_no_write_and_who_stands_still_is() -> None:
    assert MIXED.writers == ("n3",)
    assert MIXED.asked == ("n2", "n3")
    assert MIXED.resume("n2").asked == ("n2", "n3")
    assert MIXED.pause("n4").asked == ("n2", "n3")
    assert MIXED.pause("n5").asked == ("n2", "n3")


def test_most_are_more_than_half() -> None:
    def voters(*groups: tuple[str, ...]) -> frozenset[str]:
        """Those of a net that is split so, and what of it must carry."""
        links = [(a, b) for group in groups for a, b in permutations(group, 2)]
        nodes = [node for group in groups for node in group]
        net = replace(fully_connected(SUPERTEST, len(nodes)), quorum=True)
        net = net.with_cut(net.links.difference(links))
        assert net.whole.flow == frozenset(permutations(net.voters, 2))
        assert net.perhaps_voters == net.voters
        return net.voters

    assert voters(("n1", "n2", "n3"), ("n4", "n5")) == {"n1", "n2", "n3"}
    assert voters(("n1", "n2"), ("n3", "n4")) == frozenset()
    assert voters(("n1", "n2"), ("n3",), ("n4",), ("n5",)) == frozenset()


def test_at_a_rest_all_has_come_but_what_waits_for_others() -> None:
    apart = replace(FIVE, quorum=True).with_cut(link for link in FIVE.links if "n5" in link)
    broken = frozenset({("n1", "n2")})
    assert replace(FIVE, interrupted=broken).settles
    assert replace(FIVE, quorum=True).settles
    assert replace(FIVE, quorum=True, interrupted=broken).settles
    assert apart.settles  # Nobody tells the one in the minority anything, nor waits for it.
    halves = replace(fully_connected(SUPERTEST, 2), quorum=True).with_cut([("n1", "n2")])
    assert not halves.settles
    assert FIVE.pause("n1").settles
    assert FIVE.pause("n1").whole.flow == FIVE.stop("n1").flow


def test_a_restore_brings_back_only_those_that_are_put_back() -> None:
    net = FIVE.backup(("n1", "n2")).stop("n1").stop("n3").pause("n2").pause("n4")
    assert net.restore(("n1",)) == net.start("n1")
    assert net.restore(("n2",)) == net.start("n2")


def test_who_stands_still_or_is_down_throughout() -> None:
    down, still = FIVE.stop("n1").pause("n2"), FIVE.pause("n1").stop("n2").pause("n3")
    during = down.either(still)
    assert not during.down
    assert during.paused == {"n1", "n2"}
    during = down.either(down.stop("n3"))
    assert during.down == {"n1"}
    assert during.paused == {"n2"}


def test_it_says_where_it_is() -> None:
    net = fully_connected(SUPERTEST, 2).with_cut({("n1", "n2")}).leave("n2").distrust("n1", "n2")
    cut, away = "cut=['n1->n2']", "away=['n1:n2', 'n2:n2']"
    assert repr(net) == f"Net(n1=2, n2=2, {cut}, {away}, distrusts=['n1:n2'])"
    assert repr(net.stop("n1").pause("n2")).startswith(
        "Net(n1=2, n2=2, down=['n1'], paused=['n2'],"
    )


def test_only_who_may_learn_of_others_is_listed_with_them() -> None:
    assert dict(FIVE.stop("n1").with_cut({("n2", "n3")}).tellers)["n3"] == ("n2", "n4", "n5")
    assert FIVE.with_cut(FIVE.links).tellers == ()
