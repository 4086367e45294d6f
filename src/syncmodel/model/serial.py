"""Whether some order explains the answers that one node gave at the same time.

Each can be possible alone while all together are not: two creates of one row, two increments of
one counter. Looked at only where nothing else could have changed the row meanwhile; `judge` owns
what each single answer may be.
"""

from __future__ import annotations

from collections.abc import Sequence

from syncmodel.model.belief import Belief, Entries
from syncmodel.model.divergence import Divergence, Kind
from syncmodel.model.outcome import Answer, Outcome
from syncmodel.model.values import Added, Assigned, Row, Tombstone, Value, Write

Call = tuple[Write, Outcome]
#: Refusals that say something of the row itself.
TELLING = frozenset({"exists", "no_such_row"})


def out_of_order(
    entered: Belief, calls: Sequence[Call], entries: Sequence[Entries]
) -> Divergence | None:
    """The divergence of simultaneous `calls` that no order explains, if there is one.

    `entered` is the belief in which they are in *may*, as these `entries`.
    """
    if entered.guarantees.by_field or entered.net.quorum:
        return None
    groups: dict[tuple[str, Row], list[int]] = {}
    for place, (write, _) in enumerate(calls):
        groups.setdefault((write.node, write.row), []).append(place)
    for (node, name), places in groups.items():
        if len(places) == 1:
            continue
        group = [calls[place] for place in places]
        own = {one.number for place in places for one in entries[place] if one.register == name}
        if _unexplained(entered, node, name, group, own):
            accepted = any(outcome.ok for _, outcome in group)
            kind = Kind.WRONGLY_ACCEPTED if accepted else Kind.WRONGLY_REFUSED
            shown = "; ".join(f"{write.change}: {_words(outcome)}" for write, outcome in group)
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
    if not (alone and told and entered.policy(name).causal):
        return False
    asked = tuple(call for call in group if call[1].ok or call[1].code in TELLING)
    starts = [row.versions[v].value for v in row.order.best(must, must)]
    if any(isinstance(start, Assigned | Added) for start in starts):
        return False
    states = [start if isinstance(start, Value) else None for start in starts] or [None]
    return not any(_Order(entered, name).explains(state, asked) for state in states)


class _Order:
    """One row on one node: how requests change it, one after another."""

    def __init__(self, belief: Belief, name: Row) -> None:
        self._table = belief.net.schema.by_name[name.table]
        self._upserts = belief.guarantees.upserts

    def explains(self, state: Value | None, waiting: tuple[Call, ...]) -> bool:
        """Whether a node that shows `state` may give these answers, in whatever order."""
        return not waiting or any(
            self.explains(self._after(call, state), waiting[:i] + waiting[i + 1 :])
            for i, call in enumerate(waiting)
            if self._fits(call, state)
        )

    def _after(self, call: Call, state: Value | None) -> Value | None:
        write, outcome = call
        return self._made(write, state) if outcome.ok else state

    def _fits(self, call: Call, state: Value | None) -> bool:
        write, outcome = call
        allowed = (state is None) is write.creates or (write.creates and self._upserts)
        if not outcome.ok:
            return not allowed
        made = self._made(write, state) if allowed else None
        if made is None or outcome.row is None:
            return allowed
        return made.fits(self._table.read(outcome.row))

    def _made(self, write: Write, state: Value | None) -> Value | None:
        """What the write makes of a state that allows it."""
        match write.change:
            case Tombstone():
                return None
            case Value() as value:
                return value
            case Assigned() | Added() as change:
                assert state is not None
                return change.over(state)
