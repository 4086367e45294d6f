"""The admin surface: NIP-98 authorisation, the cluster and sync methods, and the way to control.

Generations, rollouts and plugins are the supervisor's: those methods are passed on to its socket.
"""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from syncmodel.nostr.nip98 import Asked, UnauthorizedError, check
from syncmodel.reference.node import elsewhere
from syncmodel.reference.node.accepted import Accepted
from syncmodel.reference.node.application import Application
from syncmodel.reference.node.entries import RefusedEntryError, read_content, write_content
from syncmodel.reference.node.generations import Generations
from syncmodel.reference.node.layout import Layout
from syncmodel.reference.node.ports import Member, Purge, Resync, Trust
from syncmodel.reference.node.purging import deletes
from syncmodel.reference.node.state import State, listed, reached, sync_status
from syncmodel.reference.node.store import StoreError
from syncmodel.reference.node.surface import answer, asked_url, denied, not_ready, read_body
from syncmodel.reference.node.writes import BODY_LIMIT_BYTES, DeniedError, success

PATH: Final = "/api/admin/management"
WAIT_LIMIT_S: Final = 60.0
#: The control's answer may quote what it was asked, and what is in a job's log.
REPLY_LIMIT_BYTES: Final = 1 << 24
CONTROL_METHODS: Final = frozenset(
    {
        "generations.list",
        "rollout.preview",
        "rollout.start",
        "rollout.status",
        "rollout.rollback",
        "rollout.abort",
        "plugins.disable",
        "plugins.uninstall",
        "store.tables",
    }
)
#: What changes nothing: a request of any other method must not come twice, whatever happens.
QUESTIONS: Final = frozenset(
    {
        "cluster_nodes.list",
        "cluster_status",
        "generations.list",
        "rollout.preview",
        "rollout.status",
        "store.deletes",
        "store.tables",
        "sync.status",
    }
)

Params = Mapping[str, Any]
Result = dict[str, Any]


class Admin:
    """The endpoint of POST /api/admin/management."""

    def __init__(self, app: Application, root: Path, accepted: Accepted) -> None:
        self._app = app
        self._layout = Layout(root)
        self._accepted = accepted
        self._urls = frozenset(f"{origin}{PATH}" for origin in app.config.origins)
        self._methods: dict[str, Callable[[Params], Awaitable[Result]]] = {
            "cluster_nodes.list": self._list,
            "cluster_nodes.join": self._membership(True),
            "cluster_nodes.reactivate": self._membership(True),
            "cluster_nodes.leave": self._membership(False),
            "cluster_nodes.trust": self._trust(True),
            "cluster_nodes.distrust": self._trust(False),
            "cluster_status": self._cluster_status,
            "sync.status": self._sync_status,
            "sync.resync": self._resync,
            "store.deletes": self._deletes,
            "store.purge": self._purge,
        }

    async def respond(self, request: Request) -> Response:
        """Answer one request; nothing happens unless it is authorised."""
        body, payload = await read_body(request)
        try:
            self._authorise(request, payload)
            if len(body) > BODY_LIMIT_BYTES:
                raise DeniedError(
                    400, "malformed", f"the body is longer than {BODY_LIMIT_BYTES} bytes"
                )
            return await self._call(read_content(body.decode()))
        except UnauthorizedError as exc:
            return denied(401, "unauthorized", str(exc))
        except (RefusedEntryError, UnicodeDecodeError) as exc:
            return denied(400, "malformed", f"the body is not a JSON object: {exc}")
        except DeniedError as exc:
            return answer(exc.status, exc.answer().body)
        except StoreError as exc:
            return not_ready(str(exc))

    def _authorise(self, request: Request, payload: str) -> None:
        """Note the request as accepted. Raises UnauthorizedError, and StoreError."""
        app, url = self._app, asked_url(request)
        if url not in self._urls:
            raise UnauthorizedError(f"{url[:200]!r} is none of this node's own URLs.")
        headers = request.headers.getlist("authorization")
        event = check(
            headers[0] if len(headers) == 1 else None,
            Asked(url, request.method, payload),
            now_s := app.now_s(),
            app.node.pieces.administrators(app.config.admins),
            app.node.pubkey,
            plain=app.config.plain_nip98,
        )
        self._accepted.admit(event, now_s)

    async def _call(self, request: Mapping[str, Any]) -> Response:
        name, params = request.get("method"), request.get("params", {})
        if type(name) is not str or type(params) is not dict:
            raise DeniedError(400, "malformed", "say method (a text) and params (an object)")
        if name not in CONTROL_METHODS and name not in self._methods:
            raise DeniedError(404, "unknown_method", f"there is no method {name[:80]!r}")
        if name not in QUESTIONS:
            self._accepted.keep()
        if name in CONTROL_METHODS:
            return await self._pass_on(name, params)
        return answer(200, success(await self._methods[name](params)))

    async def _pass_on(self, name: str, params: Params) -> Response:
        # As it came, with no escapes: these would not fit into a line of the control's.
        request = write_content({"method": name, "params": params}).encode() + b"\n"
        try:
            reader, writer = await asyncio.open_unix_connection(
                self._layout.control_socket, limit=REPLY_LIMIT_BYTES
            )
        except OSError as exc:
            return not_ready(f"the machine's control can't be reached: {exc}")
        try:
            writer.write(request)
            reply = json.loads(await reader.readline())
        except (OSError, ValueError) as exc:
            # It may have been carried out, so this must not say `not_ready`.
            return denied(503, "control_lost", f"the machine's control did not answer: {exc}")
        finally:
            writer.close()
        status = 200 if reply["ok"] else reply["error"].pop("status", 400)
        if not reply["ok"] and reply["error"]["code"] == "data_loss_unconfirmed":
            reply["error"]["details"] |= await elsewhere.losses(self._app)
        return answer(status, reply)

    async def _list(self, params: Params) -> Result:
        del params
        return {"nodes": listed(self._app.state, self._app.node)}

    def _membership(self, active: bool) -> Callable[[Params], Awaitable[Result]]:
        async def change(params: Params) -> Result:
            name, _ = self._named(params)
            self._app.submit(Member(name, active))
            return await self._list({})

        return change

    def _trust(self, trusted: bool) -> Callable[[Params], Awaitable[Result]]:
        async def change(params: Params) -> Result:
            name, pubkey = self._named(params)
            if name == self._app.node.name and not trusted:
                raise DeniedError(409, "own_key", "a node can't distrust itself")
            self._app.submit(Trust(pubkey, trusted))
            return await self._list({})

        return change

    def _named(self, params: Params) -> tuple[str, str]:
        """Name and key of the node that `params` name by either; raises DeniedError."""
        node, given = self._app.node, params.get("node")
        known = [(node.name, node.pubkey), *((one.name, one.pubkey) for one in node.peers)]
        for name, pubkey in known:
            if given in (name, pubkey):
                return name, pubkey
        raise DeniedError(404, "unknown_node", f"no node {str(given)[:80]!r} is known here")

    async def _cluster_status(self, params: Params) -> Result:
        del params
        generations = Generations(self._layout)
        selected, running = generations.selected(), generations.running()
        problems = []
        if selected != running:
            problems.append(f"generation {selected} is selected and {running} is running")
        return {
            "healthy": not problems,
            "now_s": self._app.shown_s(),
            "problems": problems,
            "members": (await self._list({}))["nodes"],
            "generation": {"selected": selected, "running": running},
            "plugins": {} if running is None else generations.get(running).plugins,
            "sync": sync_status(self._app.state, self._app.node),
            "bugs": list(self._app.config.bugs),
        }

    async def _sync_status(self, params: Params) -> Result:
        if "wait" in params:
            satisfied, limit_s = self._wait(params["wait"])
            await self._app.wait_until(satisfied, limit_s)
        return sync_status(self._app.state, self._app.node)

    def _wait(self, wait: Any) -> tuple[Callable[[State], bool], float]:
        peers = wait.get("peers", {}) if isinstance(wait, dict) else None
        if not isinstance(peers, dict):
            raise DeniedError(400, "malformed", "wait is no object with an object peers")
        goals = [(self._peer(name), *_goal(goal)) for name, goal in peers.items()]
        limit_s = _limit_s(wait, 2.0)
        return (lambda state: all(reached(state, *goal) for goal in goals)), limit_s

    def _peer(self, name: Any) -> str:
        if type(name) is not str or self._app.node.peer(name) is None:
            raise DeniedError(404, "unknown_node", f"no peer {str(name)[:80]!r} is known here")
        return name

    async def _resync(self, params: Params) -> Result:
        """Ask again. `limit_s` (0): how long to wait until every peer that was connected has sent
        all that it was asked for; `state` of the result says whether they have."""
        full, peer = params.get("full", False), params.get("peer")
        if type(full) is not bool:
            raise DeniedError(400, "malformed", "full is not true or false")
        only = None if peer is None else self._peer(peer)
        limit_s = _limit_s(params, 0.0)
        asked = [
            name
            for name, link in self._app.state.links.items()
            if link.connected and only in (None, name)
        ]
        self._app.submit(Resync(full, only))
        ended = await self._app.wait_until(
            lambda state: all(state.link(name).ended for name in asked), limit_s
        )
        state = "done" if ended else "running"
        return {"job": secrets.token_hex(8), "state": state, "peers": sorted(asked)}

    async def _deletes(self, params: Params) -> Result:
        del params
        return {"deletes": deletes(self._app.state, self._app.node.pieces)}

    async def _purge(self, params: Params) -> Result:
        given = params.get("deletes")
        if not isinstance(given, dict) or not all(type(one) is str for one in given.values()):
            raise DeniedError(400, "malformed", "deletes is no object of texts")
        before = len(self._app.state.rows)
        self._app.submit(Purge(given))
        return {"purged": before - len(self._app.state.rows)}


def _goal(goal: Any) -> tuple[str | None, int]:
    log_id, position = (
        (goal.get("log_id"), goal.get("position", 0)) if isinstance(goal, dict) else (0, 0)
    )
    if not (log_id is None or type(log_id) is str) or type(position) is not int:
        raise DeniedError(400, "malformed", "a peer's goal is {log_id: text or null, position}")
    return log_id, position


def _limit_s(params: Params, default_s: float) -> float:
    limit_s = params.get("limit_s", default_s)
    if isinstance(limit_s, bool) or not isinstance(limit_s, int | float):
        raise DeniedError(400, "malformed", "limit_s is not a number of seconds")
    return min(float(limit_s), WAIT_LIMIT_S)
