"""A backend of Hypothesis that decides nothing, for the machine whose choices are the plan's.

Hypothesis' own backend makes new test cases out of earlier ones, cuts some of them short, and goes
on beyond what it is told where it finds them alike. A run that our own generator decides can't gain
by any of this: it costs a quarter of the time of a simulated step. The interface is Hypothesis':
"Alternative backends" in its documentation, and `PrimitiveProvider`.
"""

from __future__ import annotations

from typing import Any, NoReturn

from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, PrimitiveProvider

#: What a test asks for: `settings(backend=UNDECIDED)`.
UNDECIDED = "syncmodel"


class Undecided(PrimitiveProvider):
    """Booleans are false and integers are the least there may be; anything else raises.

    So a machine goes on until its steps are taken (Hypothesis ends it after some 3,000 of them).
    """

    def draw_boolean(self, p: float = 0.5) -> bool:
        """False, unless it must be true."""
        return p >= 1

    def draw_integer(
        self, min_value: int | None = None, max_value: int | None = None, **hints: Any
    ) -> int:
        """The least there may be."""
        if min_value is not None:
            return min_value
        return 0 if max_value is None else min(0, max_value)

    def draw_float(self, **hints: Any) -> NoReturn:
        """Raises `RuntimeError`."""
        raise _unasked("a float")

    def draw_string(self, *chars: Any, **hints: Any) -> NoReturn:
        """Raises `RuntimeError`."""
        raise _unasked("a string")

    def draw_bytes(self, *sizes: Any, **hints: Any) -> NoReturn:
        """Raises `RuntimeError`."""
        raise _unasked("bytes")


def _unasked(what: str) -> RuntimeError:
    return RuntimeError(f"The plan decides here, and not Hypothesis: nothing may draw {what}.")


# By its name: all versions of Hypothesis that have this table understand that.
AVAILABLE_PROVIDERS[UNDECIDED] = f"{__name__}.{Undecided.__name__}"
