"""Where a walk stands, in lines of plain text: the tables, and what each node must and may know.

Marks say what a colour would: `*` is new since the stop before, `!` is what differed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from attrs import frozen

from syncmodel.engine.history import Verdict
from syncmodel.engine.walk import Stop
from syncmodel.errors import printable_line
from syncmodel.model.belief import Belief
from syncmodel.model.outcome import Outcome
from syncmodel.model.registers import shown as by_register
from syncmodel.model.values import Row, Value, Version
from syncmodel.model.view import View
from syncmodel.steps.base import Step, told
from syncmodel.steps.compound import Burst, Concurrently
from syncmodel.targets.inside import Moment

#: The marks of a line, and what they say.
NEW, WRONG, PLAIN, HEAD, FAINT = "*", "!", " ", "#", "-"
#: With more rows than this only those are told of which something is new.
FEW = 8
#: A list of versions that is longer is cut.
VERSIONS_SHOWN = 12
#: An answer that took less was no answer of a server.
LEAST_S = 0.002

Views = Mapping[str, View | None]


@frozen
class Line:
    """One line, and its mark."""

    text: str
    mark: str = PLAIN


def plainly(lines: Iterable[Line]) -> str:
    """The lines as a pipe gets them."""
    return "\n".join(
        f"{line.mark if line.mark in (NEW, WRONG) else ' '} {line.text}".rstrip() for line in lines
    )


def told_stop(
    stop: Stop, before: Stop | None, count: int, *, whole: bool = False
) -> Iterator[Line]:
    """All there is to see of a stop, of `count` steps; `before` is the one before it.

    `whole`: also those rows of which nothing is new, however many there are.
    """
    yield Line(heading(stop, count), HEAD)
    yield from _answers(stop)
    yield from _rest(stop)
    yield from _net(stop.belief)
    yield from _rows(stop, before, whole=whole)
    yield from _end(stop)


def heading(stop: Stop, count: int) -> str:
    """Which step this is, in words."""
    if stop.step is None:
        return f"Before the first of {count} steps" if count else "There are no steps"
    return printable_line(f"Step {stop.number} of {count}: {short(stop.step)}")


def short(step: Step) -> str:
    """A step on one line, without those that are inside of it."""
    match step:
        case Burst(steps):
            return f"a burst of {len(steps)} steps, without coming to rest in between"
        case Concurrently(steps):
            return f"{len(steps)} steps at the same time"
        case _:
            return str(step)


def told_moment(
    moment: Moment, before: Views, number: int, count: int, *, whole: bool = True
) -> Iterator[Line]:
    """What every node showed after one of the `count` things that happened in a step.

    Without `whole` only those that show something else than `before`.
    """
    way = f" ({moment.under_way} under way then)" if moment.under_way else ""
    yield Line(printable_line(f"{number} of {count}: {moment.words}{way}"), HEAD)
    for node, view in moment.views.items():
        new = node in before and _rows_of(before[node]) != _rows_of(view)
        if new or whole:
            yield Line(printable_line(f"{node}  {_shown(view)}"), NEW if new else PLAIN)


def _rows_of(view: View | None) -> object:
    return None if view is None else view.rows


def _shown(view: View | None) -> str:
    if view is None:
        return "no plugin, so no rows"
    return ", ".join(f"{row} ({value})" for row, value in view.rows) or "no rows"


# --- what was asked and answered -----------------------------------------------------------------


def _answers(stop: Stop) -> Iterator[Line]:
    if stop.step is None:
        return
    if stop.outcome is None:
        yield Line("  it had no outcome")
        return
    if not isinstance(stop.step, Burst | Concurrently):
        answer = told(stop.step, stop.outcome).removeprefix(f"{stop.step}: ")
        yield Line(printable_line(f"  answered: {answer}"))
        return
    for depth, step, outcome in _parts(stop.step, stop.outcome):
        words = short(step) if isinstance(step, Burst | Concurrently) else told(step, outcome)
        if depth:
            yield Line(printable_line(f"{'  ' * (depth + 1)}{words}"))


def _parts(step: Step, outcome: Outcome, depth: int = 0) -> Iterator[tuple[int, Step, Outcome]]:
    yield depth, step, outcome
    if isinstance(step, Burst | Concurrently):
        for inner, part in zip(step.steps, outcome.parts, strict=False):
            yield from _parts(inner, part, depth + 1)


def _rest(stop: Stop) -> Iterator[Line]:
    took = f", {stop.seconds * 1000:.0f} ms for the answer" if stop.seconds >= LEAST_S else ""
    if not stop.rested:
        yield Line(f"  no rest was seen after it{took}: the tables are those of the rest before")
    else:
        yield Line(f"  at rest{f' ({stop.how})' if stop.how else ''}{took}", FAINT)


def _net(belief: Belief) -> Iterator[Line]:
    net = belief.net
    parts = []
    if net.cut:
        parts.append("cut: " + ", ".join(f"{a} to {b}" for a, b in sorted(net.cut)))
    if net.down:
        parts.append("down: " + ", ".join(sorted(net.down)))
    if set(net.running.values()) != {net.schema.usual}:
        groups = dict[int, list[str]]()
        for node in net.nodes:
            groups.setdefault(net.running[node], []).append(node)
        told = (f"{', '.join(names)} in {number}" for number, names in sorted(groups.items()))
        parts.append(f"generations: {'; '.join(told)}")
    if parts:
        yield Line(f"  {'; '.join(parts)}", FAINT)


# --- the rows ------------------------------------------------------------------------------------


def _rows(stop: Stop, before: Stop | None, *, whole: bool) -> Iterator[Line]:
    shown, earlier = _registers(stop), {} if before is None else _registers(before)
    rows = sorted({*stop.belief.rows}.union(*(each for each in shown.values() if each)))
    wrong = {divergence.row for divergence in stop.divergences}
    told = rows
    if len(rows) > FEW and not whole:
        told = [row for row in rows if row in wrong or _is_new(row, stop, before, shown, earlier)]
    for row in told:
        yield Line("")
        yield from _row(row, stop, shown, earlier, first=before is None)
    if len(told) < len(rows):
        yield Line("")
        yield Line(f"{len(rows) - len(told)} rows more, of which nothing is new", FAINT)


def _registers(stop: Stop) -> dict[str, Mapping[Row, Value] | None]:
    """What each node shows of each register; None without the plugin."""
    belief = stop.belief
    return {
        node: None if view is None else by_register(belief.net.schema, belief.guarantees, view)
        for node, view in stop.views.items()
    }


Registers = Mapping[str, Mapping[Row, Value] | None]


def _is_new(
    row: Row, stop: Stop, before: Stop | None, shown: Registers, earlier: Registers
) -> bool:
    if before is None or stop.belief.row(row) != before.belief.row(row):
        return True
    return any(
        (values or {}).get(row) != (earlier.get(node) or {}).get(row)
        for node, values in shown.items()
    )


def _row(
    row: Row, stop: Stop, shown: Registers, earlier: Registers, *, first: bool
) -> Iterator[Line]:
    """One row: its versions, and for each node what it shows, must know, and may know."""
    belief = stop.belief
    known = belief.row(row)
    yield Line(printable_line(str(row)), HEAD)
    for number, version in enumerate(known.versions, 1):
        if number > VERSIONS_SHOWN and number <= len(known.versions) - 2:
            continue
        yield Line(printable_line(f"  v{number}  {_version(version)}"), FAINT)
    cells = [("", "node", "shows", "must know", "may know too", "may show")]
    marks = [FAINT]
    wrong = {each.node for each in stop.divergences if each.row == row}
    for node in belief.net.nodes:
        values = shown.get(node)
        sight = _sight(node, row, stop, values)
        must, may = known.known_by(node), known.perhaps_known_by(node)
        cells.append(
            (
                "",
                node,
                sight,
                ", ".join(_named(sorted(must))) or "-",
                ", ".join(_named(sorted(may - must))) or "-",
                _allowed(belief, node, row),
            )
        )
        new = not first and (earlier.get(node) or {}).get(row) != (values or {}).get(row)
        marks.append(WRONG if node in wrong else NEW if new else PLAIN)
    for text, mark in zip(_columns(cells), marks, strict=True):
        yield Line(printable_line(text), mark)


def _allowed(belief: Belief, node: str, row: Row) -> str:
    """What the node may show of the row."""
    if not belief.net.carries(node):
        return "-"
    known, allowed = belief.row(row), belief.may_show(node, row)
    words = [*_named(known.present(allowed))]
    gone = ", ".join(_named(known.tombstones(allowed)))
    if gone or belief.may_lack(node, row):
        words.append(f"nothing{gone and f' ({gone})'}")
    return " or ".join(words) or "-"


def _version(version: Version) -> str:
    sure = "" if version.sure else " (nobody knows whether it was taken)"
    return f"by {version.node}: {version.value}{sure}"


def _sight(node: str, row: Row, stop: Stop, values: Mapping[Row, Value] | None) -> str:
    if node in stop.belief.net.down:
        return "(down)"
    if values is None:
        return "(no plugin)" if node in stop.views else "(not looked at)"
    value = values.get(row)
    if value is not None:
        return str(value)
    bound = stop.belief.bound_to(row)
    return "nothing" if bound <= values.keys() else "nothing: what it refers to does not show"


def _named(versions: Sequence[int]) -> Iterator[str]:
    """Versions as v1, v2 and so on; neighbours together."""
    for _, group in groupby(enumerate(versions), lambda pair: pair[1] - pair[0]):
        run = [number + 1 for _, number in group]
        yield f"v{run[0]}" if len(run) == 1 else f"v{run[0]}-v{run[-1]}"


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The cells below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(
            f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)
        ).rstrip()


# --- the end -------------------------------------------------------------------------------------


def _end(stop: Stop) -> Iterator[Line]:
    result = stop.result
    if result is None:
        return
    yield Line("")
    for divergence in result.divergences:
        where = f"{divergence.row} on {divergence.node}" if divergence.row else divergence.node
        yield Line(printable_line(f"{divergence.kind.value.capitalize()}: {where}"), WRONG)
        yield Line(printable_line(f"  expected: {divergence.expected}"), WRONG)
        yield Line(printable_line(f"  shown:    {divergence.shown}"), WRONG)
    for answer in dict.fromkeys(a for each in result.divergences for a in each.answers):
        yield Line(printable_line(f"  answered: {answer}"), WRONG)
    if result.reason:
        yield Line(printable_line(f"{result.verdict.value.capitalize()}: {result.reason}"), WRONG)
    if result.verdict is Verdict.PASS:
        yield Line("The run passed.", HEAD)
