"""A failure puts back the tables, and not the link."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="failed-deployment-stays-selected",
    title="A deployment that failed leaves its generation selected, to be booted next",
    stands_for=(
        "A profile that stays active though its activation failed: nix-community/nixos-cli, "
        "issue 49, 'apply: rollback setting active profile if switch-to-configuration.pl fails'"
    ),
    family="deployments",
    supervisor=lambda p: attrs.evolve(p, selected_after_failure=lambda _previous, target: target),
)
