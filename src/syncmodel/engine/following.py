"""What happened between two rests, message by message, where a target can say so; an observer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import define, field

from syncmodel.engine.history import Began, Ended, Entry, Rested
from syncmodel.targets.base import Target
from syncmodel.targets.inside import Moment, Traces

#: By the step (0: before any), all that happened in it and at the rest after it.
Happenings = Mapping[int, Sequence[Moment]]


@define
class Following:
    """Notes what happens in the runs of a target; `happened` is of the last one."""

    target: Target
    happened: dict[int, tuple[Moment, ...]] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        if isinstance(self.target, Traces):
            self.target.trace()

    def __call__(self, entry: Entry) -> None:
        """Another entry of the history."""
        if not isinstance(self.target, Traces):
            return
        if isinstance(entry, Began):
            self.happened = {}
        if isinstance(entry, Rested | Ended):
            before = self.happened.get(entry.index, ())
            self.happened[entry.index] = (*before, *self.target.traced())
