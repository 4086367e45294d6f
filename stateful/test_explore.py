"""Random sequences on live nodes: after each step every node shows what the model allows.

The state machine is `machine.explore.Exploration`; it stops at the first failure, which is
then shortened, confirmed and saved. `--hypothesis-seed=N` generates the same sequences every time.
"""

from __future__ import annotations

from collections.abc import Callable

from syncmodel.campaign.campaign import Report


def test_explore(syncmodel_explore: Callable[[], Report]) -> None:
    """No node ever shows what it may not, whatever is done to the cluster."""
    report = syncmodel_explore()
    assert report.tally.rests > report.tally.sequences, "hardly a step was compared"
