"""A generation whose application does not come up stays selected."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="failed-activation-not-undone",
    title="A rollout whose application does not come up is not undone",
    stands_for=(
        "An upgrade that fails and is not rolled back: helm/helm, issue 7158, 'Rollback to last "
        "successful release fails with --atomic flag in helm3'"
    ),
    family="deployments",
    supervisor=lambda p: attrs.evolve(p, reverts=lambda: False),
)
