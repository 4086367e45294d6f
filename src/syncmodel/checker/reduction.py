"""Two ways to search fewer states, each resting on a promise of the user: symmetry, partial order.

Both are off by default. A false promise makes a verdict false, so try it on a small instance first:
`audit` looks for a state that breaks it.

Symmetry (`canonical(state) -> state`, the same for all states that differ only by renaming
interchangeable ids). Promise: renaming commutes with `actions` and `next`, and no property and no
`by` tells the ids apart. Kept: every verdict of every kind, shortest paths, and paths are real
runs. Changed: the counts, which now count classes of states.

Partial order (`PartialOrder`): of actions that don't influence one another only one order is
tried. Kept: whether an `always` is broken and whether a `sometimes` is reached. Lost: the path is a
real run but may not be a shortest one; depth and counts are those of the reduced graph. The
liveness kinds are refused.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import permutations, product
from typing import Any, Generic, TypeVar

import attrs

from syncmodel.checker.system import A, S

Id = TypeVar("Id")


def least_image(
    rename: Callable[[S, Mapping[Id, Id]], S],
    *groups: Sequence[Id],
    key: Callable[[S], Any] | None = None,
) -> Callable[[S], S]:
    """A `canonical` that tries every renaming and takes the least image.

    Ids within one group are interchangeable. `rename(state, new_names)` gives the state with every
    id replaced (each id of every group is a key). `key` orders states that Python can't, and must
    tell any two states apart. The cost is a factorial of each group's size per transition: meant
    for groups of up to four or five; where sorting does the same, write the sort.
    """
    renamings = [
        {
            old: new
            for group, image in zip(groups, images, strict=True)
            for old, new in zip(group, image, strict=True)
        }
        for images in product(*(permutations(group) for group in groups))
    ]

    def canonical(state: S) -> S:
        images: Iterable[Any] = (rename(state, names) for names in renamings)
        return min(images, key=key)  # type: ignore[no-any-return]

    return canonical


@attrs.frozen
class PartialOrder(Generic[S, A]):
    """Ample sets from three functions, and what each must promise.

    `alphabet(state)`: every action that may be taken in this state or any that can follow it; more
    is allowed, less is not.

    `independent(state, a, b)`: as long as `a` has not been taken, here and later, whenever `a` and
    `b` are both possible neither makes the other impossible and both orders end in the same state.
    When in doubt: False. Actions that are never possible together are independent.

    `visible(action)`: it may change what some `always` or `sometimes` says of some state.
    When in doubt: True.

    A set of a state's actions is *ample* if no action of the alphabet outside it, possible now or
    not, depends on one inside (so whatever happens first, they stay possible and commute), if none
    of it is visible, and if one of it leads to a state not yet expanded (so nothing is put off for
    ever: numbers of states grow along reduced steps and can't do so without end). From a path to
    any state one that begins in the ample set and is no longer, save for added invisible actions,
    can then be made by moving forward an ample action that it has, or putting one in front.
    Sources: Peled 1993; for breadth-first order, Bosnacki and Holzmann 2005.
    """

    alphabet: Callable[[S], Iterable[A]]
    independent: Callable[[S, A, A], bool]
    visible: Callable[[A], bool]

    def candidates(self, state: S, possible: Sequence[A]) -> Iterator[frozenset[A]]:
        """The sets that meet all but the last condition and leave something out, smallest first."""
        if len(possible) < 2:
            return
        alphabet = list(dict.fromkeys((*possible, *self.alphabet(state))))
        closures = (self._closure(state, seed, possible, alphabet) for seed in possible)
        found = {closure: None for closure in closures if closure is not None}
        yield from sorted(found, key=len)

    def _closure(
        self, state: S, seed: A, possible: Sequence[A], alphabet: Sequence[A]
    ) -> frozenset[A] | None:
        """The least set around `seed` on which nothing outside depends, or None if there is none
        that is invisible and smaller than all."""
        inside, waiting = {seed}, [seed]
        while waiting:
            action = waiting.pop()
            if self.visible(action):
                return None
            for other in alphabet:
                if other in inside or self.independent(state, action, other):
                    continue
                if other not in possible:
                    return None
                inside.add(other)
                waiting.append(other)
        return frozenset(inside) if len(inside) < len(possible) else None
