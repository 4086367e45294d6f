"""One node that may lack some of its contract, as the tester sees it.

What it lacks (`capabilities`) is not asked for: facts that nobody can know are left unseen, and
what can be known in another way is. Its names and numbers are translated here, and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import asyncssh

from syncmodel.errors import TransportError
from syncmodel.machines.base import Machine
from syncmodel.model.view import ControlView, View
from syncmodel.nostr.keys import Key
from syncmodel.targets.live_node import RUNNING_LINK, SELECTED_LINK, LiveNode
from syncmodel.targets.standing import Standing
from syncmodel.targets.wire import PLUGIN_PATH, SUPERTEST, quoted, to_columns, to_tables, to_view
from syncmodel.transport import ssh
from syncmodel.transport.clients import (
    Answer,
    Indefinite,
    Unreachable,
)

PROFILES = "/var/guix/profiles"
_LINK = re.compile(r"system-([0-9]+)-link")
#: What a node is on that is none of the schema's generations.
STRANGE = 0


class PartialNode(LiveNode):
    """A live node that lacks what `lacks` names. Before it is known, it is taken for whole."""

    def __init__(
        self,
        machine: Machine,
        key: Key,
        pubkey: str,
        *,
        names: Mapping[str, str],
        generations: Sequence[int] = (1, 2, 3),
        plugin_path: str = PLUGIN_PATH,
        request_limit_s: float = 10.0,
    ) -> None:
        """`names` are those of all nodes in their cluster, by ours; `generations` its own numbers
        of the schema's generations."""
        super().__init__(
            machine, key, pubkey, plugin_path=plugin_path, request_limit_s=request_limit_s
        )
        self.lacks: frozenset[str] = frozenset()
        self.usual = SUPERTEST.usual
        self._theirs = dict(names)
        self._ours = {theirs: ours for ours, theirs in names.items()}
        self._generations = tuple(generations)

    # --- names and numbers ---------------------------------------------------------------------

    def number(self, generation: int) -> int:
        """The node's own number of one of the schema's generations."""
        return self._generations[generation - 1]

    def _generation(self, number: object) -> int:
        known = {own: at for at, own in enumerate(self._generations, 1)}
        return known.get(int(str(number)), STRANGE)

    def named(self, losses: Mapping[str, Any]) -> dict[str, Any]:
        """What an uninstall says would be lost, with our names of its peers."""
        silent = [self._ours.get(name, name) for name in losses.get("not_asked", ())]
        return {**losses, **({"not_asked": silent} if "not_asked" in losses else {})}

    # --- what it shows -------------------------------------------------------------------------

    async def standing(
        self, goals: Mapping[str, tuple[str, int]] | None = None, limit_s: float = 0.0
    ) -> Standing:
        asked = {self._theirs[peer]: goal for peer, goal in (goals or {}).items()}
        seen = await super().standing(asked, limit_s)
        peers = {self._ours.get(name, name): heard for name, heard in seen.peers.items()}
        return Standing(seen.log_id, seen.position, peers)

    async def view(self, run_id: str) -> tuple[View | None, tuple[str, int] | None]:
        if "state.position" not in self.lacks:
            return await super().view(run_id)
        try:
            answer = await self.ask_plugin("GET", f"state?run_id={quoted(run_id)}")
        except (Unreachable, Indefinite) as error:
            raise self._wrong("an answer to GET state", str(error)) from None
        if answer.status == 404:
            return None, None
        if not answer.ok:
            raise self._wrong("the state, or 404", f"HTTP {answer.status} {answer.code}")
        return to_view(self.name, answer.body.get("result"), run_id), None

    async def control(self) -> ControlView:
        """As far as it can be seen; what can't is named as unseen."""
        unseen = set()
        selected, running, links = await self._numbers()
        healthy, problems = True, tuple[str, ...]()
        if "cluster_status" in self.lacks:
            unseen.add("healthy")
        else:
            status = await self.status()
            selected, running = status[0], status[1]
            healthy, problems = status[2], status[3]
        if selected is None or running is None:
            unseen |= {"selected", "running"}
        if links is None:
            unseen.add("links")
        version, tables, columns = await self._schema()
        if "schema" in self.lacks:
            unseen |= {"plugin", "tables"}
        stored = None if "store.tables" in self.lacks else await self.stored_tables()
        return ControlView(
            selected=selected or STRANGE,
            running=running or STRANGE,
            links=links or (STRANGE, STRANGE),
            plugin=version,
            tables=tables,
            columns=columns,
            healthy=healthy,
            problems=problems,
            stored=stored,
            unseen=frozenset(unseen),
        )

    async def running(self) -> int | None:
        """The schema's generation that runs; None where nobody can say.

        Where no number is told, the plugin's version says it, or whether there is a plugin at all.
        """
        _, running, _ = await self._numbers()
        if running is not None:
            return running
        if "cluster_status" not in self.lacks:
            return (await self.status())[1]
        version, *_ = await self._schema()
        plugins = SUPERTEST.deployment
        if "schema" not in self.lacks:
            return next((n for n in sorted(plugins) if plugins[n] == version), None)
        view, _ = await self.view("syncmodel-asks")
        has = [n for n in sorted(plugins) if (plugins[n] is None) is (view is None)]
        return self.usual if self.usual in has else next(iter(has), None)

    async def _numbers(self) -> tuple[int | None, int | None, tuple[int, int] | None]:
        """The generations that are selected and running, and what the machine's links say."""
        by_links = None
        if "links" not in self.lacks:
            by_links = await self._own_links()
        if "generations.list" in self.lacks:
            selected, running = by_links or (None, None)
            return selected, running, by_links
        listed = await self.listed()
        selected = next((self._generation(n) for n, is_on, _ in listed if is_on), STRANGE)
        running = next((self._generation(n) for n, _, is_on in listed if is_on), STRANGE)
        return selected, running, by_links

    async def listed(self) -> list[tuple[int, bool, bool]]:
        """(number, whether it is selected, whether it runs) of each generation of the node."""
        result = await self._answered("generations.list")
        try:
            return [
                (int(one["number"]), bool(one["selected"]), bool(one["running"]))
                for one in result["generations"]
            ]
        except (KeyError, TypeError, ValueError):
            raise self._wrong("a generations.list of the contract's shape", repr(result)) from None

    async def status(self) -> tuple[int, int, bool, tuple[str, ...]]:
        """(selected, running, healthy, problems) as cluster_status has them."""
        result = await self._answered("cluster_status")
        try:
            at = result["generation"]
            problems = tuple(map(str, result["problems"]))
            selected, running = (self._generation(at[name]) for name in ("selected", "running"))
            return selected, running, bool(result["healthy"]), problems
        except (KeyError, TypeError, ValueError):
            raise self._wrong("a cluster_status of the contract's shape", repr(result)) from None

    async def _schema(self) -> tuple[int | None, tuple[str, ...], tuple[str, ...] | None]:
        """The plugin's version, tables and columns; no version without the plugin."""
        if "schema" in self.lacks:
            return None, (), None
        try:
            answer = await self.ask_plugin("GET", "schema")
        except (Unreachable, Indefinite) as error:
            raise self._wrong("an answer to GET schema", str(error)) from None
        result = answer.body.get("result") if answer.ok else None
        if result is None:
            return None, (), ()
        try:
            tables = result["tables"]
            return int(result["version"]), to_tables(tables), to_columns(tables)
        except (KeyError, TypeError, ValueError):
            raise self._wrong("a schema of the contract's shape", repr(result)) from None

    async def _own_links(self) -> tuple[int, int]:
        try:
            selected, running = await self.read_links()
        except (asyncssh.Error, OSError, ValueError) as error:
            raise TransportError(f"{self.name}: can't read its generation links: {error}") from None
        return self._generation(selected), self._generation(running)

    async def read_links(self) -> tuple[int, int]:
        """The numbers of the generations that the machine's links select and run.

        A number is in the name of the link that leads to the store's item. Raises ValueError where
        links lead elsewhere, and what SFTP does.
        """
        await self.connect()
        connection = self._connection
        assert connection is not None
        async with await ssh.with_session(connection.start_sftp_client, self.name) as sftp:
            chosen = str(await sftp.readlink(SELECTED_LINK)).rsplit("/", 1)[-1]
            item = str(await sftp.realpath(RUNNING_LINK))
            selected = _numbered(chosen)
            if str(await sftp.realpath(f"{PROFILES}/{chosen}")) == item:
                return selected, selected
            for name in await sftp.listdir(PROFILES):
                found = _LINK.fullmatch(str(name))
                if found and str(await sftp.realpath(f"{PROFILES}/{name}")) == item:
                    return selected, int(found[1])
        return selected, -1

    # --- what is asked of it -------------------------------------------------------------------

    async def ask_plugin(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> Answer:
        """What its plugin's API answers. Raises what `NodeClient.plugin` does."""
        return await self._asked(
            lambda client: client.plugin(method, path, body), twice=method == "GET"
        )

    async def mark(self, run_id: str, name: str) -> bool:
        """Write a case, and an event of it, in a run of their own; whether both were taken."""
        its = {"id": f"{run_id}/{name}", "run_id": run_id}
        rows: dict[str, dict[str, Any]] = {
            "cases": {**its, "title": "t1", "counter": 0},
            # By either version's name.
            "events": {**its, "case_id": its["id"], "body": "b1", "text": "b1"},
        }
        for table, body in rows.items():
            try:
                if not (await self.ask_plugin("POST", table, body)).ok:
                    return False
            except (Unreachable, Indefinite):
                return False
        return True

    async def marks(self, run_id: str) -> frozenset[str]:
        """The marks that have come to it: the names of that run's events that show."""
        try:
            answer = await self.ask_plugin("GET", f"state?run_id={quoted(run_id)}")
        except (Unreachable, Indefinite):
            return frozenset()
        if not answer.ok:
            return frozenset()
        view = to_view(self.name, answer.body.get("result"), run_id)
        return frozenset(name for name, _ in view.table("events"))

    async def answers(self) -> bool:
        """Whether its application answers at all: any HTTP answer counts."""
        for _ in range(2):
            try:
                await self._asked(lambda client: client.plugin("GET", "health"), twice=True)
            except Unreachable:
                return False
            except Indefinite:
                continue
            return True
        return False


def _numbered(name: str) -> int:
    found = _LINK.fullmatch(name)
    if found is None:
        raise ValueError(f"{SELECTED_LINK} leads to {name!r}, which is no generation's link")
    return int(found[1])
