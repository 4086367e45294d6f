"""A failure in plain words: numbered steps, what was expected, and what each node showed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from syncmodel.corpus import Confirmed, Reproduction
from syncmodel.engine.script import length
from syncmodel.errors import printable
from syncmodel.model.divergence import Divergence
from syncmodel.model.schema import Schema
from syncmodel.model.view import View
from syncmodel.report.again import again
from syncmodel.steps.base import Step
from syncmodel.steps.compound import Burst, Concurrently
from syncmodel.steps.deployment import Deployment

if TYPE_CHECKING:
    from syncmodel.campaign.triage import Finding
    from syncmodel.shrink.minimize import Effort
    from syncmodel.shrink.sharpen import Sharpened


#: In the place of steps, where none was needed.
NO_STEPS = "  Shown before any step."
#: Above the tables, where an answer is wrong: they are what it is judged by.
BEFORE = "At the rest before that answer the nodes showed, as they may:"


class End(Protocol):
    """The end of a run, as a counterexample, a result and the history have it."""

    @property
    def divergences(self) -> tuple[Divergence, ...]:
        """What differed."""

    @property
    def reason(self) -> str:
        """What else ended it."""

    @property
    def views(self) -> Mapping[str, View | None] | None:
        """What each node showed at the last rest."""


def story(reproduction: Reproduction, ended: End | None = None) -> str:
    """The run as a short text of several lines; with `ended`, also what was seen at its end.

    Each line is printable, whatever the file or a node has in it.
    """
    schema = reproduction.schema
    lines = [reproduction.title, "", _nodes(reproduction.nodes, schema)]
    lines += _steps(reproduction.steps, schema)
    if not reproduction.steps and reproduction.expected.divergence is not None:
        lines.append(NO_STEPS)
    if ended is not None:
        lines += ["", *_ending(ended)]
    return "\n".join(map(printable, lines))


def found_story(found: Finding) -> str:
    """A new failure: its story, how reliably it fails, and where it was saved."""
    lines = [story(found.reproduction, found.counterexample), ""]
    lines.append(_sureness(found.reproduction.confirmed))
    if found.effort is not None:
        lines.append(_effort(found.length_before, found.counterexample.length, found.effort))
    if found.echo is not None:
        lines.append(str(found.echo))
    if found.sharpened is not None:
        lines.append(_further(found.sharpened))
    if found.otherwise is not None:
        lines += _otherwise(found.otherwise, found.otherwise_file)
    if found.unsaved:
        lines.append(found.unsaved)
    if found.file is not None:
        lines.append(f"Saved {'before, longer, ' if found.unsaved else ''}as {found.file}")
        lines.append(f"See it again: {again(found.reproduction, found.file)}")
    return "\n".join(lines)


def _nodes(nodes: Mapping[str, int], schema: Schema) -> str:
    names = sorted(nodes, key=lambda name: (len(name), name))
    generations = sorted(set(nodes.values()))
    if len(schema.generations) == 1:
        return f"Nodes {', '.join(names)}:"
    if len(generations) == 1:
        return f"Nodes {', '.join(names)}, all in {_generation(generations[0], schema)}:"
    parts = [
        f"{', '.join(n for n in names if nodes[n] == generation)} in "
        f"{_generation(generation, schema)}"
        for generation in generations
    ]
    return f"Nodes {'; '.join(parts)}:"


def _generation(number: int, schema: Schema) -> str:
    return f"generation {number} ({schema.generations[number - 1].role})"


def _steps(steps: tuple[Step, ...], schema: Schema) -> Iterator[str]:
    width = len(str(len(steps)))
    for number, step in enumerate(steps, 1):
        yield f"  {number:>{width}}. {words(step, schema)}"
        yield from _parts(step, schema, f"  {'':{width}}    ")


def _parts(step: Step, schema: Schema, indent: str) -> Iterator[str]:
    """The steps inside of a step, and those inside of them, each deeper."""
    for part in step.steps if isinstance(step, Burst | Concurrently) else ():
        yield f"{indent}- {words(part, schema)}"
        yield from _parts(part, schema, f"{indent}    ")


def words(step: Step, schema: Schema) -> str:
    """What a step does; what is inside of it stands below."""
    match step:
        case Burst():
            return "in a burst, without coming to rest in between:"
        case Concurrently():
            return "at the same time:"
        case Deployment(generation=generation):
            return f"{step} ({schema.generations[generation - 1].role})"
        case _:
            return str(step)


def _ending(ended: End) -> Iterator[str]:
    for divergence in ended.divergences:
        where = f"{divergence.row} on {divergence.node}" if divergence.row else divergence.node
        yield f"{divergence.kind.value.capitalize()}: {where}"
        yield f"  expected: {divergence.expected}"
        yield f"  shown:    {divergence.shown}"
    answers = dict.fromkeys(answer for each in ended.divergences for answer in each.answers)
    if answers:
        yield "What was answered:"
        yield from (f"  {answer}" for answer in answers)
    if ended.reason:
        yield ended.reason
    if ended.views:
        yield BEFORE if answers else "What each node showed at the last rest:"
        width = max(map(len, ended.views))
        yield from (f"  {node:<{width}}  {shown(view)}" for node, view in ended.views.items())


def shown(view: View | None) -> str:
    """One node's rows on one line."""
    if view is None:
        return "no plugin, so no rows"
    return ", ".join(f"{row} ({value})" for row, value in view.rows) or "no rows"


def _sureness(confirmed: Confirmed) -> str:
    if not confirmed.runs:
        return "It was not run again: the search was interrupted, or each run takes minutes."
    if not confirmed.failed:
        return (
            f"It did not come back in {plural(confirmed.runs, 'run')}: perhaps it takes luck, or "
            "what earlier sequences left on the nodes."
        )
    often = "always" if confirmed.always else "sometimes"
    return f"Run again, it failed {often} ({confirmed.failed} of {plural(confirmed.runs, 'run')})."


def _effort(before: int, after: int, effort: Effort) -> str:
    if not before:
        text = "There is nothing to shorten"
    elif after == before:
        text = f"Not shortened: {plural(after, 'step')}"
    else:
        text = f"Shortened from {before} to {plural(after, 'step')}"
    runs, steps = plural(effort.executions, "run"), plural(effort.steps, "step")
    text += f" in {runs} ({steps} performed)"
    if effort.exhausted:
        text += "; the budget ended first, so a shorter one may exist"
    return text + "."


def _further(found: Sharpened) -> str:
    """The outcome of the search on the simulator, and whether there is nothing shorter."""
    text = f"Searched further on the simulator ({plural(found.runs, 'run')}): "
    length = found.best.length
    whole = [one for one in found.searched if not one.some and one.length >= length - 1]
    if found.none_shorter:
        nodes = max((one.nodes for one in whole), default=1)
        states = sum(one.states for one in whole)
        rows = ", or ".join(dict.fromkeys(one.rows for one in whole)) or "these rows"
        where = f"on up to {plural(nodes, 'node')}" if nodes > 1 else "on one node"
        where += " that begin alike" if any(one.begin_alike for one in whole) else ""
        how = "" if found.best.network is None else " with messages in order"
        told = f"with {rows} {where} fails like this{how}"
        return f"{text}no shorter run {told} ({states:,} situations)."
    if found.unconfirmed is not None and found.unconfirmed < length:
        return f"{text}one of {plural(found.unconfirmed, 'step')} fails there, but not here."
    return f"{text}none that was tried is shorter; of all runs, some may be."


def _otherwise(other: Reproduction, file: Path | None) -> Iterator[str]:
    """A shorter run of the same nodes, which shows something else."""
    steps = plural(length(other.steps), "step")
    title = printable(other.title)
    yield f"The same nodes fail in {steps} already, though in another way: {title}"
    yield from map(printable, _steps(other.steps, other.schema))
    if file is not None:
        yield f"  Saved as {file}"


def plural(count: int, what: str) -> str:
    """The count and the noun, in words."""
    return f"{count:,} {what}{'s' * (count != 1)}"
