"""A column of version 2 among nodes of version 1, on a target of three nodes."""

from __future__ import annotations

from supertest import create_case, delete_case, fully_connected, update_case

from syncmodel.engine.history import Entry, Rested, Verdict
from syncmodel.engine.run import run
from syncmodel.steps import Burst, Cut, Heal, Rollback, Rollout, Set, Step
from syncmodel.targets.base import Target

#: A column that version 2 brings: set there, kept and passed on by nodes of version 1, and there
#: again after a rollback to version 1. n2 stays on version 1, and only through it n1 and n3 hear.
THROUGH_VERSIONS: tuple[Step, ...] = (
    create_case("n2", "c1", "t1"),
    Burst((Cut("n1", "n3"), Cut("n3", "n1"))),
    Rollout(("n1", "n3"), 3),
    Set("n1", "cases", "c1", "severity", "high"),
    update_case("n2", "c1", "t2"),
    Rollback(("n1",), 2),
    update_case("n1", "c1", "t3"),
    Rollout(("n1",), 3),
    Heal(),
    create_case("n1", "c2", "t4"),
    Set("n3", "cases", "c2", "severity", "low"),
    delete_case("n2", "c2"),
    create_case("n2", "c2", "t5"),
)


async def severities(target: Target) -> dict[str, list[object]]:
    """What `THROUGH_VERSIONS` leaves: each node's cases, column by column. The run passes."""
    rests: list[Rested] = []

    def hear(entry: Entry) -> None:
        if isinstance(entry, Rested):
            rests.append(entry)

    result = await run(target, fully_connected(3), THROUGH_VERSIONS, observe=hear)
    assert result.verdict is Verdict.PASS, (result.divergences, result.reason)
    return {
        node: [tuple(cell for _, cell in value.cells) for _, value in view.table("cases")]
        for node, view in rests[-1].views.items()
        if view is not None
    }


#: What it is on every node; version 1 shows the first two columns.
SEVERITIES = [("t3", 0, "high"), ("t5", 0, "normal")]


def assert_severities(found: dict[str, list[object]]) -> None:
    """Version 2 shows what was set, version 1 does not show the column."""
    narrow = [one[:2] for one in SEVERITIES]
    assert found == {"n1": SEVERITIES, "n2": narrow, "n3": SEVERITIES}
