"""A rollout that the node would not begin, and one of which nobody knows whether it began."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from syncmodel.errors import BootError, InvalidRunError, SyncModelError
from syncmodel.model.outcome import refused
from syncmodel.targets import deploying
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


class Gone:
    """A node that begins a job, and is never reached again; `machine` is what it runs on."""

    name = "n1"

    def __init__(self, machine: object) -> None:
        self.machine, self.jobs = machine, dict[str, Any]()

    async def admin(self, method: str, *_: Any) -> dict[str, Any]:
        if method == "rollout.rollback":
            return {"job": "rollback-1"}
        raise Unreachable("nobody is there")


class Telling:
    """A machine that says these things of itself, the last one for ever."""

    def __init__(self, *said: tuple[str, str | None]) -> None:
        self.said = list(said)

    async def status(self) -> dict[str, Any]:
        application, job = self.said.pop(0) if len(self.said) > 1 else self.said[0]
        return {"application": application, "selected": 2, "running": 2, "job": job}

    async def start(self) -> None:
        pass


class Silent:
    """A machine that says nothing, and on which the application starts, or does not."""

    def __init__(self, *, starts: bool) -> None:
        self.starts = starts

    async def start(self) -> None:
        if not self.starts:
            raise BootError("its store is broken")


def gone(machine: object, monkeypatch: pytest.MonkeyPatch, limit_s: float) -> object:
    monkeypatch.setattr(deploying, "JOB_LIMIT_S", limit_s)
    node = cast(LiveNode, Gone(machine))
    return asyncio.run(deploy(node, 2, back=True, previewing=False))


def test_a_node_that_has_no_job_and_does_not_run_any_more_did_not_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Telling(("stopped", "rollback-1"), ("starting", None), ("stopped", None))
    assert gone(machine, monkeypatch, 60.0) == refused(deploying.DOWN)


@pytest.mark.parametrize(
    "said",
    [[("stopped", "rollback-1")], [("starting", None)], [("stopped", None), ("running", None)]],
)
def test_a_node_that_may_come_back_is_waited_for(
    said: list[tuple[str, str | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidRunError, match="has not said within 1 s how its job ended"):
        gone(Telling(*said), monkeypatch, 0.6)


def test_where_a_machine_says_nothing_its_application_is_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert gone(Silent(starts=False), monkeypatch, 0.01) == refused(deploying.DOWN)
    with pytest.raises(InvalidRunError, match="has not said within"):
        gone(Silent(starts=True), monkeypatch, 0.01)


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
