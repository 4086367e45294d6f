"""What a node says that a deployment will do, held against what it then does.

The fields are those of `rollout.preview` in docs/contract.md; what a node does not say is not held
against it. Not here: deploying itself (`deploying`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from syncmodel.steps.deployment import OTHERWISE
from syncmodel.targets.live_node import LiveNode
from syncmodel.transport.clients import AdminError, Indefinite, Unreachable

#: What a node that has no previews answers.
NOT_OFFERED = frozenset({"unknown_method", "no_such_method", "not_found"})
#: A node that fails at it is asked so often: its store may be locked just then.
TIMES = 3
NO_MIGRATIONS: Mapping[str, Any] = {"up": [], "down": []}
#: How a channel's commit may follow the one before it.
FOLLOWS = frozenset({"new", "forward"})


@frozen
class Preview:
    """What was said before a deployment to `generation` (`back`: a rollback; `at_boot`: it is only
    selected, and runs once the machine boots).

    `said` is the plan, None where there was none to be had; `refused` the code of an answer that
    was none. `plugins` are those of each generation, `selected` and `running` their numbers then,
    as `generations.list` has them; nothing where it was not to be had.
    """

    generation: int
    back: bool
    said: Mapping[str, Any] | None = None
    refused: str | None = None
    plugins: Mapping[int, Any] = {}
    selected: int | None = None
    running: int | None = None
    at_boot: bool = False

    def broken(self, status: Mapping[str, Any]) -> str | None:
        """The code of what was not done as it was said, when the job ended with this status."""
        about = next(self._wrong(status), None)
        return f"{OTHERWISE}{about}" if about is not None else None

    def _wrong(self, status: Mapping[str, Any]) -> Iterator[str]:
        done, code = status.get("state") == "done", error_code(status)
        if self.said is None:
            if done and self.refused is not None:
                yield f": {self.refused}"
            return
        said = self.said
        ran, named = status.get("migrations"), said.get("migrations")
        if named and status.get("at_boot"):
            named = NO_MIGRATIONS  # the boot's own job runs them
        if done and ran and named and ran != named:
            yield ""
        # Why it can't be done is known before it is begun, and only then.
        for name, reasons, ends in self._hindrances():
            if (done and reasons) or (code == ends and not reasons):
                yield f": {name}"
        yield from self._of_the_switch(status) if done else ()

    def _hindrances(self) -> Iterator[tuple[str, object, str]]:
        """What would end the deployment early: in a word, what of it is said, and its code."""
        assert self.said is not None
        if "incompatible" in self.said:
            yield "what fits together", self.said["incompatible"], "incompatible"
        substitutes = self.said.get("substitutes")
        delta = self.said.get("channel_delta")
        if self.back:
            return  # It leads to what was built before.
        if isinstance(substitutes, Mapping) and "missing" in substitutes:
            yield "substitutes", substitutes["missing"], "missing_substitutes"
        if isinstance(delta, Mapping) and "channels" in delta:
            channels = delta["channels"]
            strange = [one for one in channels if one.get("lineage") not in FOLLOWS]
            yield "lineage", strange, "lineage_refused"

    def _of_the_switch(self, status: Mapping[str, Any]) -> Iterator[str]:
        """What of a job that is done was said otherwise."""
        assert self.said is not None
        said = self.said
        if "reboot_required" in said:
            reboots = bool(said["reboot_required"])
            boots = reboots or self.at_boot
            if boots != bool(status.get("at_boot", boots)):
                yield ": reboot"
            if reboots != bool(said.get("reboot_reasons", reboots)):
                yield ": reboot"
        restarts = None if self.running is None else self.running != self.generation
        if restarts is not None and bool(said.get("restart_required", restarts)) != restarts:
            yield ": restart"
        yield from self._of_the_delta(said.get("channel_delta"))

    def _of_the_delta(self, delta: object) -> Iterator[str]:
        if not isinstance(delta, Mapping):
            return
        for name, number in (("from", self.selected), ("to", self.generation)):
            there = None if number is None else self.plugins.get(number)
            if there is not None and delta.get(name, there) != there:
                yield ": plugins"
        if bool(delta.get("pull")) != bool(delta.get("channels", delta.get("pull"))):
            yield ": pull"


async def preview_without(node: LiveNode, plugin: str) -> Preview | None:
    """Ask, before a plugin is uninstalled; None where no generation is as this one without it."""
    listed = await _listed(node)
    runs = next((one.get("plugins") for one in listed if one.get("running")), None)
    if not isinstance(runs, Mapping):
        return None
    rest = {name: version for name, version in runs.items() if name != plugin}
    number = next((int(one["number"]) for one in listed if one.get("plugins") == rest), None)
    return None if number is None else await preview(node, number, back=True)


async def preview(node: LiveNode, generation: int, *, back: bool, at_boot: bool = False) -> Preview:
    """Ask, before it is deployed. What is not answered is left out."""
    said, listed = await asyncio.gather(_said(node, generation), _listed(node))
    plan, refused = said
    plugins = {int(one["number"]): one.get("plugins") for one in listed}
    return Preview(
        generation,
        back,
        plan,
        refused,
        {number: there for number, there in plugins.items() if there is not None},
        next((int(one["number"]) for one in listed if one.get("selected")), None),
        next((int(one["number"]) for one in listed if one.get("running")), None),
        at_boot,
    )


async def _said(node: LiveNode, generation: int) -> tuple[dict[str, Any] | None, str | None]:
    code = None
    for _ in range(TIMES):
        try:
            return await node.admin("rollout.preview", {"generation": generation}), None
        except (Unreachable, Indefinite):
            return None, None
        except AdminError as error:
            if error.code in NOT_OFFERED:
                return None, None
            code = error.code
            if error.status < 500:
                break
    return None, code


async def _listed(node: LiveNode) -> list[dict[str, Any]]:
    try:
        return list((await node.admin("generations.list"))["generations"])
    except (Unreachable, Indefinite, AdminError, KeyError, TypeError):
        return []


def error_code(status: Mapping[str, Any]) -> str:
    """With which error a job has ended."""
    error = status.get("error")
    return str(error.get("code")) if isinstance(error, dict) else "no error given"
