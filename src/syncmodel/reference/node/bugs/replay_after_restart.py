"""Which admin requests were accepted is known to the process alone."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="replayed-rollback-accepted",
    title="A rollback that was asked for once is accepted again when its request comes once more",
    stands_for=(
        "Used nonces that a restart forgets: Scottcjn/Rustchain, pull request 762, 'persist "
        "signed-transfer nonces and reject replay across restarts'"
    ),
    family="authorisation",
    pieces=lambda p: attrs.evolve(p, recalls=lambda _accepted: {}),
)
