"""Whether the answers that one node gave at the same time are those of any one order.

Each can be possible by itself while all together are not: two creates of one row, two increments of
one counter. Looked at only where nothing else could have changed the row meanwhile; `judge` owns
what each answer must be by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from syncmodel.model.belief import Belief, Write, read_value
from syncmodel.model.divergence import Divergence, Kind
from syncmodel.model.outcome import Answer, Outcome
from syncmodel.model.values import Case, Incremented, Retitled, Row, Tombstone, Value

Call = tuple[Write, Outcome]
#: Refusals that say something of the row itself.
TELLING = frozenset({"exists", "no_such_row"})


def out_of_order(
    entered: Belief, calls: Sequence[Call], numbers: Sequence[int | None]
) -> Divergence | None:
    """The divergence of simultaneous `calls` that no order explains, if there is one.

    `entered` is the belief in which they are in *may*, as the versions `numbers`.
    """
    groups: dict[tuple[str, Row], list[int]] = {}
    for place, (write, _) in enumerate(calls):
        groups.setdefault((write.node, write.row), []).append(place)
    for (node, name), places in groups.items():
        group = [calls[place] for place in places]
        own = {number for place in places if (number := numbers[place]) is not None}
        if len(group) > 1 and _unexplained(entered, node, name, group, own):
            accepted = any(outcome.ok for _, outcome in group)
            kind = Kind.WRONGLY_ACCEPTED if accepted else Kind.WRONGLY_REFUSED
            shown = "; ".join(f"{write.value}: {_words(outcome)}" for write, outcome in group)
            return Divergence(kind, node, name, "answers that some order explains", shown)
    return None


def _words(outcome: Outcome) -> str:
    return f"refused ({outcome.code})" if outcome.code else f"accepted as {outcome.row}"


def _unexplained(
    entered: Belief, node: str, name: Row, group: Sequence[Call], own: set[int]
) -> bool:
    row = entered.row(name)
    must = row.known_by(node)
    alone = row.perhaps_known_by(node) - own <= must
    told = all(outcome.answer is not Answer.UNKNOWN for _, outcome in group)
    if not (alone and told and entered.policy(name).CAUSAL):
        return False
    asked = tuple(call for call in group if call[1].ok or call[1].code in TELLING)
    starts = [_state(row.versions[v].value) for v in row.order.best(must, must)] or [None]
    return not any(_some_order(start, asked) for start in starts)


def _state(value: object) -> Value | None:
    return None if isinstance(value, Tombstone) else value  # type: ignore[return-value]


def _some_order(state: Value | None, waiting: tuple[Call, ...]) -> bool:
    """Whether a node that shows `state` may give these answers, in whatever order."""
    return not waiting or any(
        _some_order(_made(write, state) if outcome.ok else state, waiting[:i] + waiting[i + 1 :])
        for i, (write, outcome) in enumerate(waiting)
        if _fits(write, outcome, state)
    )


def _fits(write: Write, outcome: Outcome, state: Value | None) -> bool:
    allowed = (state is None) is write.creates
    if not outcome.ok:
        return not allowed
    made = _made(write, state) if allowed else None
    return allowed and (made is None or read_value(write.row, outcome.row) == made)


def _made(write: Write, state: Value | None) -> Value | None:
    """What the write makes of a state that allows it."""
    match write.value, state:
        case Tombstone(), _:
            return None
        case Retitled(title), Case() as case:
            return Case(title, case.counter)
        case Incremented(by), Case() as case:
            return Case(case.title, case.counter + by)
        case value, _:
            return value  # type: ignore[return-value]
