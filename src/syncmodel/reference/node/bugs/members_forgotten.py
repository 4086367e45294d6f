"""Who left is not stored."""

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.ports import Members

BUG = Bug(
    name="members-forgotten-on-restart",
    title="A node forgets over a restart who has left the cluster",
    stands_for=(
        "Membership is built anew from configuration when a node starts: xline-kv/Xline, issue "
        "628, 'Member persistent'; deventlab/d-engine, issue 431"
    ),
    family="membership",
    pieces=lambda p: attrs.evolve(
        p, remembered=lambda now, before: Members(now.trusted, before.inactive)
    ),
)
