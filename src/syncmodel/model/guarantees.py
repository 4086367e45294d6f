"""What a system promises, as data, so that one model judges systems that differ honestly."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen
from immutables import Map

from syncmodel.model.values import CASES, EVENTS


def _policies(value: Mapping[str, str]) -> Map[str, str]:
    return Map(value)


@frozen
class Guarantees:
    """The promises that a run is judged by; the defaults are the contract of a Tribes node.

    `policies` names the merge rule of each table. `heal_catches_up`: a healed link alone brings a
    node up to date (else only a resync must). `passes_on`: rows travel through third nodes.
    `rollback_keeps_log`: a table that a rollback drops comes back with its rows.
    """

    policies: Map[str, str] = field(
        default=Map({CASES: "causal-lww", EVENTS: "causal-lww"}), converter=_policies
    )
    heal_catches_up: bool = True
    passes_on: bool = True
    rollback_keeps_log: bool = False
