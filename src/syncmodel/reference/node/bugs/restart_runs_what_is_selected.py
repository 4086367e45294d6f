"""A restart of the application switches generations, which only a boot may do."""

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.supervisor_pieces import what_is_selected

BUG = Bug(
    name="restart-runs-what-is-selected",
    title="A restart of the application runs the generation that was selected for the next boot",
    stands_for=(
        "What was to wait for the boot is activated before it: nix-community/colmena, issue 113, "
        "'Rebooting should not activate then reboot'"
    ),
    family="deployments",
    supervisor=lambda p: attrs.evolve(p, application_of=what_is_selected),
)
