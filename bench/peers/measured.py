"""One tool's verdict on one protocol, and its cost."""

from __future__ import annotations

import attrs


@attrs.frozen
class Scope:
    """How small the world is, and whether the mistake is in it."""

    nodes: int
    writes: int
    cuts: int
    planted: bool = False

    def __str__(self) -> str:
        mistake = "mistake" if self.planted else "right"
        return f"{self.nodes} nodes, {self.writes} writes, {self.cuts} cuts: {mistake}"


@attrs.frozen(kw_only=True)
class Measured:
    """`states` is None for tools that do not count them; `exhausted`: there are no others.

    `length` is the number of actions of the counterexample, if there is one. `seconds` are those of
    the search alone; what else there was to wait for is in `remarks`.
    """

    tool: str
    scope: Scope
    answer: str
    seconds: float
    states: int | None = None
    exhausted: bool = False
    length: int | None = None
    remarks: str = ""
