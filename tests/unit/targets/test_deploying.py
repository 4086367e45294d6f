"""A rollout that the node would not begin, and one of which nobody knows whether it began."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from syncmodel.errors import InvalidRunError, SyncModelError
from syncmodel.model.outcome import refused
from syncmodel.targets.deploying import deploy
from syncmodel.targets.live_node import LiveNode
from syncmodel.transport.clients import AdminError, Indefinite, Unreachable


class Failing:
    """A node of which every request fails alike."""

    name = "n1"

    def __init__(self, error: SyncModelError) -> None:
        self._error = error

    async def admin(self, *_: Any) -> dict[str, Any]:
        raise self._error


def begun(error: SyncModelError) -> object:
    return asyncio.run(deploy(cast(LiveNode, Failing(error)), 2, back=True))


def test_what_was_refused_or_never_sent_has_not_begun() -> None:
    assert begun(AdminError("job_running", "", {}, 409)) == refused("job_running")
    assert begun(AdminError("not_ready", "", {}, 503)) == refused("not_ready")
    assert begun(Unreachable("no channel")) == refused("unreachable")


@pytest.mark.parametrize("error", [AdminError("control_lost", "", {}, 503), Indefinite("lost")])
def test_what_may_have_begun_makes_the_run_invalid(error: SyncModelError) -> None:
    with pytest.raises(InvalidRunError, match="did not say whether it began"):
        begun(error)
