"""What a system promises, as data, so that one model judges systems that differ honestly.

docs/guarantees.md says which to choose for what a system does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from attrs import field, frozen
from immutables import Map

from syncmodel.errors import UsageError
from syncmodel.model.policies import Policy, policy

CAUSAL = "causal-lww"
FRESH, SESSION, ANY_READ = READS = ("fresh", "session", "any")


def _tables(value: Mapping[str, str | Policy]) -> Map[str, str | Policy]:
    return Map(value)


def _nodes(value: Iterable[str]) -> frozenset[str]:
    return frozenset(value)


def _check_reads(_guarantees: object, _attribute: object, value: str) -> None:
    if value not in READS:
        raise UsageError(f"`reads` is one of {', '.join(READS)}, and not {value!r:.60}.")


@frozen(cache_hash=True)
class Guarantees:
    """The promises that a run is judged by; the defaults are the contract of docs/contract.md.

    `rows`: the merge policy of every table, by name or as an object, but of those in `tables`.
    `by_field`: each column merges separately, and so does whether the row is there.
    `sums`: the increments of a counter add up, wherever they were made (with `by_field`).
    `upserts`: a create of a row that is there replaces it, instead of being refused.
    `answers_rows`: an accepted write answers with the row as stored.
    `heal_catches_up`: a healed link alone brings a node up to date; else only a resync must.
    `passes_on`: rows travel through third nodes. `rollback_keeps_log`: a table that a rollback
    drops comes back with its rows. `readers`: nodes that refuse every write (`read_only`).
    `quorum`: a node that does not reach most of the nodes refuses writes (`no_quorum`), and what is
    accepted follows all that was accepted before. `reads`: what a read shows; `fresh`: what its
    node knows; `session`: perhaps less, but no less than the node acknowledged or showed to a
    reader; `any`: anything that somebody wrote. `in_order`: a node that has a write of another one
    has all that this one accepted before it, since its log began.

    Raises `UsageError` for promises that contradict each other.
    """

    rows: str | Policy = CAUSAL
    tables: Map[str, str | Policy] = field(default=Map(), converter=_tables)
    by_field: bool = False
    sums: bool = False
    upserts: bool = False
    answers_rows: bool = True
    heal_catches_up: bool = True
    passes_on: bool = True
    rollback_keeps_log: bool = False
    readers: frozenset[str] = field(default=frozenset(), converter=_nodes)
    quorum: bool = False
    reads: str = field(default=FRESH, validator=_check_reads)
    in_order: bool = False

    def __attrs_post_init__(self) -> None:
        policies = [self.policy(table) for table in ("", *self.tables)]
        names = {one.name for one in policies}
        if any(one.sums for one in policies):
            raise UsageError("Only counters add up: say `by_field` and `sums`, and another policy.")
        if self.sums and not self.by_field:
            raise UsageError("Counters add up (`sums`) only where columns merge `by_field`.")
        if self.by_field and any(one.leaves for one in policies):
            raise UsageError("A multi-value row is kept whole: it can't merge `by_field`.")
        if self.quorum and (names != {CAUSAL} or not (self.heal_catches_up and self.passes_on)):
            raise UsageError(
                "With a `quorum` writes have one order: it goes with causal-lww, `heal_catches_up` "
                "and `passes_on` alone."
            )

        if self.in_order and not self.heal_catches_up:
            raise UsageError(
                "What a link missed is not made up for where only a resync catches up: then no log "
                "is applied `in_order`."
            )

    def policy(self, table: str) -> Policy:
        """The merge policy of a table. Raises `UsageError` for a name that is none."""
        return _named(self.tables[table]) if table in self.tables else self._usual

    @cached_property
    def _usual(self) -> Policy:
        return _named(self.rows)


def _named(one: str | Policy) -> Policy:
    return one if isinstance(one, Policy) else policy(one)
