"""The table of weights chooses as `random.choices` would with the bare weights."""

from __future__ import annotations

from random import Random

from supertest import fully_connected

from syncmodel.model.plan import Plan
from syncmodel.steps import vocabulary
from syncmodel.strategies.weights import IN_A_BURST, USUAL, WEIGHTS, weights


def test_what_is_drawn_is_what_bare_weights_choose() -> None:
    table = weights(Plan(fully_connected(3)), frozenset(vocabulary()))
    names, bare = zip(*table.weights, strict=True)
    for seed in range(99):
        assert [table.drawn(Random(seed))] == Random(seed).choices(names, bare)


def test_the_situation_makes_steps_likelier() -> None:
    net = fully_connected(3)
    ops = frozenset(vocabulary()) | {"unheard_of"}
    plain = dict(weights(Plan(net), ops).weights)
    cut = dict(weights(Plan(net.with_cut({("n1", "n2")})), ops).weights)
    burst = dict(weights(Plan(net), ops, in_a_burst=True).weights)
    assert plain["create"] == 2 * WEIGHTS["create"]
    assert plain["unheard_of"] == USUAL
    assert (cut["heal"], burst["crash"]) == (
        3 * WEIGHTS["heal"],
        IN_A_BURST["crash"] * WEIGHTS["crash"],
    )


def test_a_kind_can_be_left_out() -> None:
    table = weights(Plan(fully_connected(2)), frozenset({"heal", "restart"}))
    assert table.without("heal").weights == (("restart", WEIGHTS["restart"]),)
    assert table.without("heal").without("restart").ops == ()
