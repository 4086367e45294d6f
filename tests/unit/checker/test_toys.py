"""Exact counts: one number pins a whole transition relation. Each is also enumerated naively."""

from collections.abc import Hashable
from typing import Any

import pytest
from toys import (
    AlternatingBit,
    Counter,
    Lock,
    Peterson,
    Transaction,
    TwoPhaseCommit,
    Workers,
)

from syncmodel.checker import Holds, Violated, always, check, converges, eventually, sometimes
from syncmodel.checker.system import System

COUNTS: list[tuple[System[Any, Any], int, int, int]] = [
    (Counter(9), 10, 18, 9),
    (Peterson(), 20, 34, 6),
    # RM=3 of TwoPhase.tla: TLC says 288 distinct states, 1146 generated with the initial one.
    (TwoPhaseCommit(3), 288, 1145, 10),
    (TwoPhaseCommit(5), 8832, 58145, 16),
    (AlternatingBit(3), 90, 306, 15),
    (Workers(4, 5), 2668, 8712, 24),
]


def naive_layers(system: System[Any, Any]) -> list[set[Hashable]]:
    """Which states are first reached after 0, 1, 2 ... actions."""
    layers: list[set[Hashable]] = [set(system.initial())]
    known: set[Hashable] = set(layers[0])
    while layers[-1]:
        after = {system.next(state, a) for state in layers[-1] for a in system.actions(state)}
        layers.append({state for state in after if state is not None} - known)
        known |= layers[-1]
    return layers[:-1]


def naive_transitions(system: System[Any, Any], states: set[Hashable]) -> int:
    return sum(system.next(s, a) is not None for s in states for a in system.actions(s))


def apart(state: Lock) -> bool:
    return state.places != ("inside", "inside")


def agreed(state: Transaction) -> bool:
    return not {"committed", "aborted"} <= set(state.managers)


@pytest.mark.parametrize(("system", "states", "transitions", "depth"), COUNTS, ids=str)
def test_counts(system: System[Any, Any], states: int, transitions: int, depth: int) -> None:
    verdict = check(system, [])
    assert isinstance(verdict, Holds)
    found = verdict.statistics
    assert (found.states, found.transitions, found.depth) == (states, transitions, depth)
    assert found.whole_depth == depth
    layers = naive_layers(system)
    everything = set().union(*layers)
    assert (len(everything), len(layers) - 1) == (states, depth)
    assert naive_transitions(system, everything) == transitions


def test_peterson_keeps_them_apart_and_lets_each_in() -> None:
    verdict = check(
        Peterson(),
        [
            always("apart", apart),
            sometimes("contended", lambda s: s.places == ("waiting", "waiting")),
            eventually("the first gets in", lambda s: s.places[0] == "inside"),
            eventually("the second gets in", lambda s: s.places[1] == "inside"),
        ],
    )
    assert isinstance(verdict, Holds)
    assert set(verdict.witnesses) == {"contended"}
    assert verdict.witnesses["contended"].end.places == ("waiting", "waiting")


def test_selfish_peterson_lets_both_in_after_six_steps() -> None:
    system = Peterson("selfish")
    verdict = check(system, [always("apart", apart)])
    assert isinstance(verdict, Violated)
    assert verdict.property.name == "apart"
    assert verdict.path.end.places == ("inside", "inside")
    nearest = next(
        depth
        for depth, layer in enumerate(naive_layers(system))
        if any(isinstance(state, Lock) and not apart(state) for state in layer)
    )
    assert len(verdict.path) == nearest == 6


def test_peterson_without_turns_waits_for_ever() -> None:
    verdict = check(
        Peterson("no_turn"),
        [always("apart", apart), eventually("somebody in", lambda s: "inside" in s.places)],
    )
    assert isinstance(verdict, Violated)
    assert verdict.property.name == "somebody in"
    assert verdict.path.end.places == ("raised", "raised")


def test_two_phase_commit_agrees_and_the_hasty_one_does_not() -> None:
    wanted = [
        always("agreed", agreed),
        sometimes("all committed", lambda s: set(s.managers) == {"committed"}),
        sometimes("all aborted", lambda s: set(s.managers) == {"aborted"}),
        converges("decided everywhere", lambda s: set(s.managers) <= {"committed", "aborted"}),
    ]
    assert isinstance(check(TwoPhaseCommit(3), wanted), Holds)
    verdict = check(TwoPhaseCommit(3, "hasty"), wanted)
    assert isinstance(verdict, Violated)
    assert len(verdict.path) == 5


def test_alternating_bit_delivers_whatever_is_lost() -> None:
    line = AlternatingBit(3)
    wanted = [
        always("in order", line.in_order),
        sometimes("resent", lambda s: len(s.data) == 2),
        converges("all received", line.all_received),
    ]
    assert isinstance(check(line, wanted), Holds)
    doubled = check(AlternatingBit(3, mistake="no_bit"), wanted)
    assert isinstance(doubled, Violated)
    assert doubled.property.name == "in order"
    assert doubled.path.actions == ("send", "send", "receive", "receive")
    stuck = check(AlternatingBit(3, mistake="no_resend"), wanted[::2])
    assert isinstance(stuck, Violated)
    assert stuck.property.name == "all received"
    assert stuck.path.actions == ("send", "lose_data")
