"""What is kept of live nodes so that a failure can be understood once they are gone.

One folder for each node, of files that are the same for equal answers: a diff of two of them shows
what differs. Not here: what only a machine of ours has (its logs and jobs).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any

from syncmodel.errors import TransportError
from syncmodel.model.divergence import DivergenceFound
from syncmodel.targets.live_node import LiveNode
from syncmodel.transport.clients import AdminError, Indefinite, Unreachable

#: What an admin method says, by the file that it is kept in.
METHODS = {
    "generations.json": "generations.list",
    "status.json": "cluster_status",
    "nodes.json": "cluster_nodes.list",
    "sync.json": "sync.status",
}


async def keep(nodes: Mapping[str, LiveNode], folder: Path, run_id: str) -> None:
    """Ask each node all that there is to ask; the folder and its nodes' folders are made."""
    for name in nodes:
        await asyncio.to_thread((folder / name).mkdir, parents=True, exist_ok=True)
    await asyncio.gather(*(_keep(node, folder / name, run_id) for name, node in nodes.items()))


async def _keep(node: LiveNode, folder: Path, run_id: str) -> None:
    for name, method in METHODS.items():
        _write(folder / name, await _answer(node.admin(method)))
    _write(folder / "store-tables.json", await _answer(node.stored_tables()))
    _write(folder / "links.json", await _answer(node.links()))
    _write(folder / "rows.json", await _answer(_rows(node, run_id)))


async def _rows(node: LiveNode, run_id: str) -> Any:
    view, at = await node.view(run_id)
    if view is None or at is None:
        return {"rows": None}
    rows = {str(row): dict(value.cells) for row, value in view.rows}
    return {"log_id": at[0], "position": at[1], "rows": rows}


async def _answer(question: Awaitable[Any]) -> Any:
    """What a node says; where it says nothing, why."""
    try:
        return await question
    except (AdminError, Indefinite, Unreachable, TransportError, DivergenceFound) as error:
        return {"unanswered": f"{type(error).__name__}: {error}"}


def _write(file: Path, found: Any) -> None:
    text = json.dumps(found, indent=2, sort_keys=True, default=str, ensure_ascii=True)
    file.write_text(f"{text}\n", encoding="utf-8")
