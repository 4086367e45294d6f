"""A job begins while another one runs."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="two-jobs-at-once",
    title="A second deployment is begun while one is under way",
    stands_for=(
        "Conflicting operations at the same time: gravitational/gravity, issue 2316, "
        "'Manual Upgrade Execution does not prevent concurrent execution requests'"
    ),
    family="deployments",
    supervisor=lambda p: attrs.evolve(p, one_at_a_time=lambda: False),
)
