"""Machines rented for a lease: nothing beyond the price that is allowed, nothing left behind.

Whatever goes wrong while a lease is made ends in destroying all that has its mark; what can't be
destroyed is named. Not here: what a request to one provider looks like (`hetzner`, ...).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from attrs import field, frozen, mutable

from syncmodel.errors import UsageError
from syncmodel.providers.base import (
    SERVER,
    BusyError,
    FailedError,
    GoneError,
    LostError,
    Mark,
    NoRoomError,
    Pending,
    Provider,
    ProviderError,
    StrangeHostError,
    TakenError,
    Thing,
    TroubleError,
    Wanted,
)
from syncmodel.providers.calls import Calls
from syncmodel.providers.quotes import Line, Quote, hours, priced

T = TypeVar("T")
#: After so many attempts in vain who waits is told.
TOLD = 3


@frozen
class Patience:
    """How long things are waited for. `pace` is the time before the next of so many tries,
    and `poll` that before the next of so many looks at what takes its time.

    `late_s`: how long a request that was given up may still have an effect.
    """

    call_s: float = 40.0
    late_s: float = 40.0
    tries: int = 7
    polls: int = 180
    rounds: int = 5
    pace: Callable[[int], float] = lambda tries: min(2.0**tries, 30.0)
    poll: Callable[[int], float] = lambda polls: min(0.1 * 1.5**polls, 3.0)


def rent(
    mark: Mark,
    quotes: Sequence[tuple[Renter, Quote]],
    tell: Callable[[str], None],
    then: Callable[[list[Thing]], T],
    *,
    keep: bool = False,
    clean: Callable[[], object] = lambda: None,
) -> T:
    """What `then` makes of these machines, which run; the price was looked at (`guard`).

    Whatever is raised, an interrupt too, gives all of them back first; `tell` gets the command that
    does so at once, should that not come to its end. `keep`: what was raised by `then` does not.
    `clean` is called when there was an end of that kind, and nothing is left.
    Raises `ProviderError` for what can't be had, and names what can't be given back.
    """
    begun: list[Renter] = []
    arrived = False
    try:
        things: list[Thing] = []
        for renter, quote in quotes:
            begun.append(renter)
            things += renter.create(mark, quote)
        arrived = True
        return then(things)
    except BaseException as error:
        if keep and arrived:
            for renter in begun:
                tell(f"Lease {mark.lease} is kept, and paid for, until {renter.again(mark.lease)}")
            raise
        for renter in begun:
            tell(
                f"Lease {mark.lease} at {renter.provider.name} is being destroyed. If that does "
                f"not come to its end: {renter.again(mark.lease)} (or, when its time is over: "
                "syncmodel machines sweep)"
            )
        left = [text for renter in begun if (text := renter.given_back(mark.lease))]
        if left and isinstance(error, Exception):
            raise ProviderError(" ".join([_sentence(error), *left])) from error
        for text in left:
            tell(text)
        if not left:
            clean()
        raise


@mutable(eq=False)
class Renter:
    """One provider, and patience with it. `tell` gets a line when patience takes seconds."""

    provider: Provider
    patience: Patience = field(factory=Patience)
    tell: Callable[[str], object] = lambda _: None
    _calls: Calls = field(init=False)
    #: Whether it ever did: who named its host made no mistake then.
    _answered: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self._calls = Calls(self.patience.call_s)

    # --- what people ask for ------------------------------------------------------------------

    def quote(self, wanted: Sequence[Wanted], ttl_s: int) -> Quote:
        """The price, and whether there is all that is asked for. Raises `UsageError`."""
        sizes = [*dict.fromkeys(size for one in wanted for size in one.sizes)]
        places = [*dict.fromkeys(place for one in wanted for place in one.places)]
        prices = self._ask(lambda: self.provider.prices(sizes, places))
        lines = tuple(priced(self.provider.name, one, prices) for one in wanted)
        images = {
            (line.wanted.image, place): line.wanted for line in lines for _, place in line.choices
        }
        for (_, place), one in images.items():
            self._ask(partial(self.provider.check, one, place))
        return Quote(lines, hours(ttl_s))

    def find(self, lease: str | None = None) -> list[Thing]:
        """All that is marked as ours, or as this lease's."""
        return self._ask(lambda: self.provider.things(lease))

    def destroy(self, lease: str) -> list[Thing]:
        """Give all of this lease back: what there was. Raises `ProviderError`, naming the rest."""
        if not self._calls.any_open:
            return self._emptied(lease)
        # What is known goes first; what a request that was given up may yet have made, then.
        with suppress(ProviderError):
            self._emptied(lease)
        quiet = self._calls.settled(self.patience.late_s)
        gone = self._emptied(lease)
        if not quiet:
            raise ProviderError(
                f"A request of lease {lease} to {self.provider.name} has no answer yet, so what it "
                f"asked for may come to be, and be paid for. Later: {self.again(lease)}"
            )
        return gone

    def _emptied(self, lease: str) -> list[Thing]:
        """Remove what there is, and look, and so on with a bound."""
        gone: dict[str, Thing] = {}
        left: list[Thing] = []
        why = ""
        for tries in range(self.patience.rounds + 1):
            try:
                left = self.find(lease)
            except (ProviderError, UsageError) as error:
                known = ", ".join(map(str, left or gone.values()))
                raise ProviderError(
                    f"What is left of lease {lease} can't be known ({str(error).rstrip('.')}), so "
                    f"it may be still there, and paid for{f': {known}' if known else ''}. Later: "
                    f"{self.again(lease)}"
                ) from error
            gone |= {f"{one.kind} {one.id}": one for one in left}
            if not left or tries == self.patience.rounds:
                break
            if tries:
                self._rest(tries)
            why = self._remove(left) or why
        if left:
            raise ProviderError(
                f"Still there, and paid for: {', '.join(map(str, left))} of lease {lease} at "
                f"{self.provider.name}{f' ({why})' if why else ''}. Later: {self.again(lease)}"
            )
        return [*gone.values()]

    def given_back(self, lease: str) -> str:
        """Destroy it; what there is to say if that did not come to its end."""
        try:
            self.destroy(lease)
        except ProviderError as error:
            return str(error)
        return ""

    def sweep(self, now_s: float) -> tuple[list[str], list[Thing]]:
        """Destroy every lease that is over, whoever left it; also what has a mark without a time,
        which is left alone. Raises `ProviderError` after all were tried."""
        found = self.find()
        ends: dict[str, list[int]] = {}
        for one in found:
            if one.expires is not None:
                ends.setdefault(one.lease, []).append(one.expires)
        over = sorted(lease for lease, times in ends.items() if max(times) < now_s)
        troubles = []
        for lease in over:
            try:
                self.destroy(lease)
            except ProviderError as error:
                troubles.append(str(error))
        if troubles:
            raise ProviderError("\n".join(troubles))
        return over, [one for one in found if one.lease not in ends]

    def again(self, lease: str) -> str:
        """The command that destroys what is left."""
        return f"syncmodel machines destroy {lease} --provider {self.provider.name}"

    # --- how it is done -----------------------------------------------------------------------

    def create(self, mark: Mark, quote: Quote) -> list[Thing]:
        """These machines, running, in order; `rent` gives back what is left if it raises."""
        shared = self._ask(lambda: self.provider.share(mark, quote.lines[0].wanted))
        made = [self._make(mark, line, line.choices, shared) for line in quote.lines]
        running = [
            self._running(mark, line, thing, shared)
            for thing, line in zip(made, quote.lines, strict=True)
        ]
        return self._arrived(mark, running)

    def _running(self, mark: Mark, line: Line, made: Thing, shared: Any) -> Thing:
        """The machine when it runs; another, if only starting it shows that there is no room."""
        while True:
            started = self._ask(partial(self.provider.start, made, line.wanted))
            try:
                self._done(started, f"{made} does not come up")
            except NoRoomError as error:
                self._remove([made])
                tried = line.choices.index((made.size, made.place)) + 1
                made = self._make(mark, line, line.choices[tried:], shared, str(error))
            else:
                return made

    def _make(
        self,
        mark: Mark,
        line: Line,
        choices: Sequence[tuple[str, str]],
        shared: Any,
        last: str = "",
    ) -> Thing:
        """One machine, at the first of these places that has room."""
        name = mark.named(line.wanted.node)
        for size, place in choices:
            for tries in range(self.patience.tries):
                try:
                    return self._do(
                        partial(self.provider.make, mark, line.wanted, size, place, shared)
                    )
                except NoRoomError as error:
                    last = str(error)
                    break
                except BusyError as error:
                    last = str(error)
                    self._again(tries, error)
                except (LostError, TakenError) as error:
                    last = str(error)
                    # Two of one name would be paid for: never ask again without a look.
                    self._calls.settled(self.patience.late_s)
                    self._again(tries, error)
                    if (found := self._named(mark, name)) is not None:
                        return found
            else:
                raise ProviderError(
                    f"{self.provider.name} did not make {name}, asked {self.patience.tries} times: "
                    f"{last}."
                )
        tried = ", ".join(f"{size} at {place}" for size, place in line.choices)
        raise ProviderError(
            f"{self.provider.name} has no room for {name} at the moment, tried {tried}: {last}. "
            "Name other sizes or places, or try later."
        )

    def _named(self, mark: Mark, name: str) -> Thing | None:
        found = (one for one in self.find(mark.lease) if one.kind == SERVER and one.name == name)
        return next(found, None)

    def _arrived(self, mark: Mark, made: Sequence[Thing]) -> list[Thing]:
        """The machines as they are now, with their addresses; without any that is there twice."""
        wanted = {one.id for one in made}
        for polls in range(self.patience.polls):
            there = {one.id: one for one in self.find(mark.lease) if one.kind == SERVER}
            spare = [one for id_, one in there.items() if id_ not in wanted]
            if spare:
                self._remove(spare)
            elif all(one.id in there and there[one.id].address for one in made):
                return [there[one.id] for one in made]
            self._poll_later(polls)
        raise ProviderError(f"{', '.join(map(str, made))} got no address within the limit.")

    def _remove(self, things: Sequence[Thing]) -> str:
        """Try to remove them, kind by kind: what needs another is removed before it."""
        why = ""
        for kind in dict.fromkeys(one.kind for one in things):
            begun: list[tuple[Thing, Pending]] = []
            for one in things:
                if one.kind != kind:
                    continue
                try:
                    begun.append((one, self._ask(partial(self.provider.remove, one), GoneError)))
                except GoneError:
                    pass
                except ProviderError as error:
                    why = str(error).rstrip(".")
            for one, pending in begun:
                try:
                    self._done(pending, f"{one} does not go away", gone_is_good=True)
                except ProviderError as error:
                    why = str(error).rstrip(".")
        return why

    def _done(self, pending: Pending, otherwise: str, *, gone_is_good: bool = False) -> None:
        """Poll until it is done. Raises `ProviderError` if it can't be, or at the limit; and
        `NoRoomError`."""
        for polls in range(self.patience.polls):
            try:
                if self._ask(pending, FailedError, GoneError, NoRoomError):
                    return
            except FailedError as error:
                raise ProviderError(f"{otherwise}: {error}.") from error
            except GoneError as error:
                if gone_is_good:
                    return
                raise ProviderError(f"{otherwise}: it is gone.") from error
            self._poll_later(polls)
        raise ProviderError(f"{otherwise} within the limit.")

    def _ask(self, call: Callable[[], T], *but: type[TroubleError]) -> T:
        """What may be asked any number of times: asked again, with a bound. Raises `ProviderError`,
        but for these."""
        last = ""
        for tries in range(self.patience.tries):
            try:
                return self._do(call)
            except (BusyError, LostError, TakenError) as error:
                last = str(error)
                if tries + 1 < self.patience.tries:
                    self._again(tries, error)
            except but:
                raise
            except TroubleError as error:
                raise ProviderError(f"{self.provider.name} said: {error}.") from error
        raise ProviderError(
            f"{self.provider.name} gave no answer, asked {self.patience.tries} times: {last}."
        )

    def _do(self, call: Callable[[], T]) -> T:
        """One attempt; what its client raises is translated, and no secret is in it. Raises
        `UsageError` for a host that nobody knows, unless it answered before."""
        try:
            done = self._calls.do(call)
        except (TroubleError, UsageError, ProviderError):
            raise
        except Exception as error:  # noqa: BLE001 (whatever its client raises is translated)
            meant = self.provider.meant(error)
            said = self._hidden(str(meant))
            if isinstance(meant, StrangeHostError) and not self._answered:
                raise UsageError(said) from None
            raise type(meant)(said) from None
        self._answered = True
        return done

    def _hidden(self, text: str) -> str:
        for secret in filter(None, self.provider.secrets):
            text = text.replace(secret, "(hidden)")
        return text

    def _again(self, tries: int, error: TroubleError) -> None:
        """Rest before it is asked once more; once that takes seconds, say so."""
        if tries + 1 == TOLD:
            what = "does not answer" if isinstance(error, LostError) else "can't do it now"
            self.tell(
                f"{self.provider.name} {what} ({str(error).rstrip('.')}), asked {TOLD} times of "
                f"{self.patience.tries}."
            )
        self._rest(tries)

    def _rest(self, tries: int) -> None:
        time.sleep(self.patience.pace(tries))

    def _poll_later(self, polls: int) -> None:
        time.sleep(self.patience.poll(min(polls, 20)))


def _sentence(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return text if text.endswith(".") else f"{text}."
