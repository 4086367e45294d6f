"""A dialler that takes a broken connection for the end."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="dialler-gives-up",
    title="A peer whose connection broke before its backlog was through is never dialled again",
    stands_for=(
        "A replica that stops trying to reach its source: MySQL reference manual, "
        "CHANGE REPLICATION SOURCE TO, SOURCE_RETRY_COUNT"
    ),
    family="links",
    pieces=lambda p: attrs.evolve(p, dials_again=lambda had_backlog: had_backlog),
)
