"""Why a sight was impossible, in sentences: node, row, step and rule first, then what proves it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen

from syncmodel.engine.history import Verdict
from syncmodel.model.divergence import Divergence, Kind
from syncmodel.model.net import Net
from syncmodel.model.order import NONE
from syncmodel.model.registers import shown as by_register
from syncmodel.model.rows import RowBelief
from syncmodel.model.values import Value
from syncmodel.report.page.circumstances import (
    answered_rows,
    ended_with,
    lost_again,
    meanwhile,
    nobody_wrote,
    read_before,
    referred,
    unanswered,
    untrusted,
)
from syncmodel.report.page.moments import SeenRun
from syncmodel.report.page.versions import ALONG, Register, Versions, Written
from syncmodel.report.story import words
from syncmodel.steps.disks import KEEPS

#: What each name says is broken.
RULES = {
    Kind.MISSING: "a node shows every row that it must know",
    Kind.RESURRECTED: "a deleted row comes back only with a later write",
    Kind.STALE: "a version that a later write replaced shows no more",
    Kind.DISAGREEMENT: "settled nodes that know the same show the same",
    Kind.FLIPPED: "a version that has lost to a settled winner does not win later",
    Kind.INVENTED: "only what somebody wrote shows",
    Kind.DUPLICATED: "a row shows once",
    Kind.ORPHAN: "a row shows only together with the row that it refers to",
    Kind.LEAKED: "a row shows only where it can have travelled",
    Kind.GAP: "what a node accepted comes in that order",
    Kind.STALE_READ: "a read shows all that its node must know",
    Kind.READ_YOUR_WRITES: "a read shows what its own node acknowledged",
    Kind.MONOTONIC_READS: "a read shows no less than an earlier read of the same node",
    Kind.WRITES_FOLLOW_READS: "a write counts against all that its node had read before",
    Kind.WRONGLY_ACCEPTED: "a node refuses what no possible state of it allows",
    Kind.WRONGLY_REFUSED: "a node takes what every possible state of it allows",
    Kind.CONTROL_PLANE: "generation, migrations, plugin API and health are as was deployed",
    Kind.NOT_SETTLED: "nodes come to rest once nothing more is asked of them",
    Kind.ENDED: "a server runs until somebody stops it",
}
#: How the facts begin that are told of nodes by their peers.
OF_MEMBERS = ("status of", "trust in", "addresses of", "connection to", "key of", "members of")
#: What a write is called, by what was asked.
DID = {
    "create": "create",
    "set": "change",
    "add": "increment",
    "delete": "delete",
    ALONG: "delete of a row that it refers to",
}
#: How many versions a sentence names.
NAMED = 3


@frozen
class Why:
    """The first sentence, and the others."""

    headline: str
    reasons: tuple[str, ...] = ()


def why(run: SeenRun, versions: Versions) -> Why:
    """What is wrong with how a run ended, and why that can't be."""
    if not run.divergences:
        if run.verdict is Verdict.PASS:
            return Why("Nothing was wrong in this run.")
        return Why(_nothing(run), (run.reason,))
    first = run.divergences[0]
    reasons = [*_reasons(run, versions, first)]
    if len(run.divergences) > 1:
        reasons.append(f"At the same moment {len(run.divergences) - 1} more differed; see below.")
    return Why(headline(run, first), tuple(reasons))


def _nothing(run: SeenRun) -> str:
    """Since when a run says nothing."""
    last = run.last
    what = "" if last.step is None else words(last.step, run.net.schema).removesuffix(":")
    since = f"from step {last.index} on ({what})" if what else "from the beginning"
    return f"Nothing can be said of this run {since}: it is {run.verdict.value}, and no divergence."


def rule(found: Divergence) -> str:
    """The rule that a divergence breaks, in words."""
    if found.kind is Kind.INVARIANT:
        return f"the invariant {found.expected} holds"
    if found.kind is Kind.CONTROL_PLANE and found.expected.startswith(OF_MEMBERS):
        return "members, trust and addresses are as was asked"
    if found.expected == KEEPS:
        return KEEPS
    return RULES[found.kind]


def headline(run: SeenRun, found: Divergence) -> str:
    """Who showed what of which row after which step, and the rule that this breaks."""
    when = f"step {run.last.index}" if run.last.index else "the beginning"
    return f"{_sight(run, found, when)}, which breaks the rule that {rule(found)}."


def _sight(run: SeenRun, found: Divergence, when: str) -> str:
    at = f"At the rest after {when}" if run.last.index else "At the rest before any step"
    node, row, shown = found.node, found.row, found.shown
    if found.kind is Kind.NOT_SETTLED:
        return f"After {when}, {node} does not come to rest ({shown})"
    if found.kind is Kind.INVARIANT:
        return f"{at}, {node} shows this: {shown}"
    if run.by_answer:
        about = f" about {row}" if row else ""
        told = shown if found.expected == KEEPS else f"{shown}, where it must be {found.expected}"
        return f"In {when}, {node} gave an answer{about} that can't be: {told}"
    if row is None:
        return f"{at}, {node} has {shown}, where it must have {found.expected}"
    return f"{at}, {_showed(found)}"


def _showed(found: Divergence) -> str:
    node, row, shown = found.node, found.row, found.shown
    if found.kind is Kind.DISAGREEMENT and " shows " in shown:
        return f"{shown} for {row}"
    return f"{node} does not show {row}" if shown == "nothing" else f"{node} shows {row} ({shown})"


# --- the evidence ------------------------------------------------------------------------------


def _reasons(run: SeenRun, versions: Versions, found: Divergence) -> Iterator[str]:
    if found.row is None or found.row not in versions.registers:
        yield from _without_versions(run, found)
        return
    register, row = versions.registers[found.row], run.last.world.belief.row(found.row)
    yield from _about(run, versions, register, row, found)
    if found.kind not in (Kind.DUPLICATED, Kind.DISAGREEMENT) and not run.by_answer:
        yield f"Only this may show there: {found.expected}."
    later = max((one.step for one in register.versions), default=0)
    if found.kind is Kind.MISSING:
        yield from referred(run, found, row)
        yield from untrusted(run, found, register)
    if later and not run.by_answer:
        yield f"The last write of {found.row} is in step {later}; nothing later was written."
        yield from meanwhile(run)


def _without_versions(run: SeenRun, found: Divergence) -> Iterator[str]:
    """Of a whole node, or of a row that nobody wrote."""
    if found.kind is Kind.CONTROL_PLANE:
        generation = run.last.net.running.get(found.node)
        if generation is not None:
            role = run.net.schema.generations[generation - 1].role
            yield f"The steps left {found.node} in generation {generation} ({role})."
        yield from ended_with(run)
    if found.kind is Kind.NOT_SETTLED:
        yield from meanwhile(run)
    if found.row is None and found.kind in (Kind.WRONGLY_ACCEPTED, Kind.WRONGLY_REFUSED):
        yield f"Whatever {found.node} holds and runs, its answer to that is the same."
    if found.row is not None:
        yield nobody_wrote(run, found.row)
    if run.reason:
        yield run.reason


def _about(
    run: SeenRun, versions: Versions, register: Register, row: RowBelief, found: Divergence
) -> Iterator[str]:
    node = found.node
    known = row.known_by(node)
    # What beats the others that it must know.
    newest = [
        register.versions[v]
        for v in sorted(known)
        if not known & row.order.above.get(v, NONE) and v < len(register.versions)
    ]
    for one in newest[-NAMED:]:
        yield _must(run, versions, found, one)
    sight = "What it answered is" if run.by_answer else "What shows is"
    for version in _shown_versions(run, row, found):
        if version >= len(register.versions):
            continue
        knew = known & row.order.causal.get(version, NONE)
        over = knew or known & row.order.above.get(version, NONE)
        if over:
            yield f"{sight} {_loses(register, version, max(over), knew=bool(knew))}"
        elif version not in row.perhaps_known_by(node):
            yield f"{sight} {_unreached(run.last.net, node, register.versions[version])}"
    if found.kind is Kind.INVENTED:
        yield from unanswered(register, row)
        yield f"No write of {found.row} in this run stored what shows."
    if found.kind is Kind.MONOTONIC_READS:
        yield from read_before(run, found)


def _must(run: SeenRun, versions: Versions, found: Divergence, one: Written) -> str:
    node, name = found.node, found.row
    assert name is not None
    sure = run.last.world.belief.row(name).versions[one.number].sure
    did = f"acknowledged the {_did(one)}" if sure else f"was asked for the {_did(one)}"
    told = f"{one.node} {did} in step {one.step}"
    if one.node == node:
        again = next(lost_again(run, node, one.step), "")
        return f"{told}; {again}" if again else f"{told}, so it must know it."
    since = versions.knows_since(name, node, one.number)
    when = "by this rest" if since == run.last.index else f"since the rest after step {since}"
    must = f"{node} must know it {when}, as the links were up that it travels over"
    again = next(lost_again(run, node, since or 0), "")
    return f"{told}, and {must}; {again}" if again else f"{told}, and {must}."


def _unreached(net: Net, node: str, one: Written) -> str:
    shown = f"the {_did(one)} by {one.node} in step {one.step}"
    if (node, one.node) in net.distrusts:
        return f"{shown}, and {node} does not trust {one.node}: it shows nothing of it."
    if one.node != node and not net.are_members(node, one.node):
        return f"{shown}, and one of the two is no member: nothing passes between them."
    if one.node == node:
        return f"{shown}, which {node} lost with its tables since, and can't have got back."
    return (
        f"{shown}, which can't have reached {node}: no link was up since that it could have "
        f"travelled over, or {node} lost it with its tables."
    )


def _loses(register: Register, version: int, over: int, *, knew: bool) -> str:
    shown, winner = register.versions[version], register.versions[over]
    lost = f"the {_did(shown)} by {shown.node} in step {shown.step}"
    beats = f"the {_did(winner)} by {winner.node} in step {winner.step}"
    if knew:
        return f"{lost}; it loses to {beats}, which was written knowing it."
    edge = next((e for e in register.edges if e.loser == version and e.winners == (over,)), None)
    if edge is None:
        return f"{lost}; by what nodes showed at earlier rests it loses to {beats}."
    by = f", when {' and '.join(edge.by)} showed that" if edge.by else ""
    return f"{lost}; it lost to {beats} at the rest after step {edge.step}{by}."


def _did(one: Written) -> str:
    return DID.get(one.op, one.op)


def _shown_versions(run: SeenRun, row: RowBelief, found: Divergence) -> Sequence[int]:
    """The versions that the wrong sight can be."""
    at_rest = (run.last.views or {}).get(found.node)
    view = answered_rows(run, found) if run.by_answer else at_rest
    assert found.row is not None
    if view is None:
        return ()
    belief = run.last.world.belief
    value = by_register(belief.net.schema, belief.guarantees, view).get(found.row)
    if not isinstance(value, Value):
        return ()
    return sorted(row.fitting(range(len(row.versions)), value))[-NAMED:]
