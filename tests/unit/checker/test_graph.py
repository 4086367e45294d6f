"""State graphs and their files."""

import io

import networkx as nx
import pytest
from toys import Counter, Table, TwoPhaseCommit

from syncmodel.checker import Bounds, GraphTooLargeError, graph, to_dot, to_graphml


def test_a_graph_has_every_state_and_edge() -> None:
    drawn = graph(TwoPhaseCommit(3))
    assert (drawn.number_of_nodes(), drawn.number_of_edges()) == (288, 1145)
    assert [n for n, node in drawn.nodes(data=True) if node["initial"]] == [0]
    distances = nx.single_source_shortest_path_length(drawn, 0)
    assert {n: node["depth"] for n, node in drawn.nodes(data=True)} == distances


def test_a_graph_that_does_not_fit_is_refused() -> None:
    with pytest.raises(GraphTooLargeError, match="max_states was hit after 5 states"):
        graph(Counter(9), Bounds(max_states=5))


def test_dot() -> None:
    table = Table(["a"], {"a": {'say "hi"\\': "b"}, "b": {"back": "a", "stay": "b"}})
    assert to_dot(graph(table), state_label=str.upper) == (
        "digraph states {\n"
        '  0 [label="A", peripheries=2];\n'
        '  1 [label="B"];\n'
        '  0 -> 1 [label="say \\"hi\\"\\\\"];\n'
        '  1 -> 0 [label="back"];\n'
        '  1 -> 1 [label="stay"];\n'
        "}\n"
    )


def test_graphml_is_read_back() -> None:
    drawn = graph(Counter(3))
    read = nx.read_graphml(io.BytesIO(to_graphml(drawn).encode()), node_type=int)
    assert {n: node["state"] for n, node in read.nodes(data=True)} == {n: str(n) for n in range(4)}
    assert read.nodes[0]["initial"] is True
    assert sorted((u, v, d["action"]) for u, v, d in read.edges(data=True)) == sorted(
        (u, v, d["action"]) for u, v, d in drawn.edges(data=True)
    )
