"""Whether the answers to simultaneous requests are possible, and what they prove.

`asked` decides which answers to a single request are possible, `serial` which combinations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from attrs import evolve
from msgspec.structs import replace

from syncmodel.model import backups, prefix
from syncmodel.model.asked import Asked, Moment
from syncmodel.model.backups import UNTOUCHED, Disks
from syncmodel.model.beaten import between_rests, landed, travelled, unless_beaten
from syncmodel.model.belief import Answered, Belief
from syncmodel.model.cascades import with_cascades
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.evidence import Proof, believed, had, of_rows
from syncmodel.model.guarantees import FRESH
from syncmodel.model.naming import describe, name_of_read, wrong_sight
from syncmodel.model.net import Net
from syncmodel.model.noted import Entries, Entry
from syncmodel.model.order import NONE, Versions
from syncmodel.model.outcome import LANDED, Answer, Outcome
from syncmodel.model.reads import Look, looked, remembered
from syncmodel.model.registers import split, stores
from syncmodel.model.rows import RowBelief
from syncmodel.model.serial import Seen, grouped, in_order, out_of_order, outdone
from syncmodel.model.served import Group
from syncmodel.model.together import with_no_create
from syncmodel.model.values import (
    ANY,
    Added,
    Assigned,
    Change,
    Row,
    Stored,
    Tombstone,
    Value,
    Write,
    written,
)
from syncmodel.model.waiting import with_waiting, without_waiting


def fold(
    belief: Belief,
    calls: Sequence[tuple[Write, Outcome]],
    after: Net,
    touched: frozenset[str] = frozenset(),
    looks: Sequence[tuple[Look, Outcome]] = (),
    *,
    disks: Disks = UNTOUCHED,
) -> Belief:
    """The belief once `calls` and `looks` were made at once, while the net became `after`.

    `touched` are the nodes whose application was restarted on the way, `disks` those that were
    copied or put back. First every write enters
    *may* over every link that was up at any moment; then the answers are judged, each alone and
    those of one node together; *must* grows last. Raises `DivergenceFound` if one is impossible.
    """
    before, earlier = belief.net, belief.answers
    during = before.either(after)
    for write, outcome in calls:
        _check_shape(belief, write, outcome)
    belief = backups.coming_back(travelled(belief.granting(after), during), during, disks)
    entered, entries = belief.entered(calls, after)
    entered = _perhaps_landed(with_waiting(entered, calls, entries), during)
    if before.schema.cascading:
        entered, entries = with_cascades(belief, entered, calls, entries, after)
        entered = _perhaps_landed(entered, during)
    folded, answers = entered, list[Answered]()
    if calls or looks:
        moment = Moment((before, after), during, unstable=touched)
        folded, answers = _answered(belief, entered, calls, entries, looks=looks, moment=moment)
    folded = prefix.folded(folded, calls, entries, looks, after=after, disks=disks)
    ended = folded.ended(touched, belief, after)
    done = backups.done(ended, belief, entered, during, disks).rewired(after, touched)
    if touched or disks.restored or not (after is before or after == before):
        answers = []
    else:
        answers += [one for one in earlier if one.lasts]
    return replace(done, answers=answers) if answers or done.answers else done


def _perhaps_landed(entered: Belief, during: Net) -> Belief:
    """The belief once every request that may be taken by now may have been."""
    if entered.marked.names:
        while (more := landed(without_waiting(entered), during)) is not entered:
            entered = more
    return entered


def _answered(
    belief: Belief,
    entered: Belief,
    calls: Sequence[tuple[Write, Outcome]],
    entries: Sequence[Entries],
    *,
    looks: Sequence[tuple[Look, Outcome]],
    moment: Moment,
) -> tuple[Belief, list[Answered]]:
    """What the answers prove, all of them together, and what the next rest must not contradict;
    `belief` is as it was before they came."""
    during, alone = moment.during, len(calls) == 1 and not looks
    proofs: list[Proof] = []
    groups: list[Group] = []
    told: list[Row] = []
    for (write, outcome), mine in zip(calls, entries, strict=True):
        proved = _judge(entered, write, mine, outcome, moment)
        proofs += proved
        if not alone:
            written_here = {entry.register for entry in mine if entry.sure}
            told += written_here.union(proof.register for proof in proved)
    sights = [sight for look, outcome in looks for sight in looked(entered, look, outcome, moment)]
    if calls and len(calls) + len(looks) > 1:
        seen = _seen(belief, looks)
        groups = grouped(entered, calls, entries, seen)
        unordered = out_of_order(groups)
        if unordered is not None:
            raise DivergenceFound((unordered,))
        proofs += in_order(entered, groups)
    read = [sight.proof for sight in sights if sight.proof is not None]
    told += [proof.register for proof in read]
    crowded = {register for register, times in Counter(told).items() if times > 1} if told else ()
    folded = believed(entered, [*proofs, *read], belief, during, crowded)
    folded = _outdone(remembered(folded, sights), groups)
    for (write, outcome), mine in zip(calls, entries, strict=True):
        for entry in mine if outcome.ok else ():
            if entry.sure:
                known = folded.surely if outcome is not LANDED else folded.had
                name = entry.register
                folded = known(name, write.node, entry.number)
                folded = _latest(
                    folded,
                    entered,
                    write.node,
                    entry,
                    during,
                    crowded=name in crowded,
                    most=len(belief.row(name).versions),
                )
    if entered.net.distrusts or entered.net.quorum:
        return folded, []  # What answered need not be what the node shows.
    return folded, [*groups, *had([*proofs, *read])]


def _outdone(belief: Belief, groups: Sequence[Group]) -> Belief:
    """What one node accepted writes after loses to one of them."""
    for name, loser, winners in outdone(groups):
        row = belief.row(name)
        belief = belief.with_row(name, row.ordered(row.order.shown(winners, (loser,))))
    return belief


def _latest(
    belief: Belief,
    entered: Belief,
    node: str,
    entry: Entry,
    during: Net,
    *,
    crowded: bool,
    most: int,
) -> Belief:
    """What the node knew as it wrote that version loses to it, where writes are causal. For the
    others see `between_rests`, and for `most` see `unless_beaten`."""
    name, row = entry.register, belief.row(entry.register)
    if row.known_by(node) == row.perhaps_known_by(node) or not belief.policy(name).causal:
        return belief
    may_come = between_rests(entered, name, during, crowded=crowded)
    shown = frozenset({entry.number})
    after = unless_beaten(row, node, shown, may_come, sure=NONE, most=most)
    return belief if after is row else belief.with_row(name, after)


def _seen(belief: Belief, looks: Sequence[tuple[Look, Outcome]]) -> list[Seen]:
    """What fresh reads showed."""
    if belief.guarantees.reads != FRESH:
        return []
    return [(look, dict(said.view.rows)) for look, said in looks if said.view is not None]


def _check_shape(belief: Belief, write: Write, outcome: Outcome) -> None:
    """An accepted write answers with the row as stored, which has the shape of its table."""
    if not outcome.ok or outcome is LANDED or isinstance(write.change, Tombstone):
        return
    if outcome.row is None and not belief.guarantees.answers_rows:
        return
    try:
        belief.net.schema.by_name[write.row.table].read(outcome.row)
    except ValueError as error:
        _raise(Kind.INVENTED, write, "the row as it was stored", str(error))


def _judge(
    belief: Belief, write: Write, entries: Entries, outcome: Outcome, moment: Moment
) -> list[Proof]:
    """What the answer proves. Raises `DivergenceFound` if it is impossible."""
    if outcome.answer is Answer.UNKNOWN:
        return []
    asked = Asked.of(belief, write, entries, moment)
    if outcome.answer is Answer.REFUSED:
        if not asked.may_refuse(outcome.code):
            _raise(Kind.WRONGLY_REFUSED, write, asked.expected, f"refused: {outcome.code}")
        return [*of_rows(asked, outcome)]
    if not asked.may_accept():
        _raise(Kind.WRONGLY_ACCEPTED, write, asked.expected, "accepted")
    deletes = isinstance(write.change, Tombstone)
    stored = [] if deletes or outcome.row is None else _proved_by(asked, outcome.row)
    told = {proof.register for proof in stored}
    return [*stored, *(proof for proof in of_rows(asked, outcome) if proof.register not in told)]


def _raise(kind: Kind, write: Write, expected: str, shown: str, row: Row | None = None) -> None:
    raise DivergenceFound((Divergence(kind, write.node, row or write.row, expected, shown),))


# --- what an answer proves ------------------------------------------------------------------


def _proved_by(state: Asked, answer: object) -> list[Proof]:
    """What the stored row was made from; raises if no possible state of the node gives it."""
    schema, guarantees, write = state.belief.net.schema, state.belief.guarantees, state.write
    table = schema.by_name[write.row.table]
    stored = table.read(answer)
    if not guarantees.by_field:
        proof = _proved(state, write.row, write.change, stored)
        return [] if proof is None else [proof]
    asked = dict(stores(schema, guarantees, write))
    proofs, others = list[Proof](), dict[Row, Value]()
    for register, shown in split(table, write.row, stored):
        if register in asked:
            proof = _proved(state, register, asked[register], shown)
            proofs += [] if proof is None else [proof]
        elif register != write.row:
            # A column that the write did not touch shows what it may.
            _check_shows(state, register, state.belief.row(register), shown)
            others[register] = shown
    if not write.creates:
        creates = frozenset(state.row.present(state.versions))
        found = with_no_create(state.belief, write.node, write.row, creates, others)
        if found is not None:
            raise DivergenceFound((found,))
    return proofs


def _check_shows(state: Asked, register: Row, row: RowBelief, shown: Value) -> None:
    policy, node = state.belief.policy(register), state.write.node
    found = policy.impossible(register, row, node, shown, state.columns)
    if found is not None:
        raise DivergenceFound((found,))


def _proved(state: Asked, register: Row, asked: Stored, stored: Value) -> Proof | None:
    """What one register was made from, if that is known by now."""
    row = state.belief.row(register)
    below = asked.under(stored) if isinstance(asked, Change) else None
    if state.belief.policy(register).sums:
        # What was added is in the sum that was answered, and nothing else that can't be.
        if isinstance(asked, Added) and (below is None or below.get(asked.column) is ANY):
            _raise_other(state, asked, stored, register)
        number = state.number(register)
        _check_shows(state, register, row.surely(frozenset({number}), state.write.node), stored)
        return _begun(state, register, row, number) if isinstance(asked, Added) else None
    if isinstance(asked, Value):
        if not asked.fits(stored):
            _raise(Kind.INVENTED, state.write, f"{asked} stored", f"{stored} stored", register)
        return None
    if below is None:
        _raise_other(state, asked, stored, register)
        return None
    return _proved_base(state, register, row, below, stored)


def _begun(state: Asked, register: Row, row: RowBelief, number: int) -> Proof:
    """The row was there: if only one create can have begun the sum, the increment rests on it."""
    versions = state.may_show(register)
    creates = frozenset(v for v in versions if isinstance(row.versions[v].value, Value))
    return Proof(state.write.node, register, row, creates, number=number)


def _proved_base(state: Asked, register: Row, row: RowBelief, below: Value, stored: Value) -> Proof:
    """The versions that show `below`, of those that the node may show."""
    versions, number = state.may_show(register), state.number(register)
    fitting = [v for v in row.present(versions) if row.fits(v, below, number)]
    if not fitting:
        _raise_bad_base(state, register, versions, below, stored)
    value = row.versions[fitting[0]].value
    known = value if isinstance(value, Value) else below
    sure = not any(cell is ANY for _, cell in known.cells)
    return Proof(
        state.write.node,
        register,
        state.row if register == state.write.row else row,
        frozenset(fitting),
        number=number,
        value=known if sure else None,
    )


def _raise_other(state: Asked, asked: Stored, stored: Value, register: Row) -> None:
    assert isinstance(asked, Change)
    what = asked.value if isinstance(asked, Assigned) else f"{asked.by} or more"
    expected = f"{asked.column} {written(what)} stored"
    _raise(Kind.INVENTED, state.write, expected, f"{stored} stored", register)


def _raise_bad_base(
    state: Asked, register: Row, versions: Versions, below: Value, stored: Value
) -> None:
    """No version that the node may show gives what it stored; perhaps an older one does."""
    row = state.belief.row(register)
    known = (version.value for version in row.versions)
    old = next((v for v in known if isinstance(v, Value) and below.fits(v)), None)
    if old is None:
        _raise(Kind.INVENTED, state.write, state.expected, f"{stored} stored", register)
        return
    expected = describe(row, versions, absent=False, columns=state.columns)
    found = wrong_sight(register, row, state.write.node, old, expected)
    if name_of_read(row, state.write.node, old) is Kind.MONOTONIC_READS:
        found = evolve(found, kind=Kind.WRITES_FOLLOW_READS)
    shown = f"the write was made on {found.shown}"
    raise DivergenceFound((evolve(found, shown=shown),))
