"""A script: a net and the steps taken on it. The value that a minimiser cuts down. Pure.

Here: walking it leaf by leaf, taking leaves out, and repairing what then can't be taken any more.
Not here: which leaves are worth taking out (`passes`), names (`rename`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from attrs import evolve, frozen

from syncmodel.model.net import Net
from syncmodel.model.plan import Plan
from syncmodel.steps.base import Step
from syncmodel.steps.compound import Burst, Concurrently

#: Where a leaf stands: the position at the top, then inside each compound step.
Path = tuple[int, ...]
#: How to change a leaf: keep it, put another one in its place, or None to take it out.
Change = Callable[[Path, Step], Step | None]


@frozen(cache_hash=True)
class Script:
    """Steps, and the net that they start from (whose nodes all run and whose links are whole)."""

    net: Net
    steps: tuple[Step, ...]


def leaves(steps: Sequence[Step], above: Path = ()) -> Iterator[tuple[Path, Step]]:
    """Every step that holds no others, with its path, in order."""
    for position, step in enumerate(steps):
        path = (*above, position)
        if isinstance(step, Burst | Concurrently):
            yield from leaves(step.steps, path)
        else:
            yield path, step


def length(steps: Sequence[Step]) -> int:
    """How many steps these are; those inside a burst count one each."""
    return sum(1 for _ in leaves(steps))


def changed(steps: Sequence[Step], change: Change, above: Path = ()) -> tuple[Step, ...]:
    """The steps with every leaf changed; a compound step of one is that one, of none is nothing."""
    result: list[Step] = []
    for position, step in enumerate(steps):
        path = (*above, position)
        if isinstance(step, Burst | Concurrently):
            result += _rebuilt(step, changed(step.steps, change, path))
        else:
            new = change(path, step)
            result += [] if new is None else [new]
    return tuple(result)


def _rebuilt(step: Burst | Concurrently, inner: tuple[Step, ...]) -> tuple[Step, ...]:
    return (evolve(step, steps=inner),) if len(inner) > 1 else inner


def without(script: Script, gone: Callable[[Path, Step], bool]) -> Script:
    """The script without those leaves."""
    steps = changed(script.steps, lambda path, leaf: None if gone(path, leaf) else leaf)
    return evolve(script, steps=steps)


def at_once(script: Script) -> Script:
    """The script with its bursts taken at the same time, if all of that is possible."""
    steps = (Concurrently(s.steps) if isinstance(s, Burst) else s for s in script.steps)
    together = repaired(evolve(script, steps=tuple(steps)))
    return together if length(together.steps) == length(script.steps) else script


def repaired(script: Script) -> Script:
    """The script without what the plan refuses: whatever depended on something taken out."""
    plan, kept = Plan(script.net), list[Step]()
    for step in script.steps:
        for whole in _repaired(plan, step):
            kept.append(whole)
            plan = whole.advance(plan)
    return evolve(script, steps=tuple(kept))


def _repaired(plan: Plan, step: Step) -> tuple[Step, ...]:
    """What is left of a step where `plan` holds: itself, a smaller one, or nothing."""
    match step:
        case Burst(steps):
            inner, after = list[Step](), plan
            for part in steps:
                for whole in _repaired(after, part):
                    inner.append(whole)
                    after = whole.advance(after)
            return _rebuilt(step, tuple(inner))
        case Concurrently(steps):
            left = _rebuilt(step, tuple(s for s in steps if _possible(plan, s)))
            return tuple(s for s in left if _possible(plan, s))
        case _:
            return (step,) if _possible(plan, step) else ()


def _possible(plan: Plan, step: Step) -> bool:
    return step.nodes() <= set(plan.net.nodes) and step.enabled(plan)
