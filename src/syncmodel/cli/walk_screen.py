"""The screen of `syncmodel replay --step`: the steps, and beside them where the walk stands.

It runs on the event loop that the target's connections are on. Nothing here knows a table or a
target: what is shown are the lines of `report.stop`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, ScrollableContainer
from textual.widgets import Footer, OptionList, Static
from textual.widgets.option_list import Option

from syncmodel.cli.walk import reaching
from syncmodel.engine.walk import Stop, Walk
from syncmodel.errors import printable_line
from syncmodel.report.stop import (
    FAINT,
    HEAD,
    NEW,
    WRONG,
    Line,
    heading,
    short,
    told_moment,
    told_stop,
)

#: How each mark looks; the mark stays beside it, for those who see no colours.
STYLES = {HEAD: "bold", FAINT: "dim", NEW: "bold green", WRONG: "bold red"}
#: So many messages are listed before and after the one that is shown.
AROUND = 6
NOWHERE = "These nodes can't be reached from outside: they are values of this process."


#: Keys that move what is shown, by so many columns and screens.
SCROLLS = {"left": (-10, 0), "right": (10, 0), "pageup": (0, -1), "pagedown": (0, 1)}


class Screen(App[None]):
    """The run, and the keys to walk through it."""

    CSS = """
    #steps { width: 36%; min-width: 24; height: 1fr; border: none; }
    #seen { width: 1fr; height: 1fr; padding: 0 1; }
    #lines { width: auto; }
    #where { height: 1; background: $panel; }
    """
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n,space", "forward", "next step", priority=True),
        Binding("p,backspace", "before", "back"),
        Binding("m", "message(1)", "next message"),
        Binding("b", "message(-1)", "message before"),
        Binding("e", "end", "to the end"),
        Binding("s", "start", "to the start"),
        Binding("a", "rows", "all rows"),
        Binding("r", "reach", "reach the nodes"),
        Binding("q", "leave", "quit"),
        *(Binding(key, f"scroll('{key}')", show=False, priority=True) for key in SCROLLS),
        Binding("ctrl+c,ctrl+q", "interrupt", show=False, priority=True),
    ]

    def __init__(self, walk: Walk, start: int, title: str) -> None:
        """`start` is the step after which it begins."""
        super().__init__()
        self._walk, self._start = walk, start
        self.title = printable_line(title)
        self._message = 0
        self._whole = self._interrupted = self._reaching = False
        self._moves = asyncio.Queue[Callable[[], Awaitable[None]]]()
        self._error: BaseException | None = None

    async def shown(self) -> None:
        """Until it is left. Raises what the walk raised, and `KeyboardInterrupt` for Ctrl-C."""
        await self.run_async()
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            # By a signal: the library takes that for an end like any other.
            raise asyncio.CancelledError
        self.raise_for()

    def raise_for(self) -> None:
        """Raise what the walk raised, and `KeyboardInterrupt` for Ctrl-C."""
        if self._error is not None:
            raise self._error
        if self._interrupted:
            raise KeyboardInterrupt

    async def idle(self) -> None:
        """Until every move so far is made and shown."""
        await self._moves.join()

    def compose(self) -> ComposeResult:
        yield Static(Text(self.title, no_wrap=True), id="where")
        with Horizontal():
            yield OptionList(*(Option(self._entry(n)) for n in self._numbers), id="steps")
            with ScrollableContainer(id="seen"):
                yield Static(id="lines")
        yield Footer()

    def on_mount(self) -> None:
        self._next(self._first)
        self.run_worker(self._walking(), exit_on_error=False)

    @property
    def _numbers(self) -> range:
        return range(len(self._walk.steps) + 1)

    def _entry(self, number: int) -> Text:
        """A step in the list; those that were performed have a mark."""
        walk = self._walk
        done = number < len(walk.stops)
        wrong = done and bool(walk.stops[number].divergences)
        words = "the beginning" if not number else short(walk.steps[number - 1])
        mark = WRONG if wrong else "." if done else " "
        style = STYLES[WRONG] if wrong else "" if done else STYLES[FAINT]
        return Text(printable_line(f"{mark} {number:>3}  {words}"), style=style)

    # --- the keys ------------------------------------------------------------------------------

    def action_forward(self) -> None:
        """The step after this one."""
        self._next(lambda: self._to(self._here + 1))

    def action_before(self) -> None:
        """The step before this one, or out of the messages."""
        self._next(self._back)

    def action_end(self) -> None:
        """The last step, or the one that decided the run."""
        self._next(lambda: self._to(len(self._walk.steps)))

    def action_start(self) -> None:
        """Before the first step."""
        self._next(lambda: self._to(0))

    def action_message(self, by: int) -> None:
        """One message on, or back; the rest after a step is behind the last of its messages."""
        self._next(lambda: self._by_message(by))

    def action_rows(self) -> None:
        """All rows, or only those of which something is new."""
        self._next(self._flip_rows)

    def action_reach(self) -> None:
        """How to reach the nodes, and back."""
        self._next(self._flip_reaching)

    def action_scroll(self, key: str) -> None:
        """See what is beside, above or below."""
        seen, (columns, screens) = self.query_one("#seen", ScrollableContainer), SCROLLS[key]
        seen.scroll_relative(columns, screens * seen.size.height, animate=False)

    def action_leave(self) -> None:
        """Leave the screen."""
        self.exit()

    def action_interrupt(self) -> None:
        """Leave, as Ctrl-C does everywhere."""
        self._interrupted = True
        self.exit()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A step was chosen from the list."""
        number = event.option_index
        self._next(lambda: self._to(number))

    # --- the walk ------------------------------------------------------------------------------

    @property
    def _here(self) -> int:
        return 0 if self._walk.last is None else self._walk.last.number

    def _next(self, move: Callable[[], Awaitable[None]]) -> None:
        """Perform this move once those before it are done; the keys stay alive meanwhile."""
        self._moves.put_nowait(move)

    async def _walking(self) -> None:
        """One move after the other, until the screen is left. What one raises is raised there."""
        try:
            while True:
                move = await self._moves.get()
                await move()
                self._draw()
                self._moves.task_done()
        except Exception as error:  # noqa: BLE001 (raised again, once the screen is gone)
            self._error = error
            self._moves.task_done()
            self.exit()

    async def _first(self) -> None:
        """See what the file says, if that takes luck; then back to where it begins."""
        if self._walk.takes_luck:
            self._tell("looking for a network on which it shows ...")
            await self._walk.seek(len(self._walk.steps))
        await self._to(self._start)

    async def _to(self, number: int, *, message: int = 0) -> None:
        """After that step; `message`: at so many of its messages instead."""
        walk = self._walk
        self._reaching = False
        if 0 <= number <= len(walk.steps) and not (walk.is_over and number > self._here):
            self._tell(f"performing step {number} ..." if number else "making the nodes ready ...")
            stop = await walk.to(number)
            self._message = min(message, len(stop.moments))

    async def _back(self) -> None:
        if self._message or self._reaching:
            self._message, self._reaching = 0, False
        else:
            await self._to(self._here - 1)

    async def _flip_rows(self) -> None:
        self._whole = not self._whole

    async def _flip_reaching(self) -> None:
        self._reaching = not self._reaching

    async def _by_message(self, by: int) -> None:
        stop, at = self._walk.last, self._message
        count = 0 if stop is None else len(stop.moments)
        if by > 0 and not at:
            await self._to(self._here + 1, message=1)
        elif by < 0 and (at == 1 or not (at or count)):
            await self._to(self._here - 1)
        else:
            self._message, self._reaching = (at + by) % (count + 1), False

    # --- what is shown -------------------------------------------------------------------------

    def _tell(self, doing: str) -> None:
        self.query_one("#where", Static).update(
            Text(f"{doing}  |  {self.title}", no_wrap=True, overflow="ellipsis")
        )

    def _draw(self) -> None:
        """Everything anew: there is little of it."""
        stop, walk = self._walk.last, self._walk
        if stop is None:
            return
        before = walk.stops[stop.number - 1] if stop.number else None
        self.query_one("#lines", Static).update(styled(self._lines(stop, before)))
        self.query_one("#seen", ScrollableContainer).scroll_home(animate=False)
        steps = self.query_one("#steps", OptionList)
        for number in self._numbers:
            steps.replace_option_prompt_at_index(number, self._entry(number))
        steps.highlighted = stop.number
        self._tell(self._place(stop))

    def _lines(self, stop: Stop, before: Stop | None) -> Iterable[Line]:
        if self._reaching:
            ways = list(reaching(self._walk.target)) or [NOWHERE]
            return [Line(line) for line in ways]
        if self._message:
            shown = before.views if before else {}
            if self._message > 1:
                shown = stop.moments[self._message - 2].views
            moment, count = stop.moments[self._message - 1], len(stop.moments)
            head = [Line(heading(stop, len(self._walk.steps)), HEAD), *self._around(stop)]
            return [*head, Line(""), *told_moment(moment, shown, self._message, count)]
        return told_stop(stop, before, len(self._walk.steps), whole=self._whole)

    def _around(self, stop: Stop) -> Iterator[Line]:
        """The messages before and after this one."""
        first = max(0, self._message - 1 - AROUND)
        for number, moment in enumerate(stop.moments[first : self._message + AROUND], first + 1):
            here = number == self._message
            words = printable_line(f"{'>' if here else ' '} {number:>3}  {moment.words}")
            yield Line(words, HEAD if here else FAINT)

    def _place(self, stop: Stop) -> str:
        place = f"after step {stop.number} of {len(self._walk.steps)}"
        if self._message:
            place = f"message {self._message} of {len(stop.moments)} in step {stop.number}"
        if stop.result is not None:
            return f"{place}: {stop.result.verdict.value}"
        return place


def styled(lines: Iterable[Line]) -> Text:
    """The lines with their marks as colours; whatever is in them is shown as text."""
    text = Text(no_wrap=True)
    for line in lines:
        mark = line.mark if line.mark in (NEW, WRONG) else " "
        text.append(f"{mark} {line.text}\n", STYLES.get(line.mark, ""))
    return text
