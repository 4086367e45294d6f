"""Who hears whom: checked against the definition, and found once for equal nets."""

from __future__ import annotations

from itertools import permutations
from random import Random

from msgspec.structs import replace

from syncmodel.model.net import Net, fully_connected
from syncmodel.targets.wire import SUPERTEST


def drawn(rng: Random, *, passes_on: bool) -> Net:
    """A net of two to five nodes in any state."""
    net = replace(fully_connected(SUPERTEST, rng.randint(2, 5)), passes_on=passes_on)
    for node in net.nodes:
        if rng.random() < 0.2:
            net = net.stop(node)
        elif rng.random() < 0.2:
            net = net.pause(node)
        net = net.deploy((node,), rng.choice((1, 2, 2, 3)))
    links = list(permutations(net.nodes, 2))
    return net.with_cut(link for link in links if rng.random() < 0.5)


def hearers(net: Net, node: str) -> set[str]:
    """By the definition: along the links that are up, between nodes with the plugin; one that
    stands still hears, and tells nobody."""
    still = {one for one in net.paused if net.plugin(one) is not None}
    there = {node}
    for _ in net.nodes if net.passes_on else "1":
        there |= {
            b
            for a, b in permutations(net.nodes, 2)
            if a in there and (a, b) not in net.cut and net.carries(a)
            if net.carries(b) or b in still
        }
    return there


def test_knowledge_spreads_along_the_links_that_are_up() -> None:
    rng = Random(1)
    for _ in range(99):
        net = drawn(rng, passes_on=rng.random() < 0.7)
        for node in net.nodes:
            assert net.reach[node] == hearers(net, node)
            assert net.sources[node] == {one for one in net.nodes if node in hearers(net, one)}
        told = {node: {*others} for node, others in net.tellers}
        assert all(told.get(n, set()) == net.sources[n] - {n} for n in net.nodes)


def test_a_circle_is_all_that_learn_from_each_other() -> None:
    rng = Random(2)
    for _ in range(99):
        net = drawn(rng, passes_on=True)
        assert sorted(node for circle in net.circles for node in circle) == [*net.carriers]
        for a, b in permutations(net.carriers, 2):
            mutual = b in net.reach[a] and a in net.reach[b]
            assert not net.paused.intersection((a, b))
            assert mutual == any(a in circle and b in circle for circle in net.circles)


def test_equal_nets_are_one_object_whatever_led_there() -> None:
    # Of a size that nobody else asks for: what is not asked for long is forgotten.
    net = fully_connected(SUPERTEST, 6)
    cut = frozenset({("n1", "n2")})
    one = net.with_cut(cut).stop("n3")
    other = net.stop("n3").with_cut(cut)
    assert one is other
    assert one.start("n3").with_cut(()) is net.with_cut(())
    assert net.deploy(("n1",), 1).deploy(("n1",), 2) is net.deploy((), 2)


def test_what_is_up_at_any_moment_and_who_loses_its_log() -> None:
    net = fully_connected(SUPERTEST, 2).with_cut({("n1", "n2")}).stop("n2")
    after = fully_connected(SUPERTEST, 2).with_cut({("n2", "n1"), ("n1", "n2")}).deploy(("n1",), 1)
    during = net.either(after)
    assert (during.cut, during.down) == (frozenset({("n1", "n2")}), frozenset())
    assert during.running["n1"] == 2
    assert net.drops(after) == {"n1"}
    assert after.drops(net) == frozenset()
    assert replace(net, keeps_log=True).drops(after) == frozenset()
