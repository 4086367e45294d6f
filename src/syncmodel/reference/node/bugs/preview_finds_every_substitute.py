"""A preview that looks for nothing."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="preview-finds-every-substitute",
    title="A preview says that all substitutes can be had, and the rollout then misses one",
    stands_for=(
        "A plan by what a cache once had: NixOS/nix, pull request 3969, 'fallback to refreshing "
        "narinfo when nar is missing'"
    ),
    family="deployments",
    supervisor=lambda p: attrs.evolve(p, names_missing=lambda: False),
)
