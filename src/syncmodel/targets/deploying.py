"""Rollout and rollback of live nodes: asynchronous jobs that outlive the application.

The application restarts in the middle of a job, so its status is asked for again until the job is
known to have ended. A job whose end stays unknown makes the run invalid.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec.structs import replace

from syncmodel.errors import BootError, InvalidRunError, SyncModelError
from syncmodel.machines.base import Tells
from syncmodel.model.outcome import Outcome, accepted, refused
from syncmodel.steps.plugins import UNCONFIRMED
from syncmodel.targets.live_node import LiveNode
from syncmodel.targets.losing import to_losses
from syncmodel.targets.previewing import Preview, error_code, preview, preview_without
from syncmodel.transport.clients import AdminError, Indefinite, Unreachable

JOB_LIMIT_S = 60.0
POLL_LIMIT_S = 2.0
FIRST_PAUSE_S = 0.003
LONGEST_PAUSE_S = 0.1


#: What a deployment is told to have come to after which there is no application.
DOWN = "the application does not come back"


class DownError(SyncModelError):
    """A deployment is over, and its node's application does not run."""


async def deploy(
    node: LiveNode, generation: int, *, back: bool, previewing: bool = True
) -> Outcome:
    """Roll one node out or back and wait for the end of the job.

    `refused` with the job's error if it failed, or (`previewing`) if it did not do what its preview
    had said. Raises `InvalidRunError` if its end can't be known.
    """
    previewed = await preview(node, generation, back=back) if previewing else None
    job = await begin(node, generation, back=back)
    return job if isinstance(job, Outcome) else await end(node, job, previewed)


async def begin(
    node: LiveNode, generation: int, *, back: bool, at_boot: bool = False
) -> str | Outcome:
    """The name of the job, once it has begun; else why it was refused.

    `at_boot`: it only selects what the machine will boot. Raises `InvalidRunError` if nobody knows
    whether it has begun.
    """
    method = "rollout.rollback" if back else "rollout.start"
    return await _begun(
        node, method, {"generation": generation, **({"at_boot": True} if at_boot else {})}
    )


async def select(node: LiveNode, generation: int, *, back: bool) -> Outcome:
    """Have the node's machine boot that generation from the next time on; as it was previewed."""
    previewed = await preview(node, generation, back=back, at_boot=True)
    job = await begin(node, generation, back=back, at_boot=True)
    return job if isinstance(job, Outcome) else await end(node, job, previewed)


async def disable(node: LiveNode, plugin: str) -> Outcome:
    """Stop a plugin and wait for the end of the job, which must not run any migration."""
    job = await _begun(node, "plugins.disable", {"plugin": plugin})
    nothing = Preview(0, back=True, said={"migrations": {"up": [], "down": []}})
    return job if isinstance(job, Outcome) else await end(node, job, nothing)


async def uninstall(node: LiveNode, plugin: str, *, confirmed: bool, run_id: str = "") -> Outcome:
    """Take a plugin out with its tables, if that is confirmed, and wait for the end of the job,
    which must run what was previewed.

    If not, the refusal's `row` has what the node says would be lost, with the ids of that run.
    """
    params = {"plugin": plugin, **({"confirm_data_loss": True} if confirmed else {})}
    previewed = await preview_without(node, plugin) if confirmed else None
    job = await _begun(node, "plugins.uninstall", params)
    if not isinstance(job, Outcome):
        return await end(node, job, previewed)
    return job if job.row is None else replace(job, row=to_losses(node.name, job.row, run_id))


async def _begun(node: LiveNode, method: str, params: dict[str, Any]) -> str | Outcome:
    try:
        begun = await node.admin(method, params)
    except Unreachable:
        return refused("unreachable")
    except (AdminError, Indefinite) as error:
        if isinstance(error, AdminError) and error.definite:
            told = error.details if error.code == UNCONFIRMED else None
            return replace(refused(error.code), row=told)
        raise InvalidRunError(
            f"{node.name} did not say whether it began the {method} of {params}, "
            f"so nobody knows what it runs: {error}"
        ) from None
    return str(begun["job"])


async def end(node: LiveNode, job: str, previewed: Preview | None = None) -> Outcome:
    """How the job ended, once it has: `refused` with its error if it failed, and `previewed
    otherwise`, with what about, if it did not do what its preview had said.

    Raises `InvalidRunError` if its end can't be known.
    """
    if previewed is not None:
        node.jobs[job] = previewed.said
    try:
        ended = await _until_known(node, lambda: _ended(node, job))
    except AdminError as error:
        return refused(error.code)
    except DownError:
        return refused(DOWN)
    broken = previewed and previewed.broken(ended)
    if broken:
        return refused(broken)
    if ended["state"] == "done":
        return accepted()
    return refused(f"{ended['state']}: {error_code(ended)}")


async def _ended(node: LiveNode, job: str) -> dict[str, Any] | None:
    params = {"job": job, "wait": {"limit_s": POLL_LIMIT_S}}
    status = await node.admin("rollout.status", params, POLL_LIMIT_S + 5.0)
    return status if status.get("state") in ("done", "failed", "aborted") else None


async def _until_known(
    node: LiveNode, ask: Callable[[], Awaitable[dict[str, Any] | None]]
) -> dict[str, Any]:
    """Ask until there is an answer; while the application restarts there is none.

    Raises `AdminError` where the node knows no such job.
    """
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + JOB_LIMIT_S
    pause_s, over = FIRST_PAUSE_S, False
    while loop.time() < deadline_s:
        try:
            known = await ask()
            if known is not None:
                return known
        except (Unreachable, Indefinite, AdminError) as error:
            if isinstance(error, AdminError) and error.code == "unknown_job":
                raise
            if isinstance(error, Unreachable) and pause_s == LONGEST_PAUSE_S:
                # Twice: it may be on its way between the end of a job and its start.
                was_over, over = over, await _is_over(node)
                if was_over and over:
                    raise DownError(f"{node.name} has no job, and does not run.") from None
            # Paced, not waited out: there is no signal when the application is back.
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
    await _unless_down(node)
    raise InvalidRunError(
        f"{node.name} has not said within {JOB_LIMIT_S:.0f} s how its job ended: see its machine."
    )


async def _is_over(node: LiveNode) -> bool:
    """Whether the machine itself says that no job goes on, and no application runs."""
    if not isinstance(node.machine, Tells):
        return False
    status = await node.machine.status()
    return status.get("application") == "stopped" and status.get("job") is None


async def _unless_down(node: LiveNode) -> None:
    """Raises `DownError` if the application can't be started over its machine, either."""
    try:
        await node.machine.start()
    except BootError as error:
        raise DownError(f"{node.name} does not start after its job: {error}") from error
