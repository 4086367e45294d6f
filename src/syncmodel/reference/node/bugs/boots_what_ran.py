"""A reboot passes over what was selected for it."""

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.supervisor_pieces import what_runs

BUG = Bug(
    name="boots-what-ran",
    title="A machine boots the generation that ran, and not the one that is selected",
    stands_for=(
        "A boot entry that stays on an older generation: NixOS/nixpkgs, issue 121572, "
        "'nixos-rebuild switch fails update boot priority'"
    ),
    family="deployments",
    supervisor=lambda p: attrs.evolve(p, machine_boots=what_runs),
)
