"""The states found so far, each kept once, and the way back from each to where the search began.

Per state: one entry of a dict, its number, and eight bytes in two arrays (its parent's number, and
which of the parent's successors it was). A path is rebuilt by walking it again.
"""

import sys
from array import array
from collections.abc import Callable
from itertools import islice
from typing import Generic

from syncmodel.checker.system import A, S, System
from syncmodel.checker.verdict import Path
from syncmodel.errors import UsageError

ROOT = -1
"""The parent of an initial state."""


class Space(Generic[S, A]):
    """States numbered from 0 in the order in which they were found: breadth first, so a smaller
    number is never deeper."""

    __slots__ = ("_choices", "_parents", "numbers")

    def __init__(self) -> None:
        self.numbers: dict[S, int] = {}
        self._parents = array("i")
        self._choices = array("I")

    def __len__(self) -> int:
        return len(self._parents)

    def add(self, state: S, parent: int, choice: int) -> int:
        """Its number. `choice` counts the parent's actions (or the initial states) from 0."""
        number = len(self._parents)
        self.numbers[state] = number
        self._parents.append(parent)
        self._choices.append(choice)
        return number

    def own_bytes(self) -> int:
        """What all this takes, the states not counted."""
        return (
            sys.getsizeof(self.numbers)
            + len(self) * sys.getsizeof(2**29)
            + sys.getsizeof(self._parents)
            + sys.getsizeof(self._choices)
        )

    def choices_to(self, number: int) -> list[int]:
        """The choices that lead to a state; the first one picks the initial state."""
        choices = []
        while number != ROOT:
            choices.append(self._choices[number])
            number = self._parents[number]
        return choices[::-1]


def path_to(
    number: int,
    space: Space[S, A],
    system: System[S, A],
    canonical: Callable[[S], S] | None = None,
) -> Path[S, A]:
    """The path by which a state was found, with states as the system itself passes through.

    Under a symmetry the space knows only an image of each state; the path is a real run whose every
    state has the recorded image. Raises UsageError if there is none: then `canonical` is no
    symmetry of this system.
    """
    first, *choices = space.choices_to(number)
    start = next(islice(system.initial(), first, None))
    if canonical is None:
        return _walk(start, choices, system)
    return _walk_images(start, choices, system, canonical)


def _walk(start: S, choices: list[int], system: System[S, A]) -> Path[S, A]:
    steps = []
    state = start
    for choice in choices:
        action, state = _chosen(state, choice, system)
        steps.append((action, state))
    return Path(start, tuple(steps))


def _walk_images(
    start: S, choices: list[int], system: System[S, A], canonical: Callable[[S], S]
) -> Path[S, A]:
    steps = []
    state, image = start, canonical(start)
    for choice in choices:
        image = canonical(_chosen(image, choice, system)[1])
        action, state = _step_to_image(state, image, system, canonical)
        steps.append((action, state))
    return Path(start, tuple(steps))


def _chosen(state: S, choice: int, system: System[S, A]) -> tuple[A, S]:
    action = next(islice(system.actions(state), choice, None))
    target = system.next(state, action)
    if target is None:
        raise UsageError(
            f"The system is not deterministic: {action!r} was possible in {state!r} and is no more."
        )
    return action, target


def _step_to_image(
    state: S, image: S, system: System[S, A], canonical: Callable[[S], S]
) -> tuple[A, S]:
    for action in system.actions(state):
        target = system.next(state, action)
        if target is not None and canonical(target) == image:
            return action, target
    raise UsageError(
        f"`canonical` is no symmetry of the system: no action leads from {state!r} to a state with "
        f"the image {image!r}, though one does from {canonical(state)!r}."
    )
