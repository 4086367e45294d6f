"""One live node as the tester sees it: an SSH connection, and the two HTTP surfaces behind it.

Only the node's contract is used. What breaks on the way to a machine is the tester's
trouble (`TransportError`); what the application does is the system's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import asyncssh
import httpx

from syncmodel.errors import TransportError
from syncmodel.machines.base import Machine
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.outcome import Outcome, accepted, refused, unknown
from syncmodel.model.pace import RIGHT, Pace
from syncmodel.model.values import Write
from syncmodel.model.view import ControlView, View
from syncmodel.nostr.keys import Key
from syncmodel.targets.contradicting import contradictions
from syncmodel.targets.listing import to_members, to_numbers
from syncmodel.targets.standing import Standing, to_standing
from syncmodel.targets.wire import (
    PLUGIN_PATH,
    quoted,
    to_columns,
    to_outcome,
    to_shown,
    to_tables,
    to_view,
    to_wire,
)
from syncmodel.transport import ssh
from syncmodel.transport.clients import (
    AdminError,
    Answer,
    Indefinite,
    NodeClient,
    Sent,
    Unreachable,
    open_http,
)

SELECTED_LINK = "/var/guix/profiles/system"
RUNNING_LINK = "/run/current-system"
#: Beyond its own time limit a long poll's answer may take this much longer on the wire.
ANSWER_SLACK_S = 5.0
#: How many connections one request may use up before the way to its machine counts as broken.
WAYS = 3
#: The admin methods that change nothing, so that they may be asked again.
QUESTIONS = frozenset(
    {
        "sync.status",
        "rollout.preview",
        "rollout.status",
        "cluster_status",
        "cluster_nodes.list",
        "generations.list",
        "store.tables",
    }
)

Given = TypeVar("Given")


class LiveNode:
    """One node. Connects when first asked, and again after its connection was lost.

    What was on its way then has an unknown outcome; only what changes nothing is asked again.
    """

    def __init__(
        self,
        machine: Machine,
        key: Key,
        pubkey: str,
        *,
        plugin_path: str = PLUGIN_PATH,
        request_limit_s: float = 10.0,
    ) -> None:
        """`key` signs the admin requests to the node with the Nostr key `pubkey`; `plugin_path` is
        where its plugin's API is; `request_limit_s` bounds every answer."""
        self.name = machine.name
        self.machine = machine
        self._key = key
        self.pubkey = pubkey
        self._plugin_path = plugin_path
        self._plugin = plugin_path.rsplit("/", 1)[-1]
        self._request_limit_s = request_limit_s
        self._connection: asyncssh.SSHClientConnection | None = None
        self._http: httpx.AsyncClient | None = None
        self._client: NodeClient | None = None
        self._connecting = asyncio.Lock()
        self._retired = False
        #: How its clock was set.
        self.pace = RIGHT
        self._jumping = asyncio.Lock()
        #: The last request of each admin method that it took, over all connections and reboots.
        self.took: dict[str, Sent] = {}
        #: The last jobs that it began, likewise, each with what was previewed of it.
        self.jobs: dict[str, Any] = {}

    async def connect(self) -> NodeClient:
        """The client of this node. Raises `TransportError` if the machine can't be reached."""
        async with self._connecting:
            if self._client is None or self._lost:
                await self.close()
                self._connection = await self._reach()
                self._http, self._client = self._surfaces(self._connection)
            return self._client

    async def _reach(self) -> asyncssh.SSHClientConnection:
        """A connection to the machine."""
        place = self.machine.endpoint
        return await ssh.connect(
            place.host,
            place.port,
            place.username,
            place.client_key,
            place.host_key,
            sockets=place.sockets,
        )

    def _surfaces(
        self, connection: asyncssh.SSHClientConnection
    ) -> tuple[httpx.AsyncClient, NodeClient]:
        """The node's two surfaces behind the connection."""
        http = open_http(connection, self._request_limit_s)
        client = NodeClient(
            http,
            self._key,
            node=self.pubkey,
            plugin_path=self._plugin_path,
            clock=self._now,
            took=self.took,
            jobs=self.jobs,
        )
        return http, client

    async def retire(self) -> None:
        """Close it for good, as its machine reboots: who still asks it has asked nothing."""
        self._retired = True
        await self.close()

    async def close(self) -> None:
        """Close what is open; the node itself is left as it is."""
        # Given up before it is closed: a request at the same time dials anew.
        http, connection = self._http, self._connection
        self._connection = self._http = self._client = None
        if http is not None:
            await http.aclose()
        if connection is not None:
            connection.close()
            await connection.wait_closed()

    async def _asked(
        self, ask: Callable[[NodeClient], Awaitable[Given]], *, twice: bool = False
    ) -> Given:
        """The answer to `ask`, over a new connection to the machine if the old one is lost.

        What may have been sent is sent again only if it may be carried out `twice`. Raises what
        `ask` does, about the application; and TransportError if the way to its machine is gone.
        """
        for _ in range(WAYS):
            if self._retired:
                raise Unreachable(f"{self.name} was not asked: its machine has rebooted meanwhile.")
            client = self._client
            if client is None or self._lost:
                client = await self.connect()
            try:
                return await ask(client)
            except Unreachable:
                if not self._lost:
                    raise
            except Indefinite:
                if not (twice and self._lost):
                    raise
        raise TransportError(
            f"The SSH connection to {self.name} broke {WAYS} times in a row: see its sshd's log."
        )

    @property
    def _lost(self) -> bool:
        """Whether the way to the machine broke; the application may be gone, the way must not."""
        return self._connection is None or self._connection.is_closed()

    # --- requests ------------------------------------------------------------------------------

    async def write(self, write: Write, run_id: str, *, malformed: bool = False) -> Outcome:
        """Send one plugin request; its outcome, never an exception of the application's."""
        method, path, body = to_wire(write, run_id, malformed=malformed)
        try:
            answer = await self._asked(lambda client: client.plugin(method, path, body))
        except Unreachable:
            return refused("unreachable")
        except Indefinite as error:
            return unknown(str(error))
        return to_outcome(answer.status, answer.body, run_id)

    async def look(self, table: str, name: str | None, run_id: str) -> Outcome:
        """What the node shows of one row or table; its outcome, never the application's exception.

        Raises `DivergenceFound` for an answer that has not the contract's shape.
        """
        path = f"{table}?run_id={quoted(run_id)}"
        if name is not None:
            path = f"{table}/{quoted(f'{run_id}/{name}')}"
        try:
            answer = await self._asked(lambda client: client.plugin("GET", path), twice=True)
        except Unreachable:
            return refused("unreachable")
        except Indefinite as error:
            return unknown(str(error))
        return to_shown(self.name, table, answer.status, answer.body, run_id)

    async def answers_within(self, limit_s: float) -> bool:
        """Whether the application answers anything at all so soon."""
        try:
            async with asyncio.timeout(limit_s):
                await self._asked(lambda client: client.plugin("GET", "health"), twice=True)
        except (TimeoutError, Unreachable, Indefinite):
            return False
        return True

    async def admin(
        self, method: str, params: dict[str, Any] | None = None, limit_s: float | None = None
    ) -> dict[str, Any]:
        """The result of one admin method. Raises what `NodeClient.admin` does.

        What was signed before the node's clock jumped, and came after, is signed again.
        """
        pace = self.pace
        for _ in range(2):
            try:
                return await self._asked(
                    lambda client: client.admin(method, params, limit_s), twice=method in QUESTIONS
                )
            except AdminError as error:
                async with self._jumping:
                    if error.code != "unauthorized" or pace == self.pace:
                        raise
                pace = self.pace
        raise TransportError(f"The clock of {self.name} jumped twice while it was asked {method}.")

    async def misuse(self, ask: Callable[[NodeClient], Awaitable[Answer]]) -> Outcome:
        """The outcome of an admin request that is not ours to make, as it comes."""
        try:
            answer = await self._asked(ask, twice=True)
        except Unreachable:
            return refused("unreachable")
        except Indefinite as error:
            return unknown(str(error))
        if answer.ok:
            return accepted()
        return refused(answer.code) if answer.definite else unknown(answer.code)

    async def ask(self, ask: Callable[[NodeClient], Awaitable[Answer]]) -> Answer:
        """What it answers to this, asked once. Raises Unreachable, Indefinite."""
        return await self._asked(ask)

    async def set_clock(self, ahead_s: int) -> None:
        """The clock of its machine is so far ahead of ours."""
        await self.keeps(Pace(ahead_s), self.machine.set_clock(ahead_s))

    async def keeps(self, pace: Pace, setting: Awaitable[None]) -> None:
        """Its clock goes like this once that is done; requests are signed in its time."""
        async with self._jumping:
            await setting
            self.pace = pace

    def _now(self) -> float:
        return self.pace.at(time.time())

    async def standing(
        self, goals: Mapping[str, tuple[str, int]] | None = None, limit_s: float = 0.0
    ) -> Standing:
        """Where the node stands; with goals (peer -> log, position) once it got there.

        Returns at `limit_s` even if it did not. Raises `DivergenceFound` if it does not answer.
        """
        params: dict[str, Any] = {}
        if goals:
            peers = {
                peer: {"log_id": log_id, "position": position}
                for peer, (log_id, position) in goals.items()
            }
            params = {"wait": {"peers": peers, "limit_s": limit_s}}
        result = await self._answered("sync.status", params, limit_s + ANSWER_SLACK_S)
        standing = to_standing(result)
        if standing is None:
            raise self._wrong("a sync.status of the contract's shape", repr(result))
        return standing

    async def view(self, run_id: str) -> tuple[View | None, tuple[str, int] | None]:
        """The rows of one run with the (log, position) they were read at; Nones without plugin."""
        path = f"state?run_id={quoted(run_id)}"
        try:
            answer = await self._asked(lambda client: client.plugin("GET", path), twice=True)
        except (Unreachable, Indefinite) as error:
            raise self._wrong("an answer to GET state", str(error)) from None
        if answer.status == 404:
            return None, None
        if not answer.ok:
            raise self._wrong("the state, or 404", f"HTTP {answer.status} {answer.code}")
        result = answer.body.get("result")
        if not isinstance(result, dict) or not isinstance(result.get("position"), int):
            raise self._wrong("a state of the contract's shape", repr(result))
        return to_view(self.name, result, run_id), (result.get("log_id", ""), result["position"])

    async def control(self) -> ControlView:
        """Generations by the admin surface and by the machine's links, plugin, tables, health, and
        the cluster's nodes."""
        status, generations, linked, stored, listed = await asyncio.gather(
            self._answered("cluster_status"),
            self._answered("generations.list"),
            self._linked(),
            self.stored_tables(),
            self._answered("cluster_nodes.list"),
        )
        try:
            schema = await self._asked(lambda client: client.plugin("GET", "schema"), twice=True)
        except (Unreachable, Indefinite) as error:
            raise self._wrong("an answer to GET schema", str(error)) from None
        result = schema.body.get("result") if schema.ok else None
        try:
            generation = status["generation"]
            version = None if result is None else int(result["version"])
            listed_tables = {} if result is None else result["tables"]
            return ControlView(
                selected=int(generation["selected"]),
                running=int(generation["running"]),
                links=to_numbers(generations, linked),
                plugin=version,
                tables=to_tables(listed_tables),
                columns=to_columns(listed_tables),
                healthy=bool(status["healthy"]),
                problems=tuple(map(str, status["problems"])),
                stored=stored,
                members=to_members(listed, status, status["sync"]),
                contradictions=contradictions(
                    version, status, generations["generations"], listed["nodes"]
                ),
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            shown = f"{status!r:.150} {result!r:.150}"
            raise self._wrong("a cluster_status of the contract's shape", shown) from None

    async def stored_tables(self) -> tuple[str, ...] | None:
        """The plugin's tables in the store; None where the node does not offer to list them."""
        try:
            listed = await self.admin("store.tables", {"plugin": self._plugin})
            return to_tables(listed["tables"])
        except (AdminError, Unreachable, Indefinite) as error:
            if isinstance(error, AdminError) and error.code == "unknown_method":
                return None
            raise self._wrong("an answer to store.tables", str(error)) from None
        except (KeyError, TypeError):
            raise self._wrong("a store.tables of the contract's shape", repr(listed)) from None

    async def links(self) -> tuple[int, int]:
        """(selected, running) as the machine's own links say."""
        listed, items = await asyncio.gather(self._answered("generations.list"), self._linked())
        return to_numbers(listed, items)

    async def _linked(self) -> tuple[str, str]:
        """The store items that the links lead to."""
        for _ in range(WAYS):
            await self.connect()
            try:
                return await self._read_links()
            except (asyncssh.Error, OSError) as error:
                told = f"{self.name}: can't read its generation links: {error}"
                if not self._lost:
                    raise TransportError(told) from None
        raise TransportError(told)

    async def _read_links(self) -> tuple[str, str]:
        connection = self._connection
        assert connection is not None
        async with await ssh.with_session(connection.start_sftp_client, self.name) as sftp:
            selected, running = [await sftp.realpath(one) for one in (SELECTED_LINK, RUNNING_LINK)]
        return str(selected), str(running)

    async def _answered(
        self, method: str, params: dict[str, Any] | None = None, limit_s: float | None = None
    ) -> dict[str, Any]:
        """The result of a method that a node which runs must answer."""
        try:
            return await self.admin(method, params, limit_s)
        except (AdminError, Unreachable, Indefinite) as error:
            raise self._wrong(f"an answer to {method}", str(error)) from None

    def _wrong(self, expected: str, shown: str) -> DivergenceFound:
        divergence = Divergence(Kind.CONTROL_PLANE, self.name, None, expected, shown[:300])
        return DivergenceFound((divergence,))
