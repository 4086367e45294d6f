"""A deployment does what its preview had said: each thing that it says can be wrong."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping
from typing import Any, cast

import pytest

from syncmodel.errors import SyncModelError
from syncmodel.steps.deployment import OTHERWISE
from syncmodel.targets.live_node import LiveNode
from syncmodel.targets.previewing import Preview, preview, preview_without
from syncmodel.transport.clients import AdminError, Indefinite, Unreachable

ONE, TWO = {"supertest": 1}, {"supertest": 2}
SAID: dict[str, Any] = {
    "generation": 3,
    "channel_delta": {"from": ONE, "to": TWO, "channels": [], "pull": False},
    "incompatible": [],
    "migrations": {"up": ["supertest-2-severity"], "down": []},
    "substitutes": {"available": ["item"], "missing": []},
    "restart_required": True,
    "reboot_required": False,
    "reboot_reasons": [],
}
DONE: dict[str, Any] = {
    "state": "done",
    "at_boot": False,
    "migrations": {"up": ["supertest-2-severity"], "down": []},
}
LISTED = [
    {"number": 1, "plugins": {}, "selected": False, "running": False},
    {"number": 2, "plugins": ONE, "selected": True, "running": True},
    {"number": 3, "plugins": TWO, "selected": False, "running": False},
]


class Node:
    """A node that answers these, or fails with them."""

    name = "n1"

    def __init__(self, *said: object, listed: object = LISTED) -> None:
        self.said, self.listed, self.asked = list(said), listed, 0

    async def admin(self, method: str, _: object = None) -> Any:
        if method == "generations.list":
            return {"generations": self.listed}
        self.asked += 1
        said = self.said.pop(0)
        if isinstance(said, Exception):
            raise said
        return said


def asked(node: Node, *, back: bool = False) -> Preview:
    return asyncio.run(preview(cast(LiveNode, node), 3, back=back))


def changed(whole: Mapping[str, Any], path: str, value: object) -> dict[str, Any]:
    made = copy.deepcopy(dict(whole))
    *outer, last = path.split(".")
    at = made
    for name in outer:
        at = at[name]
    at[last] = value
    return made


def failed(code: str) -> dict[str, Any]:
    return {"state": "aborted", "error": {"code": code}, "migrations": {"up": [], "down": []}}


@pytest.mark.parametrize(
    ("path", "value", "about"),
    [
        ("migrations", {"up": [], "down": []}, ""),
        ("incompatible", [{"code": "host_api"}], ": what fits together"),
        ("substitutes.missing", ["item"], ": substitutes"),
        ("channel_delta.channels", [{"lineage": "rewritten"}], ": lineage"),
        ("channel_delta.from", TWO, ": plugins"),
        ("channel_delta.to", ONE, ": plugins"),
        ("channel_delta.pull", True, ": pull"),
        ("restart_required", False, ": restart"),
        ("reboot_required", True, ": reboot"),
        ("reboot_reasons", ["because"], ": reboot"),
    ],
)
def test_what_is_done_is_what_was_said(path: str, value: object, about: str) -> None:
    assert asked(Node(SAID)).broken(DONE) is None
    assert asked(Node(changed(SAID, path, value))).broken(DONE) == f"{OTHERWISE}{about}"


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("incompatible", [{"code": "host_api"}], "incompatible"),
        ("substitutes.missing", ["item"], "missing_substitutes"),
        ("channel_delta.channels", [{"lineage": "unsigned"}], "lineage_refused"),
    ],
)
def test_why_it_can_not_be_done_was_said_before(path: str, value: object, code: str) -> None:
    assert (asked(Node(SAID)).broken(failed(code)) or "").startswith(f"{OTHERWISE}: ")
    assert asked(Node(changed(SAID, path, value))).broken(failed(code)) is None
    assert asked(Node(SAID)).broken(failed("disk_full")) is None


def test_a_rollback_builds_nothing() -> None:
    said = changed(SAID, "substitutes.missing", ["item"])
    assert asked(Node(said), back=True).broken(DONE) is None


def test_a_boot_that_was_announced_is_one() -> None:
    said = changed(changed(SAID, "reboot_required", True), "reboot_reasons", ["supervisor"])
    done = DONE | {"at_boot": True, "migrations": {"up": [], "down": []}}
    assert asked(Node(said)).broken(done) is None
    assert asked(Node(SAID)).broken(done) == f"{OTHERWISE}: reboot"
    # What is migrated before the boot was not announced.
    assert asked(Node(said)).broken(changed(DONE, "at_boot", True)) == OTHERWISE


@pytest.mark.parametrize("reboots", [False, True])
def test_what_is_only_selected_boots_later_whatever_it_needs(reboots: bool) -> None:
    said = changed(SAID, "reboot_required", reboots)
    said = changed(said, "reboot_reasons", ["supervisor"] if reboots else [])
    selected = {"state": "done", "at_boot": True, "migrations": {"up": [], "down": []}}
    seen = asyncio.run(preview(cast(LiveNode, Node(said)), 3, back=False, at_boot=True))
    assert seen.broken(selected) is None
    now = changed(selected, "at_boot", False)
    assert seen.broken(now | {"migrations": said["migrations"]}) == f"{OTHERWISE}: reboot"
    lacks = changed(said, "substitutes.missing", ["item"])
    seen = asyncio.run(preview(cast(LiveNode, Node(lacks)), 3, back=False, at_boot=True))
    assert seen.broken(selected) == f"{OTHERWISE}: substitutes"


@pytest.mark.parametrize(
    ("running", "led_to"),
    [
        ({"supertest": 1}, 1),
        ({"supertest": 2, "other": 1}, 4),
        ({}, 5),
        ({"supertest": 1, "other": 2}, None),
    ],
)
def test_an_uninstall_leads_to_the_generation_that_has_all_but_the_plugin(
    running: dict[str, int], led_to: int | None
) -> None:
    others = [
        {"number": 1, "plugins": {}, "running": False},
        {"number": 4, "plugins": {"other": 1}, "running": False},
    ]
    node = Node(SAID, listed=[{"number": 5, "plugins": running, "running": True}, *others])
    seen = asyncio.run(preview_without(cast(LiveNode, node), "supertest"))
    assert (seen.generation if seen else None) == led_to
    assert node.asked == (1 if seen else 0)


def test_a_node_is_not_held_to_what_it_does_not_say() -> None:
    for name in SAID:
        less = {key: value for key, value in SAID.items() if key != name}
        assert asked(Node(less, listed=[])).broken(DONE) is None, name
    assert asked(Node({}, listed=[])).broken(DONE) is None
    assert asked(Node(SAID)).broken({"state": "done"}) is None


INTERNAL = AdminError("internal", "", {}, 500)


@pytest.mark.parametrize(
    ("answers", "broken", "times"),
    [
        ([AdminError("unknown_method", "", {}, 404)], None, 1),
        ([Unreachable("gone")], None, 1),
        ([Indefinite("lost")], None, 1),
        ([AdminError("unknown_generation", "", {}, 404)], f"{OTHERWISE}: unknown_generation", 1),
        ([INTERNAL, INTERNAL, SAID], None, 3),
        ([INTERNAL, INTERNAL, INTERNAL], f"{OTHERWISE}: internal", 3),
    ],
    ids=str,
)
def test_who_offers_previews_answers_what_is_then_done(
    answers: list[SyncModelError | dict[str, Any]], broken: str | None, times: int
) -> None:
    node = Node(*answers)
    seen = asked(node)
    assert seen.broken(DONE) == broken
    assert seen.broken(failed("unknown_generation")) is None
    assert node.asked == times
