"""Misspelt attributes of a machine's class: each would be ignored without a word."""

from __future__ import annotations

from difflib import get_close_matches
from inspect import isroutine
from types import MemberDescriptorType
from typing import Any

from syncmodel.errors import UsageError
from syncmodel.steps import vocabulary

#: The attributes that a machine's class may set, besides the steps that it leaves out.
SETTINGS = ("target", "nodes", "scope", "guarantees", "weights")
#: How alike two names are of which one is taken for the other misspelt.
ALIKE = 0.8


def check_attributes(machine: type) -> None:
    """Raises `UsageError` for a value whose name is nearly that of a setting or a step.

    Rules, invariants, bundles and what begins with `_` are left alone.
    """
    ops, inherited = vocabulary(), {name for base in machine.__mro__[1:] for name in vars(base)}
    for name, value in vars(machine).items():
        if name.startswith("_") or name in inherited or name in ops or not _is_value(value):
            continue
        meant = get_close_matches(name, (*SETTINGS, *ops), n=1, cutoff=ALIKE)
        if meant:
            raise UsageError(
                f"{machine.__name__} has an attribute {name!r}, which means nothing: do you mean "
                f"{meant[0]!r}? (One of your own takes another name.)"
            )


def _is_value(value: Any) -> bool:
    """Whether it is data, and no rule, method, property or class."""
    described = hasattr(value, "__get__") or isinstance(value, MemberDescriptorType)
    return not (isroutine(value) or described or isinstance(value, type))
