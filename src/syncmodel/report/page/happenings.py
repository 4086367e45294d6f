"""What happened in each step, message by message, as a page has it."""

from __future__ import annotations

from typing import Any

from syncmodel.errors import printable_line
from syncmodel.report.page.moments import SeenRun
from syncmodel.targets.inside import Moment

#: So many happenings has a page at most, of the last steps: each takes about a hundred bytes.
MOST = 4_000
#: What a message says is cut here; `syncmodel replay --step` shows all of it.
CHARACTERS = 160


def happenings(run: SeenRun) -> list[list[Any] | None]:
    """For each moment of the run: [words, from, to, what, sent] of each thing that happened.

    Nodes are numbers, -1 where nothing travelled. `sent` is how many happenings before the first
    one of the moment (then below 0) or after it the message was sent. None: not known, or too many.
    """
    place = {node: number for number, node in enumerate(run.net.nodes)}
    left, found = MOST, list[list[Any] | None]()
    for moment in reversed(run.moments):
        there = run.happened.get(moment.index)
        left -= len(there or ())
        if there is None or left < 0:
            found.append(None)
            continue
        first = there[0].number if there else 0
        found.append([_one(one, first, place) for one in there])
    return found[::-1]


def _one(moment: Moment, first: int, place: dict[str, int]) -> list[Any]:
    words, message = printable_line(moment.words), moment.message
    if len(words) > CHARACTERS:
        words = f"{words[:CHARACTERS]}..."
    if message is None or message.sender not in place or message.receiver not in place:
        return [words, -1, -1, "", 0]
    ends = (place[message.sender], place[message.receiver])
    return [words, *ends, message.carried.value, message.sent - first]
