"""The plan that is previewed is not the one that is carried out."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="preview-leaves-one-out",
    title="A preview does not name the last migration that is then run",
    stands_for=(
        "A dry run that shows less than what is then done: CakeDC/migrations, issue 140, "
        "'Migration run dry is not equal to run in real'"
    ),
    family="deployments",
    supervisor=lambda p: attrs.evolve(p, previewed=lambda steps: steps[:-1]),
)
