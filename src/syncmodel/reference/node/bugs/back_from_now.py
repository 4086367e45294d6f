"""A node that comes into the cluster takes the end of each log for what it has."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

#: Past the end of any log.
FAR = 10**9


BUG = Bug(
    name="back-from-now",
    title="A node that comes back misses what was written while it was away",
    stands_for=(
        "A node that was gone is not sent what it missed: influxdata/influxdb, issue 4205, "
        "'data is not sync when one node crash a while and then restart'"
    ),
    family="membership",
    pieces=lambda p: attrs.evolve(p, returns_at=lambda _applied: FAR),
)
