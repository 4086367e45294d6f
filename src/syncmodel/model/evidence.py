"""What an answer proves: what its node showed when it gave it.

If only one version can be what showed, the node knows it, and what the node must know loses to it.
A write that was accepted then rests on it. What the node would have shown if it had known it, it
did not know.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from syncmodel.model.asked import Asked
from syncmodel.model.beaten import between_rests, under_way_from, unless_beaten
from syncmodel.model.belief import Belief
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.naming import describe
from syncmodel.model.net import Net
from syncmodel.model.order import NONE, Versions
from syncmodel.model.outcome import Outcome
from syncmodel.model.rows import RowBelief
from syncmodel.model.values import Row, Value
from syncmodel.record import Record


class Proof(Record):
    """The node showed one of `shown` of a register, or nothing if it may have known `nothing`.

    `number` is the version that rests on what showed, `value` what that stored, where these are
    known. `row` is what was believed of the register, seen from the node, as it answered. `wrote`:
    the versions of columns, by register, that the write made of a row that showed.
    """

    node: str
    register: Row
    row: RowBelief
    shown: Versions
    nothing: bool = False
    number: int | None = None
    value: Value | None = None
    wrote: tuple[tuple[Row, int], ...] = ()

    @property
    def base(self) -> int | None:
        """The one version that can have shown."""
        if self.nothing or len(self.shown) != 1:
            return None
        (base,) = self.shown
        return base


class Had(Record):
    """The node had one of these versions of a register as it answered, and so it has at rest."""

    node: str
    register: Row
    shown: Versions

    @property
    def lasts(self) -> bool:
        """No node forgets."""
        return True

    def not_left(self, belief: Belief, shown: Mapping[Row, Value]) -> Divergence | None:
        """Whichever of them it knows, it may show what it does."""
        name, row, rule = self.register, belief.row(self.register), belief.policy(self.register)
        sight = shown.get(name)
        if sight is None and (name.column or belief.bound_to(name)):
            return None  # It may be hidden.
        columns = belief.net.schema.shown(name.table, belief.net.plugin(self.node))
        each = [
            rule.impossible(name, row.surely(frozenset({v}), self.node), self.node, sight, columns)
            for v in sorted(self.shown)
        ]
        return each[0] if all(each) else None


def had(proofs: Iterable[Proof]) -> Iterator[Had]:
    """What these prove of which the bounds know nothing: that there was one of several."""
    for proof in proofs:
        if len(proof.shown) > 1 and not proof.nothing:
            yield Had(proof.node, proof.register, proof.shown)


def of_rows(state: Asked, outcome: Outcome) -> Iterator[Proof]:
    """What the answer says of its row, and of those that the row needs; of nothing else."""
    if outcome.ok and state.write.creates:
        yield from _created(state)
    elif outcome.ok or outcome.code in ("exists", "referenced"):
        showed = _present(state, state.write.row, state.row, state.versions)
        yield replace(showed, number=state.own, wrote=_columns(state)) if outcome.ok else showed
    elif outcome.code == "no_such_row":
        yield _absent(state, state.write.row, state.row, state.versions)
    elif outcome.code == "missing_reference":
        if not state.upserts:
            yield _absent(state, state.write.row, state.row, state.versions)
        needed = [*state.needed]
        if len(needed) == 1:
            yield _absent(state, *_shown(state, needed[0]))


def _columns(state: Asked) -> tuple[tuple[Row, int], ...]:
    return tuple((e.register, e.number) for e in state.entries if e.register.column)


def _created(state: Asked) -> Iterator[Proof]:
    row, policy = state.write.row, state.belief.policy(state.write.row)
    absent = _absent(state, row, state.row, state.versions)
    if state.upserts:
        absent = replace(absent, shown=state.versions)
    # Where leaves are kept, a create over a deleted row may begin anew.
    yield absent if policy.leaves else replace(absent, number=state.own)
    for needed in state.needed:
        yield _present(state, *_shown(state, needed))


def _shown(state: Asked, row: Row) -> tuple[Row, RowBelief, Versions]:
    belief = state.belief
    return row, belief.row(row), belief.may_show(state.write.node, row)


def _present(state: Asked, name: Row, row: RowBelief, versions: Versions) -> Proof:
    return Proof(state.write.node, name, row, frozenset(row.present(versions)))


def _absent(state: Asked, name: Row, row: RowBelief, versions: Versions) -> Proof:
    node = state.write.node
    shown = frozenset(row.tombstones(versions))
    return Proof(node, name, row, shown, nothing=not row.known_by(node))


# --- what follows ---------------------------------------------------------------------------------


def believed(
    belief: Belief,
    proofs: Sequence[Proof],
    older: Belief,
    during: Net,
    crowded: Collection[Row],
) -> Belief:
    """The belief with all that was proved; `older` has what was asked before these answers, and
    `crowded` of which rows more than one answer says something.

    Raises `DivergenceFound` where the answers contradict each other.
    """
    asked = belief
    for proof in proofs:
        row = _known(belief, proof)
        most = len(older.row(proof.register).versions)
        row = _not_known(belief, row, proof, most, during)
        row = _not_shown(asked, row, proof, during, most=most, crowded=crowded)
        if row is not belief.row(proof.register):
            belief = belief.with_row(proof.register, row)
        if proof.base is not None and row.versions[proof.base].along:
            belief = _along(belief, proof, proof.base)
    for proof in proofs:
        _check(belief, proof)
    return belief


def _known(belief: Belief, proof: Proof) -> RowBelief:
    row, policy, base = belief.row(proof.register), belief.policy(proof.register), proof.base
    if base is None:
        return row
    if proof.number is not None:
        row = row.ordered(policy.based(row.order, proof.number, base))
    if not policy.sums:
        row = row.ordered(policy.learnt(row.order, proof.shown, proof.row, proof.node))
    row = row.surely(proof.shown, proof.node)
    row = row.confirmed(base) if proof.value is None else row.proved(base, proof.value)
    if proof.number is not None:
        stored, under = row.versions[proof.number].value, row.versions[base].value
        if isinstance(stored, Value) and isinstance(under, Value) and proof.value is not None:
            # A node passes on the columns that it does not know.
            row = row.proved(proof.number, stored.widened(under))
    return row


def _along(belief: Belief, proof: Proof, create: int) -> Belief:
    """The node knew all columns of that create, and what it wrote then rests on them."""
    wrote = dict(proof.wrote)
    for register, made in belief.row(proof.register).versions[create].along:
        policy, row = belief.policy(register), belief.row(register).confirmed(made)
        if (policy.causal or policy.sums) and register in wrote:
            row = row.ordered(policy.based(row.order, wrote[register], made))
        belief = belief.with_row(register, row.surely(frozenset({made}), proof.node))
    return belief


def _not_known(belief: Belief, row: RowBelief, proof: Proof, older: int, during: Net) -> RowBelief:
    """Without what the node did not know as it answered, and nobody can have told it since."""
    node, was = proof.node, proof.row
    if was.perhaps_known_by(node) <= was.known_by(node):
        return row
    policy = belief.policy(proof.register)
    if policy.sums:
        return row

    def contradicts(there: RowBelief) -> bool:
        nothing = proof.nothing and not there.known_by(node)
        return not nothing and proof.shown.isdisjoint(policy.may_show(there, node))

    tellers = under_way_from(during, node)
    for version in was.refuted(node, contradicts, during):
        told = any(version in row.perhaps_told_by(teller) for teller in tellers)
        if version < older and not told:
            row = row.unaware(node, version)
    return row


def _not_shown(
    asked: Belief,
    row: RowBelief,
    proof: Proof,
    during: Net,
    *,
    most: int,
    crowded: Collection[Row],
) -> RowBelief:
    """Without what the node would have shown as it answered, unless it loses to what it did."""
    node, name = proof.node, proof.register
    if row.known_by(node) == row.perhaps_known_by(node):
        return row
    policy = asked.policy(name)
    if policy.sums or policy.leaves:
        return row
    may_come = between_rests(asked, name, during, crowded=name in crowded)
    sure = proof.row.known_by(node)
    return unless_beaten(row, node, proof.shown, may_come, sure=sure, most=most)


def _check(belief: Belief, proof: Proof) -> None:
    """Whether what other answers proved still lets the node have shown this."""
    row = belief.row(proof.register)
    above = row.order.above
    loops = any(version in above.get(version, NONE) for version in proof.shown)
    policy = belief.policy(proof.register)
    if not loops and (
        proof.nothing
        or policy.sums
        or not proof.shown.isdisjoint(policy.may_show(proof.row.ordered(row.order), proof.node))
    ):
        return
    expected = describe(proof.row, proof.shown, absent=proof.nothing)
    raise DivergenceFound(
        (
            Divergence(
                Kind.DISAGREEMENT,
                proof.node,
                proof.register,
                "answers of which none contradicts another",
                f"an answer that is possible only for {expected}, which others rule out",
            ),
        )
    )
