"""What the abstract correct system can promise: which searches of the model exist."""

from __future__ import annotations

from syncmodel.errors import UsageError
from syncmodel.exhaustive.limits import Limits
from syncmodel.model.guarantees import FRESH, Guarantees
from syncmodel.model.policies.causal_lww import CausalLww
from syncmodel.model.policies.wallclock_lww import WallclockLww

#: The promises of the contract.
USUAL = Guarantees()
#: The merge policies that the hidden order of a row's versions stands for.
ORDERED = (CausalLww, WallclockLww)


def require_covered(limits: Limits, guarantees: Guarantees) -> None:
    """Raises `UsageError` that names what the abstract system does not do."""
    for table in limits.schema.by_name:
        policy = guarantees.policy(table)
        if type(policy) not in ORDERED:
            _refuse(f"the merge policy {policy.name} of {table}")
    if guarantees.by_field:
        _refuse("columns that merge by themselves (`by_field`)")
    if guarantees.reads != FRESH and limits.reads:
        _refuse(f"reads that lag (`reads`: {guarantees.reads})")
    if guarantees.in_order:
        _refuse("logs that are applied `in_order`")
    if guarantees.quorum:
        _refuse("a `quorum`")
    if limits.schema.cascading and (limits.timeouts or limits.together):
        _refuse("deletes that cascade, where steps time out or are taken at the same time")


def _refuse(what: str) -> None:
    raise UsageError(
        f"The search of the model does not cover {what}: leave that out, or search "
        f"the grain of steps with --target."
    )
