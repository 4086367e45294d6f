"""A world: plan and belief side by side. Everything an engine needs to know of the model."""

from __future__ import annotations

from msgspec.structs import replace

from syncmodel.errors import UsageError
from syncmodel.model.belief import Belief
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net, only
from syncmodel.model.plan import Plan
from syncmodel.record import Record


class World(Record, cache_hash=True):
    """What follows from the steps, and what may be true of the live system. A value."""

    plan: Plan
    belief: Belief


def initial(net: Net, guarantees: Guarantees | None = None) -> World:
    """A world in which nothing was written yet, on that net."""
    guarantees = guarantees or Guarantees()
    net = promised(net, guarantees)
    return World(Plan(net), Belief(net, guarantees))


def promised(net: Net, guarantees: Guarantees) -> Net:
    """The net with what the guarantees say of how knowledge travels and is lost, and who writes.

    Raises `UsageError` for a quorum of nodes that may forget what they accepted: one that they make
    need not know what another one did.
    """
    forgets = not (net.keeps_log or guarantees.rollback_keeps_log)
    if guarantees.quorum and forgets and None in net.schema.deployment.values():
        raise UsageError(
            "With a `quorum` no node may forget what it accepted: promise `rollback_keeps_log`, or "
            "leave out the generations that lack the plugin."
        )
    return only(
        replace(
            net,
            passes_on=net.passes_on and guarantees.passes_on,
            keeps_log=net.keeps_log or guarantees.rollback_keeps_log,
            readers=guarantees.readers & frozenset(net.nodes),
            quorum=guarantees.quorum,
        )
    )
