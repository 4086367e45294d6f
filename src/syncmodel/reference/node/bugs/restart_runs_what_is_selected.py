"""A restart of the application switches generations, which only a boot may do."""

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.supervisor_pieces import what_is_selected

BUG = Bug(
    name="restart-runs-what-is-selected",
    title="A restart of the application runs the generation that was selected for the next boot",
    stands_for=(
        "A restart that ends on what was staged for later: openvstorage/framework, issue 1833, "
        "where a version that waits for a reboot is no longer told from one that runs"
    ),
    family="deployments",
    supervisor=lambda p: attrs.evolve(p, application_of=what_is_selected),
)
