"""The kinds of targets that have a name, ours and third-party.

A kind is registered by an entry point of the group `syncmodel.targets` (ours are too, in
pyproject.toml), or named as `module:Class` on the command line. Its code is imported on request,
and never because a file names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from attrs import frozen

from syncmodel.errors import UsageError, why
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.schema import Schema
from syncmodel.safe_path import search_last
from syncmodel.steps import vocabulary
from syncmodel.steps.base import VOCABULARY, Malforms, Step
from syncmodel.steps.scope import Scope
from syncmodel.targets.base import Target

GROUP = "syncmodel.targets"


@frozen
class TargetKind:
    """A kind of target: its name, what it stores and promises, and how to make one.

    `make` gives one of this many nodes n1, n2, ..., with these planted bugs; nothing runs yet then,
    and it raises `UsageError` for an unknown bug. `abilities` is the class that says by its bases
    what such a target can do. `waits`: its coroutines need an event loop. `twin`: the name of the
    kind that runs the same nodes without any input or output, if there is one. `nodes`: how many it
    has, where that is not anyone's to choose. `fixed`: nobody can bring a node to another
    generation, so runs begin with all nodes on the usual one. `missing_nothing`: kinds of steps for
    which there is nothing in it, as packets in memory: that it can't take them is no lack.
    `unable`: abilities of the class that this computer does not allow.
    """

    name: str
    title: str
    make: Callable[[int, Sequence[str]], Target]
    schema: Schema
    abilities: type[object]
    guarantees: Guarantees = Guarantees()
    waits: bool = True
    twin: str | None = None
    nodes: int | None = None
    fixed: bool = False
    missing_nothing: frozenset[str] = frozenset()
    unable: frozenset[type[object]] = frozenset()

    @classmethod
    def of(cls, target: type[Target], name: str | None = None) -> TargetKind:
        """The kind that a class declares."""
        title = target.title or (target.__doc__ or target.__name__).strip().splitlines()[0]
        return cls(
            name=name or f"{target.__module__}:{target.__qualname__}",
            title=title.removesuffix("."),
            make=target,
            schema=target.schema,
            abilities=target,
            guarantees=target.guarantees,
            waits=target.waits,
            nodes=target.size,
            unable=target.unable(),
        )

    @property
    def ops(self) -> frozenset[str]:
        """The kinds of steps that such a target can take."""
        return frozenset(op for op, step in vocabulary().items() if self.takes(step))

    def takes(self, step: type[Step]) -> bool:
        """Whether it has the ability that a kind of step needs."""
        needs = step.NEEDS
        return needs is None or (issubclass(self.abilities, needs) and needs not in self.unable)

    def lacking(self, ops: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Those of these kinds of steps that it can't take, by the ability that it takes."""
        found: dict[str, tuple[str, ...]] = {}
        for op in sorted(set(ops) - self.missing_nothing):
            step = VOCABULARY[op]
            if step.NEEDS is not None and not self.takes(step):
                name = step.NEEDS.__name__
                found[name] = (*found.get(name, ()), op)
        return found

    @property
    def sends_malformed(self) -> bool:
        """Whether it can be sent bad requests."""
        return issubclass(self.abilities, Malforms)

    @property
    def scope(self) -> Scope:
        """The steps that it takes, on few rows."""
        return Scope.of(self.schema, self.ops)


@cache
def _registered() -> dict[str, EntryPoint]:
    """The entry points by name; the first one on the path where several have a name."""
    return {point.name: point for point in reversed(tuple(entry_points(group=GROUP)))}


def names() -> tuple[str, ...]:
    """The names that are registered."""
    return tuple(_registered())


def registered(name: str) -> TargetKind | None:
    """The kind that is registered under that name, if there is one: what a name in a file means.

    Nothing is imported but what is registered.
    """
    return get(name) if name in _registered() else None


def get(name: str) -> TargetKind:
    """The kind of that name: a registered one, or a class named `module:Class`.

    The folder that the process stands in is searched last for such a module. Raises `UsageError`,
    which lists the known ones.
    """
    point = _registered().get(name)
    if point is not None:
        return kind_of(_loaded(point), name)
    if ":" in name:
        return kind_of(imported(name), name)
    raise _unknown(name)


def check_name(name: str) -> None:
    """Raises `UsageError` for a name that is not registered; imports nothing."""
    if name not in _registered():
        raise _unknown(name)


def _unknown(name: str) -> UsageError:
    return UsageError(
        f"There is no target {name!r}; there are: {', '.join(names()) or 'none'}. One of your own "
        f"is named module:Class."
    )


def _loaded(point: EntryPoint) -> Any:
    try:
        return point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        package = "a package" if point.dist is None else point.dist.name
        raise UsageError(
            f"The target {point.name!r} of {package} can't be loaded from {point.value}: "
            f"{why(error)}."
        ) from error


def kind_of(found: object, name: str | None = None) -> TargetKind:
    """The kind that a kind, or a class of targets, stands for. Raises `UsageError`."""
    if isinstance(found, TargetKind):
        return found
    if isinstance(found, type) and issubclass(found, Target):
        if not isinstance(getattr(found, "schema", None), Schema):
            raise UsageError(f"{found.__name__} needs a `schema`: say what its nodes store.")
        if found.__abstractmethods__:
            missing = ", ".join(sorted(found.__abstractmethods__))
            raise UsageError(f"{found.__name__} is no whole target yet: it lacks {missing}.")
        return TargetKind.of(found, name)
    raise UsageError(f"{name or found!r} is no target: name a subclass of syncmodel.Target.")


def imported(name: str) -> Any:
    """The object that `module:Name` names. Raises `UsageError` if it can't be imported."""
    module, _, attribute = name.partition(":")
    search_last(str(Path.cwd()))
    try:
        found: Any = import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise UsageError(f"{name!r} can't be imported: {why(error)}.") from error
    return found
