"""Verdicts, bounds, order, paths, and what is measured."""

import operator
import random
import time
from collections.abc import Callable, Hashable
from functools import partial
from itertools import count, pairwise
from typing import Any

import networkx as nx
import pytest
from toys import Counter, Table, TwoPhaseCommit, Work, Workers

from syncmodel.checker import (
    Bound,
    Bounds,
    Holds,
    Path,
    Progress,
    Property,
    Unknown,
    Unreached,
    Violated,
    always,
    check,
    sometimes,
)
from syncmodel.checker.system import System
from syncmodel.errors import UsageError


def random_table(seed: int) -> Table:
    chance = random.Random(seed)
    size = chance.randint(2, 12)
    edges = {
        f"s{i}": {
            f"a{k}": f"s{chance.randrange(size)}" for k in range(chance.choice((0, 1, 1, 2, 3)))
        }
        for i in range(size)
    }
    return Table([f"s{i}" for i in range(chance.randint(1, 2))], edges)


def drawn_by_hand(table: Table) -> "nx.MultiDiGraph[str]":
    drawn: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    drawn.add_nodes_from(table.starts)
    drawn.add_edges_from((s, t) for s, after in table.edges.items() for t in after.values())
    reachable = set(table.starts).union(*(nx.descendants(drawn, s) for s in table.starts))
    return drawn.subgraph(reachable).copy()


@pytest.mark.parametrize("seed", range(100))
def test_agrees_with_networkx(seed: int) -> None:
    table = random_table(seed)
    drawn = drawn_by_hand(table)
    distances = nx.multi_source_dijkstra_path_length(drawn, set(table.starts))
    whole = check(table, [])
    assert isinstance(whole, Holds)
    assert whole.statistics.states == drawn.number_of_nodes()
    assert whole.statistics.transitions == drawn.number_of_edges()
    assert whole.statistics.depth == max(distances.values())
    for state, distance in distances.items():
        verdict = check(table, [always("elsewhere", partial(operator.ne, state))])
        assert isinstance(verdict, Violated)
        assert verdict.path.end == state
        assert len(verdict.path) == distance
        assert_is_run(verdict.path, table)


def assert_is_run(path: Path[Any, Any], system: System[Any, Any]) -> None:
    assert path.start in system.initial()
    for before, (action, after) in zip(path.states, path.steps, strict=False):
        assert action in system.actions(before)
        assert system.next(before, action) == after


def test_the_first_broken_always_wins_and_its_path_has_the_states() -> None:
    verdict = check(
        Counter(9), [always("below 7", lambda n: n < 7), always("below 3", lambda n: n < 3)]
    )
    assert isinstance(verdict, Violated)
    assert verdict.outcome == "violated"
    assert verdict.property.name == "below 3"
    assert verdict.path == Path(0, (("up", 1), ("up", 2), ("up", 3)))
    assert verdict.path.states == (0, 1, 2, 3)
    assert str(verdict).startswith("violated: always 'below 3' after 3 actions")


def test_a_broken_initial_state_has_a_path_without_steps() -> None:
    verdict = check(Counter(9), [always("above 0", lambda n: n > 0)])
    assert isinstance(verdict, Violated)
    assert (verdict.path.start, len(verdict.path), verdict.path.end) == (0, 0, 0)
    assert verdict.path


def test_the_path_begins_in_the_right_initial_state() -> None:
    table = Table(["x", "x", "y"], {"y": {"go": "z"}})
    verdict = check(table, [always("not z", lambda s: s != "z")])
    assert isinstance(verdict, Violated)
    assert verdict.path == Path("y", (("go", "z"),))


def test_an_empty_pass_is_unreached() -> None:
    verdict = check(Counter(3), [sometimes("at 2", lambda n: n == 2), sometimes("at 4", is_four)])
    assert isinstance(verdict, Unreached)
    assert verdict.property.name == "at 4"
    assert verdict.statistics.states == 4


def is_four(number: int) -> bool:
    return number == 4


def test_witnesses_are_shortest() -> None:
    verdict = check(Counter(9), [sometimes("at 4", is_four)])
    assert isinstance(verdict, Holds)
    assert verdict.witnesses["at 4"].actions == ("up",) * 4


def test_what_was_seen_before_a_violation_is_told_too() -> None:
    verdict = check(
        Counter(9),
        [
            always("below 6", lambda n: n < 6),
            sometimes("at 4", is_four),
            sometimes("at 7", lambda n: n == 7),
        ],
    )
    assert isinstance(verdict, Violated)
    assert verdict.path.actions == ("up",) * 6
    assert verdict.witnesses.keys() == {"at 4"}
    assert verdict.witnesses["at 4"].actions == ("up",) * 4


@pytest.mark.parametrize(
    ("bounds", "bound", "states", "whole_depth"),
    [
        (Bounds(max_states=5), Bound.STATES, 5, 4),
        (Bounds(max_states=1), Bound.STATES, 1, 0),
        (Bounds(max_depth=4), Bound.DEPTH, 5, 4),
        (Bounds(max_depth=8), Bound.DEPTH, 9, 8),
    ],
)
def test_a_bound_is_unknown(bounds: Bounds, bound: Bound, states: int, whole_depth: int) -> None:
    verdict = check(
        Counter(9),
        [sometimes("at 0", lambda n: n == 0), sometimes("at 9", lambda n: n == 9)],
        bounds,
    )
    assert isinstance(verdict, Unknown)
    assert verdict.bound is bound
    assert verdict.statistics.states == states
    assert verdict.statistics.whole_depth == whole_depth
    assert verdict.unseen == ("at 9",)
    assert set(verdict.witnesses) == {"at 0"}
    assert bound.value in str(verdict)


@pytest.mark.parametrize("bounds", [Bounds(max_states=10), Bounds(max_depth=9)])
def test_a_space_that_just_fits_is_exhausted(bounds: Bounds) -> None:
    assert isinstance(check(Counter(9), [], bounds), Holds)


def test_more_initial_states_than_allowed_leave_no_whole_depth() -> None:
    verdict = check(Table(["x", "y"], {}), [], Bounds(max_states=1))
    assert isinstance(verdict, Unknown)
    assert verdict.statistics.whole_depth == -1


def test_a_violation_inside_the_bound_counts() -> None:
    verdict = check(Counter(9), [always("below 3", lambda n: n < 3)], Bounds(max_states=4))
    assert isinstance(verdict, Violated)


def test_time_is_that_of_the_clock() -> None:
    def searched(limit_s: float) -> Any:
        ticks = count()
        return check(Counter(9), [], Bounds(max_seconds=limit_s), clock=lambda: float(next(ticks)))

    late = searched(4.0)
    assert isinstance(late, Unknown)
    assert late.bound is Bound.SECONDS
    assert late.statistics.states == 4
    assert isinstance(searched(11.0), Holds)


def test_memory_is_that_of_the_meter() -> None:
    def grows() -> Callable[[], float]:
        readings = count(100)
        return lambda: float(next(readings))

    system = Workers(4, 5)
    full = check(system, [], Bounds(max_memory_mib=102.0), memory_mib=grows())
    assert isinstance(full, Unknown)
    assert full.bound is Bound.MEMORY
    assert full.statistics.grown_mib == 3.0
    assert full.statistics.states >= 1024
    assert isinstance(check(system, [], Bounds(max_memory_mib=104.0), memory_mib=grows()), Holds)


def test_progress_is_told_every_1024_states() -> None:
    told: list[Progress] = []
    check(Workers(4, 5), [], progress=told.append, clock=lambda: 0.0)
    assert len(told) == 3
    assert told[0].states == 1
    assert told[0].depth == 0
    assert [p.states for p in told] == sorted(p.states for p in told)
    assert all(p.waiting > 0 for p in told)


def test_progress_is_told_once_a_second_where_states_take_their_time() -> None:
    told: list[Progress] = []
    readings = count()
    check(Workers(2, 2), [], progress=told.append, clock=lambda: next(readings) / 4)
    assert len(told) > 3
    gaps = [b.seconds - a.seconds for a, b in pairwise(told)]
    assert all(1.0 <= gap <= 2.0 for gap in gaps)


def test_the_same_on_every_run() -> None:
    def once() -> Any:
        wanted: list[Property[Work]] = [sometimes("reported twice", lambda s: s.done.count(4) == 2)]
        return check(Workers(3, 3), wanted, clock=lambda: 0.0, memory_mib=lambda: 0.0)

    assert once() == once()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Bounds(max_states=0),
        lambda: Bounds(max_seconds=-1.0),
        lambda: check(Table([], {}), []),
        lambda: check(Counter(1), [always("same", bool), sometimes("same", bool)]),
    ],
)
def test_wrong_requests_are_refused(wrong: Callable[[], Hashable]) -> None:
    with pytest.raises(UsageError):
        wrong()


def test_the_search_costs_little_more_than_the_system_itself() -> None:
    """A ratio, since bare times mean nothing on a busy machine: a bare set-based walk over the same
    system is the yardstick. The tables may take no more than 120 bytes a state."""
    system = TwoPhaseCommit(4)
    ratios = []
    for _ in range(3):
        began_s = time.process_time()
        walked = bare_walk(system)
        between_s = time.process_time()
        verdict = check(system, [always("holds", lambda s: len(s.managers) == 4)])
        ended_s = time.process_time()
        assert verdict.statistics.states == walked == 1568
        ratios.append((ended_s - between_s) / (between_s - began_s))
    assert min(ratios) < 2.5
    assert verdict.statistics.own_bytes / verdict.statistics.states < 120


def bare_walk(system: System[Any, Any]) -> int:
    waiting = list(system.initial())
    known = set(waiting)
    while waiting:
        state = waiting.pop()
        for action in system.actions(state):
            target = system.next(state, action)
            if target is not None and target not in known:
                known.add(target)
                waiting.append(target)
    return len(known)
