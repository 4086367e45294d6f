"""An abort is answered, and the plan is carried out all the same."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="aborted-plan-carried-out",
    title="An aborted deployment goes on after its abort",
    stands_for=(
        "A cancelled deployment whose changes stay: cloudfoundry/docs-dev-guide, issue 496, "
        "'Cancel rolling deploy section doesn't include information about the env var [...] "
        "changes'"
    ),
    family="deployments",
    supervisor=lambda p: attrs.evolve(p, goes_on_after_abort=lambda: True),
)
