"""Nobody has to agree to the loss of data."""

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.supervisor_pieces import never

BUG = Bug(
    name="uninstall-unconfirmed",
    title="An uninstall that nobody confirmed is carried out",
    stands_for=(
        "An uninstall that destroys data and asks nobody: tine20, issue 7215, 'setup "
        "--uninstall removes all plugins without confirmation'"
    ),
    family="deployments",
    supervisor=lambda p: attrs.evolve(p, wants_confirmation=never),
)
