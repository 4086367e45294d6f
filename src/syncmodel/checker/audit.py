"""Looking for a state of a small instance that breaks what a reduction was promised.

An audit that finds nothing proves the promise for that instance alone: run it in a test, next to
the instance that is too large to audit.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, permutations

import networkx as nx

from syncmodel.checker.graph import StateGraph, graph
from syncmodel.checker.properties import Property
from syncmodel.checker.reduction import PartialOrder
from syncmodel.checker.system import A, S, System
from syncmodel.checker.verdict import Bounds
from syncmodel.errors import UsageError

SMALL = Bounds(max_states=20_000)


class BrokenPromiseError(UsageError):
    """A reduction's functions break their promise: verdicts reached with them mean nothing."""


def audit_symmetry(
    system: System[S, A],
    properties: Sequence[Property[S]],
    canonical: Callable[[S], S],
    bounds: Bounds = SMALL,
) -> None:
    """Compares every reachable state with its image: the same answers to every property, and the
    same images of what follows. Raises BrokenPromiseError naming the state, GraphTooLargeError."""
    states: list[S] = [data["state"] for _, data in graph(system, bounds).nodes(data=True)]
    for state in states:
        image = canonical(state)
        if canonical(image) != image:
            raise BrokenPromiseError(f"canonical({image!r}) is not that state itself.")
        for asked in properties:
            if bool(asked.holds(state)) != bool(asked.holds(image)):
                raise BrokenPromiseError(f"{asked.name!r} tells {state!r} from its image {image!r}")
        for counts in (_every, *(asked.by for asked in properties)):
            followers = [_images_after(system, at, canonical, counts) for at in (state, image)]
            if followers[0] != followers[1]:
                raise BrokenPromiseError(f"{state!r} and its image {image!r} go on differently.")


def _every(_action: object) -> bool:
    return True


def _images_after(
    system: System[S, A], state: S, canonical: Callable[[S], S], counts: Callable[[A], bool]
) -> set[S]:
    targets = (system.next(state, action) for action in system.actions(state) if counts(action))
    return {canonical(target) for target in targets if target is not None}


def audit_partial_order(
    system: System[S, A],
    properties: Sequence[Property[S]],
    reduce: PartialOrder[S, A],
    bounds: Bounds = SMALL,
) -> None:
    """Holds the three functions against the whole state graph. Raises BrokenPromiseError naming
    function, state and action, GraphTooLargeError."""
    drawn = graph(system, bounds)
    broken = chain(
        _missing_in_alphabet(drawn, reduce),
        _seen_though_invisible(drawn, properties, reduce),
        _dependent_though_independent(drawn, reduce),
    )
    for message in broken:
        raise BrokenPromiseError(message)


def _missing_in_alphabet(drawn: StateGraph, reduce: PartialOrder[S, A]) -> Iterator[str]:
    for node in drawn:
        state: S = drawn.nodes[node]["state"]
        reachable = {node} | nx.descendants(drawn, node)
        later = {data["action"] for _, _, data in drawn.out_edges(reachable, data=True)}
        for action in sorted(later.difference(reduce.alphabet(state)), key=repr):
            yield f"alphabet({state!r}) lacks {action!r}, which can still happen."


def _seen_though_invisible(
    drawn: StateGraph, properties: Sequence[Property[S]], reduce: PartialOrder[S, A]
) -> Iterator[str]:
    for source, target, data in drawn.edges(data=True):
        before, after = drawn.nodes[source]["state"], drawn.nodes[target]["state"]
        action: A = data["action"]
        for asked in properties:
            if bool(asked.holds(before)) != bool(asked.holds(after)) and not reduce.visible(action):
                yield f"visible({action!r}) is false, yet in {before!r} it changes {asked.name!r}."


def _dependent_though_independent(drawn: StateGraph, reduce: PartialOrder[S, A]) -> Iterator[str]:
    """For each pair: where it does not commute, and from where one comes there without taking the
    first of the two."""
    out = {
        node: {data["action"]: target for _, target, data in drawn.out_edges(node, data=True)}
        for node in drawn
    }
    clashes: dict[tuple[A, A], list[int]] = {}
    for node, targets in out.items():
        for a, b in permutations(targets, 2):
            if not _commute(out, node, a, b):
                clashes.setdefault((a, b), []).append(node)
    for (a, b), places in clashes.items():
        for node in _coming_to(drawn, places, without=a):
            state = drawn.nodes[node]["state"]
            if a in out[node] and reduce.independent(state, a, b):
                yield f"independent({state!r}, {a!r}, {b!r}) is true, yet they clash later."


def _commute(out: dict[int, dict[A, int]], node: int, a: A, b: A) -> bool:
    after_a, after_b = out[out[node][a]], out[out[node][b]]
    return b in after_a and a in after_b and after_a[b] == after_b[a]


def _coming_to(drawn: StateGraph, places: Iterable[int], without: A) -> set[int]:
    found = set(places)
    waiting = list(found)
    while waiting:
        for source, _, data in drawn.in_edges(waiting.pop(), data=True):
            if data["action"] != without and source not in found:
                found.add(source)
                waiting.append(source)
    return found
