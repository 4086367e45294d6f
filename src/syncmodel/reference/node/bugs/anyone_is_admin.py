"""It is checked that a request is signed, and not by whom."""

from collections.abc import Container

import attrs

from syncmodel.reference.node.bugs.base import Bug


class Everyone(Container[str]):
    """Every key is in it."""

    def __contains__(self, key: object) -> bool:
        return True


BUG = Bug(
    name="non-admin-accepted",
    title="An admin request is carried out though no administrator signed it",
    stands_for=(
        "An admin surface that asks for no administrator: groupwrite-io/groupwrite.io, issue 55, "
        "'All admin methods should verify adminKey'"
    ),
    family="authorisation",
    pieces=lambda p: attrs.evolve(p, administrators=lambda _keys: Everyone()),
)
