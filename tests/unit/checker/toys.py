"""Small systems with known answers: examples to start from, and what the checker is tested on.

Each has a planted mistake that can be turned on, and the counts in the tests pin its every
transition.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import attrs

from syncmodel.checker.reduction import PartialOrder


@attrs.frozen
class Table:
    """A system written down: for each state its actions and where they lead. A state that
    is not a key has no actions."""

    starts: Sequence[str]
    edges: Mapping[str, Mapping[str, str]]

    def initial(self) -> Iterable[str]:
        return self.starts

    def actions(self, state: str) -> Iterable[str]:
        return self.edges.get(state, {})

    def next(self, state: str, action: str) -> str | None:
        return self.edges[state][action]


@attrs.frozen
class Counter:
    """A number that goes up and down between 0 and `limit`: the smallest system there is."""

    limit: int

    def initial(self) -> Iterable[int]:
        return (0,)

    def actions(self, _state: int) -> Iterable[str]:
        return ("up", "down")

    def next(self, state: int, action: str) -> int | None:
        after = state + 1 if action == "up" else state - 1
        return after if 0 <= after <= self.limit else None


class Work(NamedTuple):
    """How many private steps each worker has done (one more than there are: also reported), and
    who reported last."""

    done: tuple[int, ...]
    last: int | None


@attrs.frozen
class Workers:
    """Workers that each take `steps` private steps and then report to one place. Nearly all of its
    states differ only in the order of what nobody sees: what reductions are for."""

    workers: int
    steps: int

    def initial(self) -> Iterable[Work]:
        return (Work((0,) * self.workers, None),)

    def actions(self, _state: Work) -> Iterable[tuple[str, int]]:
        return [(verb, who) for who in range(self.workers) for verb in ("step", "report")]

    def next(self, state: Work, action: tuple[str, int]) -> Work | None:
        verb, who = action
        done = state.done[who]
        if (done < self.steps) != (verb == "step") or done > self.steps:
            return None
        after = (*state.done[:who], done + 1, *state.done[who + 1 :])
        return Work(after, state.last if verb == "step" else who)

    def rename(self, state: Work, names: Mapping[int, int]) -> Work:
        done = dict(zip(names.values(), state.done, strict=True))
        last = None if state.last is None else names[state.last]
        return Work(tuple(done[who] for who in range(self.workers)), last)

    def partial_order(self) -> PartialOrder[Work, tuple[str, int]]:
        """Private steps are independent of everything; reports are not of each other."""
        return PartialOrder(
            alphabet=self.actions,
            independent=lambda _, a, b: "step" in (a[0], b[0]),
            visible=lambda action: action[0] == "report",
        )


Place = Literal["idle", "raised", "waiting", "inside"]


class Lock(NamedTuple):
    """Where the two processes are, and whose turn it is. A flag is up unless its owner is idle."""

    places: tuple[Place, Place]
    turn: int


@attrs.frozen
class Peterson:
    """Peterson's lock for two processes (Information Processing Letters 12, 1981).

    `mistake`: "selfish" gives the turn to oneself instead of the other, which lets both in;
    "no_turn" looks at flags alone, so that both wait for ever.
    """

    mistake: Literal["selfish", "no_turn"] | None = None

    def initial(self) -> Iterable[Lock]:
        return (Lock(("idle", "idle"), 0),)

    def actions(self, _state: Lock) -> Iterable[int]:
        """Who takes its next step."""
        return (0, 1)

    def next(self, state: Lock, who: int) -> Lock | None:
        other = 1 - who
        match state.places[who]:
            case "idle":
                return self._move(state, who, "raised", state.turn)
            case "raised":
                return self._move(
                    state, who, "waiting", who if self.mistake == "selfish" else other
                )
            case "waiting":
                blocked = state.places[other] != "idle" and (
                    state.turn == other or self.mistake == "no_turn"
                )
                return None if blocked else self._move(state, who, "inside", state.turn)
            case "inside":
                return self._move(state, who, "idle", state.turn)

    def _move(self, state: Lock, who: int, place: Place, turn: int) -> Lock:
        first, second = state.places
        return Lock((place, second) if who == 0 else (first, place), turn)

    def rename(self, state: Lock, names: Mapping[int, int]) -> Lock:
        first, second = state.places
        return Lock((first, second) if names[0] == 0 else (second, first), names[state.turn])


Phase = Literal["working", "prepared", "committed", "aborted"]
Decision = Literal["open", "committed", "aborted"]


class Transaction(NamedTuple):
    """Each resource manager's phase, the transaction manager's, whom the latter knows to be
    prepared, whose "prepared" was ever sent, and which decisions were."""

    managers: tuple[Phase, ...]
    decision: Decision
    known: frozenset[int]
    sent: frozenset[int]


Message = tuple[str, int | None]
_DECISIONS: dict[str, Decision] = {"commit": "committed", "abort": "aborted"}
_PHASES_AFTER: dict[str, Phase] = {
    "prepare": "prepared",
    "choose_abort": "aborted",
    "hear_committed": "committed",
    "hear_aborted": "aborted",
}


@attrs.frozen
class TwoPhaseCommit:
    """Two-phase commit as in Gray and Lamport, "Consensus on Transaction Commit" (TwoPhase.tla):
    messages stay in the network for ever and may be received again and again.

    `mistake` "hasty": the transaction manager commits once anybody is prepared.
    """

    managers: int
    mistake: Literal["hasty"] | None = None

    def initial(self) -> Iterable[Transaction]:
        phase: Phase = "working"
        return (Transaction((phase,) * self.managers, "open", frozenset(), frozenset()),)

    def actions(self, state: Transaction) -> Iterable[Message]:
        """Those that are possible, and no others."""
        if state.decision == "open":
            enough = 1 if self.mistake == "hasty" else self.managers
            if len(state.known) >= enough:
                yield ("commit", None)
            yield ("abort", None)
            for who in sorted(state.sent):
                yield ("hear_prepared", who)
        for who, phase in enumerate(state.managers):
            if phase == "working":
                yield ("prepare", who)
                yield ("choose_abort", who)
            if state.decision != "open":
                yield (f"hear_{state.decision}", who)

    def next(self, state: Transaction, action: Message) -> Transaction | None:
        managers, decision, known, sent = state
        verb, who = action
        if who is None:
            return Transaction(managers, _DECISIONS[verb], known, sent)
        if verb == "hear_prepared":
            return Transaction(managers, decision, known | {who}, sent)
        if verb == "prepare":
            sent |= {who}
        after = (*managers[:who], _PHASES_AFTER[verb], *managers[who + 1 :])
        return Transaction(after, decision, known, sent)

    def rename(self, state: Transaction, names: Mapping[int, int]) -> Transaction:
        phases = {names[who]: phase for who, phase in enumerate(state.managers)}
        return Transaction(
            tuple(phases[who] for who in range(self.managers)),
            state.decision,
            frozenset(names[who] for who in state.known),
            frozenset(names[who] for who in state.sent),
        )

    def order(self, state: Transaction) -> object:
        """A total order of states, for `least_image`."""
        return (state.managers, state.decision, sorted(state.known), sorted(state.sent))


class Line(NamedTuple):
    """What is being sent (counted from 0), data under way, what was received, acknowledgements
    under way, and what was sent before (only kept where nothing is sent twice)."""

    sending: int
    data: tuple[int, ...]
    received: tuple[int, ...]
    answers: tuple[int, ...]
    tried: int


@attrs.frozen
class AlternatingBit:
    """The alternating-bit protocol (Bartlett, Scantlebury, Wilkinson 1969) over two lossy channels
    that keep order. What has no room in a channel is lost too.

    `mistake`: "no_bit" takes whatever arrives, "no_resend" sends each message once.
    """

    messages: int
    room: int = 2
    mistake: Literal["no_bit", "no_resend"] | None = None

    def initial(self) -> Iterable[Line]:
        return (Line(0, (), (), (), -1),)

    def actions(self, _state: Line) -> Iterable[str]:
        return ("send", "receive", "hear", "lose_data", "lose_answer")

    def next(self, state: Line, action: str) -> Line | None:
        sending, data, received, answers, tried = state
        match action:
            case "send":
                return self._send(state)
            case "receive" if data:
                return self._receive(state)
            case "hear" if answers:
                moves_on = answers[0] == sending % 2 and sending < self.messages
                return Line(sending + moves_on, data, received, answers[1:], tried)
            case "lose_data" if data:
                return Line(sending, data[1:], received, answers, tried)
            case "lose_answer" if answers:
                return Line(sending, data, received, answers[1:], tried)
        return None

    def _send(self, state: Line) -> Line | None:
        sending, data, received, answers, tried = state
        if sending == self.messages or len(data) == self.room or tried == sending:
            return None
        tried = sending if self.mistake == "no_resend" else tried
        return Line(sending, (*data, sending), received, answers, tried)

    def _receive(self, state: Line) -> Line:
        sending, (message, *rest), received, answers, tried = state
        is_new = message % 2 == len(received) % 2 or self.mistake == "no_bit"
        if is_new and len(received) <= self.messages:
            received = (*received, message)
        if len(answers) < self.room:
            answers = (*answers, message % 2)
        return Line(sending, tuple(rest), received, answers, tried)

    def in_order(self, state: Line) -> bool:
        return state.received == tuple(range(len(state.received)))

    def all_received(self, state: Line) -> bool:
        return len(state.received) >= self.messages
