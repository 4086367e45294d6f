"""`eventually` and `converges`, against the attracting components that networkx finds."""

import random

import networkx as nx
import pytest
from toys import Counter, Lock, Peterson, Table

from syncmodel.checker import (
    Bounds,
    Holds,
    Unknown,
    Violated,
    check,
    converges,
    eventually,
    graph,
    least_image,
)


@pytest.mark.parametrize("seed", range(150))
def test_agrees_with_attracting_components(seed: int) -> None:
    chance = random.Random(seed)
    size = chance.randint(1, 10)
    edges = {
        f"s{i}": {
            f"{chance.choice('ab')}{k}": f"s{chance.randrange(size)}"
            for k in range(chance.choice((0, 1, 2, 2)))
        }
        for i in range(size)
    }
    table = Table(["s0"], edges)
    good = {f"s{i}" for i in range(size) if chance.random() < 0.6}
    drawn = graph(table)
    fair: nx.DiGraph[str] = nx.DiGraph()
    fair.add_nodes_from(node["state"] for _, node in drawn.nodes(data=True))
    for source in list(fair):
        fair.add_edges_from(
            (source, target) for a, target in edges[source].items() if a.startswith("a")
        )
    traps = list(nx.attracting_components(fair))

    def by(action: str) -> bool:
        return action.startswith("a")

    somewhere = check(table, [eventually("good", good.__contains__, by=by)])
    everywhere = check(table, [converges("good", good.__contains__, by=by)])
    assert isinstance(somewhere, Holds) == all(trap & good for trap in traps)
    assert isinstance(everywhere, Holds) == all(trap <= good for trap in traps)
    if isinstance(somewhere, Violated):
        end = somewhere.path.end
        assert not ({end} | nx.descendants(fair, end)) & good
        assert len(somewhere.path) == min(
            depth
            for _, (state, depth) in _states_with_depth(drawn)
            if not ({state} | nx.descendants(fair, state)) & good
        )


def _states_with_depth(drawn: "nx.MultiDiGraph[int]") -> list[tuple[int, tuple[str, int]]]:
    return [(n, (node["state"], node["depth"])) for n, node in drawn.nodes(data=True)]


def test_a_counter_comes_back_to_each_number_but_stays_nowhere() -> None:
    assert isinstance(check(Counter(5), [eventually("at 3", lambda n: n == 3)]), Holds)
    assert isinstance(check(Counter(5), [converges("at 3", lambda n: n == 3)]), Violated)
    assert isinstance(
        check(Counter(5), [converges("at 5", lambda n: n == 5, by=lambda a: a == "up")]), Holds
    )


def test_the_path_ends_at_the_point_of_no_return() -> None:
    table = Table(
        ["start"],
        {
            "start": {"wait": "start", "turn": "corridor", "win": "won"},
            "corridor": {"walk": "cellar"},
            "cellar": {"wait": "cellar"},
        },
    )
    verdict = check(table, [eventually("won", lambda s: s == "won")])
    assert isinstance(verdict, Violated)
    assert verdict.path.actions == ("turn",)


def test_edges_are_counted_in_what_the_tables_take() -> None:
    plain = check(Counter(999), [])
    judged = check(Counter(999), [eventually("at 0", lambda n: n == 0)])
    assert judged.statistics.own_bytes >= plain.statistics.own_bytes + 8 * 1998 + 1000


def test_a_bound_leaves_liveness_unknown() -> None:
    verdict = check(Counter(9), [eventually("at 0", lambda n: n == 0)], Bounds(max_states=5))
    assert isinstance(verdict, Unknown)


def test_liveness_is_kept_under_symmetry() -> None:
    def somebody_in(state: Lock) -> bool:
        return "inside" in state.places

    for mistake in (None, "selfish", "no_turn"):
        lock = Peterson(mistake)
        plain = check(lock, [eventually("somebody in", somebody_in)])
        reduced = check(
            lock,
            [eventually("somebody in", somebody_in)],
            symmetry=least_image(lock.rename, (0, 1)),
        )
        assert type(plain) is type(reduced)
        assert reduced.statistics.states < plain.statistics.states
        if isinstance(plain, Violated) and isinstance(reduced, Violated):
            assert len(plain.path) == len(reduced.path)
