"""One link that is down stops the traffic of others."""

from collections.abc import Callable

import attrs

from syncmodel.reference.node.bugs.base import Bug


def _forwards(is_own: bool, all_connected: Callable[[], bool]) -> bool:
    return is_own or all_connected()


BUG = Bug(
    name="forwards-only-when-whole",
    title="While any peer is out of reach, a node pushes nobody what others wrote",
    stands_for=(
        "One subscriber that does not keep up slows down all others: Apache ActiveMQ "
        "documentation, 'Slow Consumer Handling'"
    ),
    family="links",
    pieces=lambda p: attrs.evolve(p, forwards=_forwards),
)
