"""The outcome of one request: three values, never two (Maelstrom's "definite errors").

A timeout is never a refusal. The code that performs a step decides which of the three it was; the
belief decides what that makes possible.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from syncmodel.model.view import View
from syncmodel.record import Record


class Answer(Enum):
    """The three values: acknowledged, definitely did not happen, may have happened or may yet."""

    OK = "ok"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Outcome(Record):
    """The answer to one step.

    `code` is the error code of a refusal (`exists`, `no_such_row`, `missing_reference`,
    `referenced`, `read_only`, `no_quorum`, `malformed`, `no_plugin`, `unreachable`, `not_ready`) or
    says why nothing is known. `row` is the row as the node says that it stored it, by column.
    `view` has the rows that a read was answered with. `parts` are the outcomes of a compound step,
    in its order.
    """

    answer: Answer
    code: str | None = None
    row: Mapping[str, Any] | None = None
    parts: tuple[Outcome, ...] = ()
    view: View | None = None

    def __hash__(self) -> int:
        """Without the row, which is a mapping."""
        return hash((self.answer, self.code, self.parts, self.view))

    @property
    def ok(self) -> bool:
        """Whether the step was acknowledged."""
        return self.answer is Answer.OK


#: What became of a request without an answer, in a case where it landed: see `cases`.
LANDED = Outcome(Answer.OK, "landed")


def checked(outcome: object) -> Outcome:
    """The outcome, if it is one: what an adapter gives may be anything. Raises `TypeError`."""
    if not isinstance(outcome, Outcome):
        raise TypeError(f"an Outcome was expected, and not {outcome!r:.80}")
    if not isinstance(outcome.answer, Answer):
        raise TypeError(f"the answer of an Outcome is an Answer, and not {outcome.answer!r:.80}")
    for part in outcome.parts:
        checked(part)
    return outcome


def accepted(row: Mapping[str, Any] | None = None) -> Outcome:
    """Acknowledged, with the row as stored where the step wrote one."""
    return Outcome(Answer.OK, row=row)


def shown(view: View) -> Outcome:
    """A read was answered with these rows."""
    return Outcome(Answer.OK, view=view)


def refused(code: str) -> Outcome:
    """Definitely did not happen."""
    return Outcome(Answer.REFUSED, code)


def unknown(code: str) -> Outcome:
    """May have happened, or may yet."""
    return Outcome(Answer.UNKNOWN, code)


def compound(parts: tuple[Outcome, ...]) -> Outcome:
    """The outcome of a burst or of concurrent steps; each part is judged separately."""
    return Outcome(Answer.OK, parts=parts)
