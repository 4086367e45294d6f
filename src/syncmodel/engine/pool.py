"""The targets of one process, made when first needed, and the driver of their coroutines.

Not here: which targets there are (`targets.registry`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from syncmodel.engine.drive import Driver, Loop, Straight
from syncmodel.engine.hanging import closed
from syncmodel.machines.children import children, end_children
from syncmodel.targets import registry
from syncmodel.targets.base import Target
from syncmodel.targets.registry import TargetKind

#: A suite alternates between a correct cluster and one with a bug, of one size or another.
KEPT = 3


class Pool:
    """Targets of one kind, by size and planted bugs. Always close it."""

    def __init__(self, kind: TargetKind | str) -> None:
        """Nothing runs yet. Raises `UsageError` for an unknown kind of target."""
        self.kind = registry.get(kind) if isinstance(kind, str) else kind
        self.driver: Driver = Loop() if self.kind.waits else Straight()
        self._targets: dict[tuple[int, tuple[str, ...]], Target] = {}
        self._before = children()
        self._failed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def target(self, count: int, bugs: Sequence[str] = ()) -> Target:
        """A target of that many nodes with these bugs, kept for the next time.

        With `KEPT` targets open, the least recently used one is closed. Raises `UsageError`
        for an unknown bug.
        """
        key = (count, tuple(bugs))
        target = self._targets.pop(key, None) or self.kind.make(count, bugs)
        self._targets[key] = target
        while len(self._targets) > KEPT:
            self._close(next(iter(self._targets)))
        return target

    async def another(self, target: Target) -> Target:
        """A new one in its place; the old one is closed as far as it still can be."""
        key = next(key for key, kept in self._targets.items() if kept is target)
        del self._targets[key]
        with suppress(Exception):
            await self._closed(target)
        made = self._targets[key] = self.kind.make(*key)
        return made

    def close(self) -> None:
        """Close every target and the driver.

        Where one of them could not be closed, the processes are ended that were started meanwhile.
        """
        try:
            self._close_all()
        finally:
            if self._failed:
                end_children(self._before)
            self.driver.close()

    def _close_all(self) -> None:
        """The rest is closed even if one of them fails."""
        try:
            while self._targets:
                self._close(next(iter(self._targets)))
        finally:
            if self._targets:
                self._close_all()

    def _close(self, key: tuple[int, tuple[str, ...]]) -> None:
        self.driver.run(self._closed(self._targets.pop(key)))

    async def _closed(self, target: Target) -> None:
        try:
            await closed(target)
        except BaseException:
            self._failed = True
            raise
