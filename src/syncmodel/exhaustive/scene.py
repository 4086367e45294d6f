"""A search by name, with the exact counts that it reaches."""

from __future__ import annotations

from attrs import frozen

from syncmodel.exhaustive.limits import Limits
from syncmodel.exhaustive.searches import Grain


@frozen
class Scene:
    """A search by name; `states` and `transitions` are what it has when it is whole."""

    name: str
    about: str
    grain: Grain
    limits: Limits
    states: int
    transitions: int
