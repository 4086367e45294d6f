"""What a generation is built from is looked for once it is selected."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="substitutes-looked-for-last",
    title="A rollout finds out that a substitute is missing after it has switched",
    stands_for=(
        "Packages that are looked for after the upgrade that needs them: "
        "unifi-utilities/unifi-common, issue 662, 'The following packages have unmet dependencies'"
    ),
    family="deployments",
    supervisor=lambda p: attrs.evolve(p, looks_first=lambda: False),
)
