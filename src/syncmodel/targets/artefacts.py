"""What is kept of live nodes so that a failure can be understood once they are gone.

One folder for each node, of files that are the same for equal answers: a diff of two of them shows
what differs. Not here: what only a machine of ours has (its logs and jobs).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Iterable, Mapping
from pathlib import Path
from typing import Any

from syncmodel.errors import TransportError
from syncmodel.model.divergence import DivergenceFound
from syncmodel.targets.comparing import migrated
from syncmodel.targets.kept import comparison, rows_of, write
from syncmodel.targets.live_node import LiveNode
from syncmodel.transport.clients import AdminError, Indefinite, Unreachable

#: What an admin method says, by the file that it is kept in.
METHODS = {
    "generations.json": "generations.list",
    "status.json": "cluster_status",
    "nodes.json": "cluster_nodes.list",
    "sync.json": "sync.status",
}
MIGRATIONS = "migrations.json"
#: The status of an answer about a job that there is not.
NO_SUCH = 404


async def keep(nodes: Mapping[str, LiveNode], folder: Path, run_id: str) -> None:
    """Ask each node all that there is to ask; the folder and its nodes' folders are made."""
    for name in nodes:
        await asyncio.to_thread((folder / name).mkdir, parents=True, exist_ok=True)
    await asyncio.gather(*(_keep(node, folder / name, run_id) for name, node in nodes.items()))


async def _keep(node: LiveNode, folder: Path, run_id: str) -> None:
    answers = {name: await _answer(node.admin(method)) for name, method in METHODS.items()}
    answers["comparison.json"] = comparison(answers["generations.json"])
    answers["store-tables.json"] = await _answer(node.stored_tables())
    answers["links.json"] = await _answer(node.links())
    answers["rows.json"] = await _answer(_rows(node, run_id))
    answers["schema.json"] = await _answer(_schema(node))
    answers[MIGRATIONS] = await _answer(_migrations(node))
    answers["previews.json"] = {job: said for job, said in node.jobs.items() if said is not None}
    for name, found in answers.items():
        write(folder / name, found)


def add_jobs(folder: Path, told: Iterable[Mapping[str, Any]]) -> None:
    """What jobs that a machine has on disk have run, beside what its node said of those that the
    tester began."""
    file = folder / MIGRATIONS
    before = json.loads(file.read_text(encoding="utf-8"))
    said = before.get("jobs", [])
    names = {job["job"] for job in said}
    write(file, {**before, "jobs": said + [j for j in migrated(told) if j["job"] not in names]})


async def _schema(node: LiveNode) -> Any:
    answer = await node.ask(lambda client: client.plugin("GET", "schema"))
    return answer.body.get("result") if answer.ok else {"schema": None, "status": answer.status}


async def _migrations(node: LiveNode) -> Any:
    """Of each job that the tester began; one that the node does not know any more is left out."""
    told = []
    for job in node.jobs:
        try:
            told.append(await node.admin("rollout.status", {"job": job}))
        except AdminError as error:
            if error.status != NO_SUCH:
                raise
    try:
        return {"jobs": migrated(told)}
    except (TypeError, AttributeError) as error:
        return {"unanswered": f"no jobs: {type(error).__name__}: {error}"}


async def _rows(node: LiveNode, run_id: str) -> Any:
    return rows_of(*await node.view(run_id))


async def _answer(question: Awaitable[Any]) -> Any:
    """What a node says; where it says nothing, why."""
    try:
        return await question
    except (AdminError, Indefinite, Unreachable, TransportError, DivergenceFound) as error:
        return {"unanswered": f"{type(error).__name__}: {error}"}
