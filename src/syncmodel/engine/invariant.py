"""What else must hold at every rest, beyond what the model says."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import frozen

from syncmodel.errors import UsageError, said
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind

if TYPE_CHECKING:
    from syncmodel.engine.session import Session


@frozen
class Invariant:
    """A name, and a check that raises where it does not hold.

    The check is given the session at rest: its `plan`, and its `views` of the nodes.
    """

    name: str
    check: Callable[[Session], None]

    def hold(self, session: Session) -> None:
        """Raise `DivergenceFound` with the invariant's name if the check raises any `Exception`.

        But for `UsageError`, which says that the check itself is wrong.
        """
        try:
            self.check(session)
        except UsageError:
            raise
        except Exception as error:
            shown = _words(error)
            divergence = Divergence(Kind.INVARIANT, "the cluster", None, self.name, shown)
            raise DivergenceFound((divergence,)) from error


def _words(error: Exception) -> str:
    """The first line of what it says, and its type where that says more than "assert"."""
    lines = said(error).splitlines()
    if isinstance(error, AssertionError):
        return lines[0] if lines else "it does not hold"
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
