"""Reductions change counts, never verdicts; what they are promised can be audited."""

import random
from collections.abc import Callable, Iterable
from itertools import permutations
from typing import Any

import attrs
import pytest
from toys import Peterson, TwoPhaseCommit, Work, Workers

from syncmodel.checker import (
    BrokenPromiseError,
    Holds,
    PartialOrder,
    Property,
    Unreached,
    Violated,
    always,
    audit_partial_order,
    audit_symmetry,
    check,
    eventually,
    graph,
    least_image,
    sometimes,
)
from syncmodel.errors import UsageError

# Symmetry


@pytest.mark.parametrize(("managers", "classes"), [(2, 34), (3, 80), (4, 166), (5, 314)])
def test_symmetry_counts_classes(managers: int, classes: int) -> None:
    system = TwoPhaseCommit(managers)
    canonical = least_image(system.rename, range(managers), key=system.order)
    wanted: list[Property[Any]] = [
        always("agreed", lambda s: not {"committed", "aborted"} <= set(s.managers)),
        sometimes("all committed", lambda s: set(s.managers) == {"committed"}),
    ]
    plain = check(system, wanted)
    reduced = check(system, wanted, symmetry=canonical)
    assert isinstance(plain, Holds)
    assert isinstance(reduced, Holds)
    assert reduced.statistics.depth == plain.statistics.depth
    assert reduced.statistics.states == classes
    assert len(reduced.witnesses["all committed"]) == len(plain.witnesses["all committed"])
    if managers <= 4:
        assert count_orbits(system) == classes
    if managers <= 3:
        audit_symmetry(system, wanted, canonical)


def count_orbits(system: TwoPhaseCommit) -> int:
    left = {node["state"] for _, node in graph(system).nodes(data=True)}
    orbits = 0
    while left:
        state = left.pop()
        ids = range(system.managers)
        left -= {system.rename(state, dict(zip(ids, p, strict=True))) for p in permutations(ids)}
        orbits += 1
    return orbits


@pytest.mark.parametrize("mistake", [None, "selfish", "no_turn"])
def test_under_symmetry_paths_are_shortest_real_runs(mistake: Any) -> None:
    system = Peterson(mistake)
    wanted: list[Property[Any]] = [always("apart", lambda s: s.places != ("inside", "inside"))]
    plain = check(system, wanted)
    reduced = check(system, wanted, symmetry=least_image(system.rename, (0, 1)))
    assert type(plain) is type(reduced)
    assert reduced.statistics.states < plain.statistics.states
    if isinstance(plain, Violated) and isinstance(reduced, Violated):
        assert len(reduced.path) == len(plain.path)
        for before, (who, after) in zip(reduced.path.states, reduced.path.steps, strict=False):
            assert system.next(before, who) == after


def test_a_path_that_needs_another_id_than_its_image_is_told_with_real_ids() -> None:
    system = Workers(3, 1)
    wanted: list[Property[Any]] = [always("not all reported", lambda s: s.done != (2, 2, 2))]
    canonical = least_image(system.rename, range(3), key=repr)
    verdict = check(system, wanted, symmetry=canonical)
    assert isinstance(verdict, Violated)
    assert len(verdict.path) == 6
    for before, (action, after) in zip(verdict.path.states, verdict.path.steps, strict=False):
        assert system.next(before, action) == after


def test_what_is_no_symmetry_is_found_out() -> None:
    system = Workers(2, 2)

    def forgets_the_first(state: Work) -> Work:
        return Work((0, state.done[1]), state.last)

    with pytest.raises(BrokenPromiseError):
        audit_symmetry(system, [], forgets_the_first)
    canonical = least_image(system.rename, (0, 1), key=repr)
    telling: Property[Work] = always("the first is idle", lambda s: s.done[0] == 0)
    with pytest.raises(BrokenPromiseError, match="the first is idle"):
        audit_symmetry(system, [telling], canonical)
    partial: Property[Work] = eventually("x", bool, by=lambda a: a[1] == 0)
    with pytest.raises(BrokenPromiseError, match="go on differently"):
        audit_symmetry(system, [partial], canonical)


def test_a_path_through_a_false_symmetry_is_refused() -> None:
    def jumps(state: Work) -> Work:
        return Work((2, 2), None) if state.done == (1, 0) else state

    wanted: list[Property[Any]] = [always("none reported", lambda s: s.last is None)]
    with pytest.raises(UsageError, match="no symmetry"):
        check(Workers(2, 2), wanted, symmetry=jumps)


def test_least_image_renames_each_group_by_itself() -> None:
    def rename(state: tuple[str, str], names: Any) -> tuple[str, str]:
        return (names[state[0]], names[state[1]])

    canonical = least_image(rename, ("a", "b"), ("x", "y"))
    assert canonical(("b", "y")) == ("a", "x")
    assert canonical(("a", "x")) == ("a", "x")


# Partial order


def test_workers_need_one_order_of_their_private_steps() -> None:
    system = Workers(4, 5)
    wanted: list[Property[Any]] = [
        always("somebody is last", lambda s: s.last in (None, 0, 1, 2, 3)),
        sometimes("the third is last", lambda s: s.last == 2),
        sometimes("two reported", lambda s: s.done.count(6) == 2),
    ]
    plain = check(system, wanted)
    reduced = check(system, wanted, reduce=system.partial_order())
    assert isinstance(plain, Holds)
    assert isinstance(reduced, Holds)
    assert (plain.statistics.states, reduced.statistics.states) == (2668, 53)
    audit_partial_order(Workers(3, 2), wanted, Workers(3, 2).partial_order())


def test_both_reductions_together() -> None:
    system = Workers(4, 5)
    wanted: list[Property[Any]] = [sometimes("all", lambda s: set(s.done) == {6})]
    canonical = least_image(system.rename, range(4), key=repr)
    by_order = check(system, wanted, reduce=system.partial_order())
    by_both = check(system, wanted, symmetry=canonical, reduce=system.partial_order())
    assert isinstance(by_both, Holds)
    assert by_both.statistics.states < by_order.statistics.states


Op = tuple[int, int, int]
"""Thread, where it stands, which of its branches there."""
Memory = tuple[tuple[int, ...], tuple[int, ...]]
"""Where each thread stands, what each variable holds."""


@attrs.frozen
class Threads:
    """Threads over shared variables: each op may wait for a value, then adds to a variable and
    goes on (or back). Two ops depend on each other if one writes what the other touches."""

    code: tuple[tuple[tuple[tuple[int, int, int, int], ...], ...], ...]
    """code[thread][place][branch] = waits for variable, to be not this, writes variable, goes to"""

    def initial(self) -> Iterable[Memory]:
        return (((0,) * len(self.code), (0, 0, 0)),)

    def actions(self, state: Memory) -> Iterable[Op]:
        return [
            (thread, place, branch)
            for thread, place in enumerate(state[0])
            if place < len(self.code[thread])
            for branch in range(len(self.code[thread][place]))
        ]

    def next(self, state: Memory, action: Op) -> Memory | None:
        thread, place, branch = action
        reads, not_this, writes, goes_to = self.code[thread][place][branch]
        places, values = list(state[0]), list(state[1])
        if values[reads] == not_this:
            return None
        places[thread] = goes_to
        values[writes] = (values[writes] + 1) % 3
        return tuple(places), tuple(values)

    def partial_order(self, seen: set[int]) -> PartialOrder[Memory, Op]:
        every = [
            (t, p, b)
            for t, thread in enumerate(self.code)
            for p, branches in enumerate(thread)
            for b in range(len(branches))
        ]

        def touches(op: Op) -> tuple[set[int], int]:
            reads, _, writes, _ = self.code[op[0]][op[1]][op[2]]
            return {reads, writes}, writes

        def independent(_state: Memory, a: Op, b: Op) -> bool:
            if a[0] == b[0]:
                return a[1] != b[1]
            (all_a, write_a), (all_b, write_b) = touches(a), touches(b)
            return write_a not in all_b and write_b not in all_a

        return PartialOrder(
            alphabet=lambda _: every,
            independent=independent,
            visible=lambda op: touches(op)[1] in seen,
        )


def random_threads(seed: int) -> Threads:
    chance = random.Random(seed)

    def op(own: int, length: int) -> tuple[int, int, int, int]:
        shared = chance.random() < 0.35
        reads, writes = (chance.randrange(3), chance.randrange(3)) if shared else (own, own)
        return (reads, chance.choice((1, 2, 9, 9)), writes, chance.randint(0, length))

    return Threads(
        tuple(
            tuple(
                tuple(op(own, length) for _ in range(chance.choice((1, 1, 2))))
                for _ in range(length)
            )
            for own, length in enumerate(chance.choices((1, 2, 3), k=3))
        )
    )


def test_random_threads_keep_their_verdicts() -> None:
    """Asked of one variable and of two at once: what two independent threads write, each alone, is
    only seen between them."""
    saved, seen_verdicts = 0, set()
    for seed in range(400):
        system = random_threads(seed)
        for watched in ({seed % 3}, {seed % 3, (seed + 1) % 3}):
            reduce = system.partial_order(watched)
            for ask in (always, sometimes):
                wanted = [ask("asked", values_are(watched, not_so=ask is always))]
                plain = check(system, wanted)
                reduced = check(system, wanted, reduce=reduce)
                assert type(plain) is type(reduced), seed
                seen_verdicts.add(type(plain))
                if isinstance(plain, Violated) and isinstance(reduced, Violated):
                    assert len(reduced.path) >= len(plain.path)
                else:
                    assert reduced.statistics.states <= plain.statistics.states
                    saved += plain.statistics.states - reduced.statistics.states
            if seed < 10:
                audit_partial_order(system, wanted, reduce)
    assert seen_verdicts == {Holds, Violated, Unreached}
    assert saved > 1000


def values_are(watched: set[int], *, not_so: bool = False) -> Callable[[Memory], bool]:
    """The first of the watched variables is 1, the second (if there is one) is 0."""

    def holds(state: Memory) -> bool:
        wanted = zip(sorted(watched), (1, 0), strict=False)
        return all(state[1][variable] == value for variable, value in wanted) != not_so

    return holds


def test_what_is_put_off_is_not_forgotten() -> None:
    """A private circle would hide the other thread for ever without the last condition."""
    system = Threads(((((0, 9, 0, 0),),), (((1, 9, 1, 1),),)))
    wanted = [always("the second is not 1", values_are({1}, not_so=True))]
    verdict = check(system, wanted, reduce=system.partial_order({1}))
    assert isinstance(verdict, Violated)


def test_what_is_not_possible_yet_counts_as_well() -> None:
    """The first thread's only op blocks the second thread's second one, which its first enables."""
    blocks, first, blocked = (1, 9, 1, 1), (0, 9, 0, 1), (1, 1, 2, 2)
    system = Threads((((blocks,),), ((first,), (blocked,))))
    wanted = [sometimes("the blocked one came first", values_are({2}))]
    assert isinstance(check(system, wanted, reduce=system.partial_order({2})), Holds)


def test_liveness_is_refused() -> None:
    system = Workers(2, 2)
    wanted: list[Property[Any]] = [eventually("all", lambda s: set(s.done) == {3})]
    with pytest.raises(UsageError, match="loses liveness"):
        check(system, wanted, reduce=system.partial_order())


def possible_now(system: Workers, state: Work) -> list[tuple[str, int]]:
    return [action for action in system.actions(state) if system.next(state, action) is not None]


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"alphabet": lambda _: []}, "alphabet"),
        ({"alphabet": lambda state: possible_now(Workers(2, 2), state)}, "alphabet"),
        ({"visible": lambda _: False}, "visible"),
        ({"independent": lambda _, _a, _b: True}, "independent"),
    ],
)
def test_false_promises_are_found_out(broken: dict[str, Callable[..., Any]], message: str) -> None:
    system = Workers(2, 2)
    wanted: list[Property[Any]] = [always("the second is not last", lambda s: s.last != 1)]
    audit_partial_order(system, wanted, system.partial_order())
    with pytest.raises(BrokenPromiseError, match=message):
        audit_partial_order(system, wanted, attrs.evolve(system.partial_order(), **broken))
