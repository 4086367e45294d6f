"""What else bears on how a run ended, in sentences: for who knows nothing of the system."""

from __future__ import annotations

from collections.abc import Iterator

from syncmodel.engine.script import leaves as parts_of
from syncmodel.engine.tally import leaves
from syncmodel.model.divergence import Divergence
from syncmodel.model.net import Net
from syncmodel.model.outcome import Answer
from syncmodel.model.rows import RowBelief
from syncmodel.model.values import Row, Value
from syncmodel.model.view import View
from syncmodel.report.page.moments import Moment, SeenRun
from syncmodel.report.page.versions import Register
from syncmodel.report.story import words
from syncmodel.steps.base import Step, answered
from syncmodel.steps.data import Data
from syncmodel.steps.deployment import OTHERWISE, Deployment
from syncmodel.steps.plugins import Uninstall
from syncmodel.steps.reads import Read
from syncmodel.steps.restoring import Restore

#: How many steps a sentence names.
NAMED = 4
#: What an answer means that is no plain refusal.
CODES = {
    OTHERWISE: "The job ran other migrations than the preview before it had named.",
    "job_running was not said": "Another deployment was asked for meanwhile, and was not refused.",
    "unknown_job": "The node that had begun the job knows nothing of it any more.",
}


def ended_with(run: SeenRun) -> Iterator[str]:
    """What the last step was, and its answer: what a node is like follows from both."""
    last = run.last
    if last.step is not None and last.outcome is not None and not last.outcome.parts:
        what, said = _what(run, last.step), answered(last.outcome)
        yield f"Step {last.index} was: {what}. Its answer: {said}."
        code, _, about = str(last.outcome.code).partition(f"{OTHERWISE}: ")
        if about:
            yield f"The preview before it had said something else of this: {about}."
        if code in CODES:
            yield CODES[code]


def meanwhile(run: SeenRun) -> Iterator[str]:
    """Which steps did something to the network or to a node, and not to a row."""
    told = []
    for moment in run.moments:
        parts = [] if moment.step is None else [step for _, step in parts_of((moment.step,))]
        if any(not isinstance(step, Data | Read) for step in parts) or len(parts) > 1:
            told.append(f"{' and '.join(_what(run, step) for step in parts)} (step {moment.index})")
    if told:
        before = f"{len(told) - NAMED} more, then " if len(told) > NAMED else ""
        yield f"What may have to do with it: {before}{', '.join(told[-NAMED:])}."


def lost_again(run: SeenRun, node: str, since: int) -> Iterator[str]:
    """What made the node lose what it knew in step `since`: the last such step."""
    told = [
        f"{node} lost it in step {moment.index} ({_what(run, part)}), and must have it again from "
        f"one that knows it."
        for moment in run.moments
        if moment.index > since and moment.step is not None
        for _, part in parts_of((moment.step,))
        if _loses(run.last.net, node, part)
    ]
    yield from told[-1:]


def _loses(net: Net, node: str, step: Step) -> bool:
    match step:
        case Restore(on=on):
            return node in on
        case Uninstall(node=one, confirmed=confirmed):
            return confirmed and one == node and not net.keeps_log
        case Deployment(on=on, generation=generation):
            gone = net.schema.deployment.get(generation) is None
            return node in on and gone and not net.keeps_log
        case _:
            return False


def untrusted(run: SeenRun, found: Divergence, register: Register) -> Iterator[str]:
    """Whose later writes do not count there, as the node does not trust them."""
    net = run.last.net
    for one in register.versions[-NAMED:]:
        if (found.node, one.node) in net.distrusts:
            yield (
                f"{found.node} does not trust {one.node}: what {one.node} wrote in step "
                f"{one.step} does not count there."
            )


def nobody_wrote(run: SeenRun, name: Row) -> str:
    """That a row is nobody's, and which were written of its table."""
    others = sorted(
        {str(row.whole) for row in run.last.world.belief.rows if row.table == name.table}
    )
    there = f"; of {name.table} there were {', '.join(others[:NAMED])}" if others else ""
    return f"Nobody had written {name} in this run{there}."


def referred(run: SeenRun, found: Divergence, row: RowBelief) -> Iterator[str]:
    """That a row shows as long as those do that it refers to: here they do."""
    name = found.row
    assert name is not None
    values = [one.value for one in row.versions if isinstance(one.value, Value)]
    if name.column or not values or not run.net.schema.binding[name.table]:
        return
    for other in run.net.schema.bound_to(name, values[-1].cells):
        if _shows(run.last, found.node, other):
            yield (
                f"{name} refers to {other}: it is hidden as long as that is not there, and shows "
                f"again with it. {other} does show."
            )


def read_before(run: SeenRun, found: Divergence) -> Iterator[str]:
    """What the node answered to the read of that row before this one."""
    assert found.row is not None
    for moment in reversed(run.moments[:-1]):
        for view in _answers(moment, found.node, found.row):
            shown = ", ".join(str(value) for row, value in view.rows if row == found.row.whole)
            yield f"Its answer before, in step {moment.index}: {shown or 'nothing'}."
            return


def unanswered(register: Register, row: RowBelief) -> Iterator[str]:
    """The writes that nobody knows to be done: each can count once, or not at all."""
    for one in register.versions:
        if one.number < len(row.versions) and not row.versions[one.number].sure:
            yield f"{one.node} did not answer to step {one.step}: it may have been done, but once."


def answered_rows(run: SeenRun, found: Divergence) -> View | None:
    """What the node answered about the row in the step that decided the run; None: not a read."""
    return next(_answers(run.last, found.node, found.row), None) if found.row else None


def _answers(moment: Moment, node: str, row: Row) -> Iterator[View]:
    if moment.step is None or moment.outcome is None:
        return
    for step, outcome in leaves(moment.step, moment.outcome):
        if not isinstance(step, Read) or (step.node, step.table) != (node, row.table):
            continue
        if step.row in {None, row.name} and outcome.answer is Answer.OK and outcome.view:
            yield outcome.view


def _shows(moment: Moment, node: str, row: Row) -> bool:
    view = (moment.views or {}).get(node)
    return view is not None and any(name == row for name, _ in view.rows)


def _what(run: SeenRun, step: Step) -> str:
    return words(step, run.net.schema).removesuffix(":")
