"""Merge rules: how the versions of a row compete. One file per policy; see `base`.

Your own policy is an object in the guarantees, or a name under an entry point of the group
`syncmodel.policies`.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules

from syncmodel.errors import UsageError
from syncmodel.model.policies.base import Policy

__all__ = ["Policy", "policies", "policy"]

GROUP = "syncmodel.policies"


@cache
def policies() -> dict[str, Policy]:
    """Every policy by its name."""
    names = (info.name for info in iter_modules(__path__) if info.name != "base")
    ours = [import_module(f"{__name__}.{name}").POLICY for name in names]
    theirs = [point.load() for point in entry_points(group=GROUP)]
    return {one.name: one for one in [*ours, *theirs]}


@cache
def policy(name: str) -> Policy:
    """The policy of that name.

    Raises `UsageError` that names the nearest one, and says what each promises, if there is none.
    """
    known = policies()
    if name not in known:
        near = get_close_matches(name, known, n=1, cutoff=0.4)
        nearest = f" The nearest is {near[0]}." if near else ""
        each = "; ".join(f"{one.name}: {one.promise}" for _, one in sorted(known.items()))
        raise UsageError(f"There is no merge policy {name!r}.{nearest} There are: {each}.")
    return known[name]
