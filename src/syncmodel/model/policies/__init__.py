"""Merge rules: how the versions of a row compete. One file per policy; a file here is a policy.

A policy is a module with `NAME`, `CAUSAL` (whether a node shows what it stored last) and three
functions:

- `written(order, version, parents) -> Order`: what a write made knowing `parents` says;
- `may_show(row, node) -> Versions`: what the node may show of what it may and must know;
- `learnt(order, shown, must) -> Order`: what a settled node that shows one of `shown` reveals.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, cast

from syncmodel.errors import UsageError
from syncmodel.model.order import Order, Versions
from syncmodel.model.rows import RowBelief


class Policy(Protocol):
    """The surface of one merge rule."""

    NAME: str
    CAUSAL: bool

    def written(self, order: Order, version: int, parents: Versions) -> Order:
        """The order once `version` was written by a node that must know `parents`."""

    def may_show(self, row: RowBelief, node: str) -> Versions:
        """The versions that the node may show."""

    def learnt(self, order: Order, shown: Versions, must: Versions) -> Order:
        """The order once a settled node that must know `must` showed one of `shown`."""


@cache
def policies() -> dict[str, Policy]:
    """Every policy by its name."""
    modules = (import_module(f"{__name__}.{info.name}") for info in iter_modules(__path__))
    return {module.NAME: cast(Policy, module) for module in modules}


@cache
def policy(name: str) -> Policy:
    """The policy of that name.

    Raises `UsageError` naming the known ones if there is none.
    """
    try:
        return policies()[name]
    except KeyError:
        known = ", ".join(sorted(policies()))
        raise UsageError(f"There is no merge policy {name!r}; known are: {known}.") from None
