"""A dialler that believes in a connection for as long as nobody resets it."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="half-open-never-noticed",
    title="A peer whose connection is dead is not dialled again, as nobody said that it is",
    stands_for=(
        "Half-open connections: RFC 9293, section 3.5.1; by RFC 1122, section 4.2.3.6, keep-alives "
        "are off by default"
    ),
    family="links",
    pieces=lambda p: attrs.evolve(p, gives_up=lambda silent: False),  # noqa: ARG005
)
