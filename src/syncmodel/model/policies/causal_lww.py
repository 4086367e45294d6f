"""Last writer wins, and a write made knowing another is always the later one.

The default. Which of two concurrent writes wins is for the system to say, once.
"""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen

from syncmodel.model.policies.base import Policy


@frozen
class CausalLww(Policy):
    """A parent loses to its child; concurrent writes have one winner, everywhere and for good."""

    name: ClassVar[str] = "causal-lww"
    promise: ClassVar[str] = "the last writer wins, and never undoes what it was made knowing"


POLICY = CausalLww()
