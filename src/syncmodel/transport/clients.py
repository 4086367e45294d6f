"""What the tester asks of one node: its admin surface and its plugin API, over one httpx client.

Every answer is classed: it happened, it definitely did not, or it is unknown. The targets decide
what an answer means for the model.
"""

import asyncio
import functools
import json
import secrets
import time
from collections.abc import Callable
from typing import Any

import asyncssh
import attrs
import httpx

from syncmodel.errors import SyncModelError
from syncmodel.nostr import nip98
from syncmodel.nostr.forged import Request, forged
from syncmodel.nostr.keys import Key
from syncmodel.transport.http import SSHTransport
from syncmodel.transport.urls import ADMIN_PATH, BASE_URL

#: An admin request as it is sent: its body and its header, if any.
Sent = tuple[bytes, str | None]

#: The admin methods that begin a job of the machine's.
BEGIN = frozenset({"rollout.start", "rollout.rollback", "plugins.disable", "plugins.uninstall"})
#: The names of so many jobs are kept, the last ones.
MOST_JOBS = 100

_JSON_TYPE = "application/json"
_NOT_READY = "not_ready"
_FIRST_PAUSE_S = 0.005
_LONGEST_PAUSE_S = 0.1
_NOTHING_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.LocalProtocolError,
    httpx.UnsupportedProtocol,
)
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class Unreachable(SyncModelError):  # noqa: N818  (an answer's class, like Indefinite)
    """Nothing was sent, so it definitely did not happen.

    Likely causes: the application is down (its machine refuses the channel), or the SSH connection
    is closed.
    """


class Indefinite(SyncModelError):  # noqa: N818  (an answer's class, like Unreachable)
    """It may have happened, or may yet: the request was sent and no sound answer came."""


class AdminError(SyncModelError):
    """The admin surface answered with an error. `definite`: the request changed nothing."""

    def __init__(self, code: str, message: str, details: dict[str, Any], status: int) -> None:
        super().__init__(f"{code} ({status}): {message}")
        self.code = code
        self.message = message
        self.details = details
        self.status = status
        self.definite = _definite(status, code)


@attrs.frozen
class Answer:
    """What the plugin API answered: the HTTP status, and the JSON object ({} if it was none)."""

    status: int
    body: dict[str, Any]

    @property
    def ok(self) -> bool:
        """Whether it happened."""
        return 200 <= self.status < 300

    @property
    def code(self) -> str:
        """The error's code; "" if there is none."""
        error = self.body.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        return code if isinstance(code, str) else ""

    @property
    def definite(self) -> bool:
        """Whether it is known if it happened: false for a 5xx, save `not_ready`."""
        return _definite(self.status, self.code)


def _definite(status: int, code: str) -> bool:
    return status < 500 or (status == 503 and code == _NOT_READY)


def open_http(
    conn: asyncssh.SSHClientConnection,
    limit_s: float = 10.0,
    host: str = "127.0.0.1",
    port: int = 4000,
) -> httpx.AsyncClient:
    """An httpx client for the node behind `conn`, at that place as its machine sees it. Close it
    with `aclose`; `conn` stays open."""
    # Only what the node needs: each default header is built and parsed again in every request.
    transport = SSHTransport(conn, host, port)
    client = httpx.AsyncClient(
        transport=transport, base_url=BASE_URL, timeout=limit_s, trust_env=False
    )
    client.headers = httpx.Headers()
    return client


class NodeClient:
    """The two surfaces of one node.

    `node` is its public key, which each signed request names. `url` is how the node itself calls
    its place; below it are the admin surface at `admin_path` and its plugin's API at `plugin_path`,
    such as "/plugins-api/NAME". `ready_limit_s` bounds how long a node that answers 503 `not_ready`
    is asked again; nothing else is ever sent twice. `clock` gives Unix seconds, for the signature's
    stamp. `took` has the last request of each method that the node took: body and authorisation.
    `jobs` has the names of those that it began, in order.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        key: Key,
        *,
        node: str,
        plugin_path: str,
        url: str = BASE_URL,
        admin_path: str = ADMIN_PATH,
        ready_limit_s: float = 5.0,
        clock: Callable[[], float] = time.time,
        took: dict[str, Sent] | None = None,
        jobs: dict[str, Any] | None = None,
    ) -> None:
        self._http = http
        self._key = key
        self._node = node
        self._plugin_url = f"{url}{plugin_path}"
        self._admin_url = f"{url}{admin_path}"
        self._ready_limit_s = ready_limit_s
        self._clock = clock
        self.took: dict[str, Sent] = {} if took is None else took
        self.jobs: dict[str, Any] = {} if jobs is None else jobs

    async def admin(
        self, method: str, params: dict[str, Any] | None = None, limit_s: float | None = None
    ) -> dict[str, Any]:
        """The result of one admin method. `limit_s` is for a long poll: how long its answer may
        take, instead of the client's own limit.

        Raises AdminError (with code `not_ready` when the retries ran out), Unreachable, Indefinite.
        """
        body = _encode({"method": method, "params": params or {}}).encode()
        answer = await self._ready(lambda: self._post_admin(method, body, limit_s))
        result = answer.body.get("result")
        if answer.ok and answer.body.get("ok") is True and isinstance(result, dict):
            if method in BEGIN and isinstance(result.get("job"), str):
                self._begun(result["job"])
            return result
        if answer.ok:
            raise Indefinite(f"{method} was answered {answer.status} without a result.")
        raise _admin_error(answer)

    def _begun(self, job: str) -> None:
        self.jobs[job] = None
        while len(self.jobs) > MOST_JOBS:
            del self.jobs[next(iter(self.jobs))]

    async def plugin(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        patient: bool = True,
    ) -> Answer:
        """What the plugin API answers to this method and path below it, whatever its status.

        `path` may carry a query; who is not `patient` asks once. Raises Unreachable, Indefinite.
        """
        content = None if body is None else _encode(body).encode()
        headers = {} if body is None else {"Content-Type": _JSON_TYPE}
        url = f"{self._plugin_url}/{path}"
        if not patient:
            return await self._send(method, url, content, headers, None)
        return await self._ready(lambda: self._send(method, url, content, headers, None))

    async def sent_as(self, sent: Sent) -> Answer:
        """What the admin surface answers to a request whose header is not ours to make.

        Raises Unreachable, Indefinite.
        """
        return await self._ready(lambda: self._sent(sent, None))

    async def forged(self, method: str, params: dict[str, Any], variant: str, peer: str) -> Answer:
        """What it answers to a request about which that is wrong: see `nostr.forged`. `peer` is the
        key of another node. Raises Unreachable, Indefinite."""
        body = _encode({"method": method, "params": params}).encode()
        now_s, nonce = int(self._clock()), secrets.token_hex(8)
        request = Request(self._admin_url, body, now_s, nonce, self._node)
        return await self.sent_as((body, forged(request, variant, self._key, peer)))

    async def _post_admin(self, method: str, body: bytes, limit_s: float | None) -> Answer:
        # Signed anew each time: a node accepts each signed event once.
        nonce = secrets.token_hex(8)
        authorization = nip98.authorization(
            self._key, self._admin_url, "POST", body, int(self._clock()), nonce, self._node
        )
        answer = await self._sent((body, authorization), limit_s)
        if answer.ok:
            self.took[method] = (body, authorization)
        return answer

    async def _sent(self, sent: Sent, limit_s: float | None) -> Answer:
        body, authorization = sent
        headers = {"Content-Type": _JSON_TYPE}
        if authorization is not None:
            headers["Authorization"] = authorization
        return await self._send("POST", self._admin_url, body, headers, limit_s)

    async def _ready(self, ask: Callable[[], Any]) -> Answer:
        """The first answer that is not `not_ready`, or the last one within the limit."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + self._ready_limit_s
        pause_s = _FIRST_PAUSE_S
        while True:
            answer: Answer = await ask()
            not_ready = answer.status == 503 and answer.code == _NOT_READY
            if not not_ready or loop.time() + pause_s > end_s:
                return answer
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _send(
        self,
        method: str,
        url: str,
        content: bytes | None,
        headers: dict[str, str],
        limit_s: float | None,
    ) -> Answer:
        timeout = self._http.timeout if limit_s is None else httpx.Timeout(limit_s)
        # Built here and not by the client, whose merging of defaults costs as much as the sending.
        request = httpx.Request(
            method,
            _url(url),
            content=content,
            headers=headers,
            extensions={"timeout": timeout.as_dict()},
        )
        if self._http.is_closed:  # as its machine reboots, at the same time
            raise Unreachable(f"{method} {url} was not sent: the way to the node was closed.")
        try:
            response = await self._http.send(request)
        except _NOTHING_SENT as error:
            raise Unreachable(f"{method} {url} was not sent: {error}") from error
        except httpx.TransportError as error:
            raise Indefinite(f"{method} {url} may have happened: {error}") from error
        return _answer(method, url, response)


_url = functools.lru_cache(256)(httpx.URL)


def _answer(method: str, url: str, response: httpx.Response) -> Answer:
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict):
        return Answer(response.status_code, body)
    if response.is_success:
        raise Indefinite(f"{method} {url} was answered {response.status_code} without JSON.")
    return Answer(response.status_code, {})


def _admin_error(answer: Answer) -> AdminError:
    error = answer.body.get("error")
    fields = error if isinstance(error, dict) else {}
    details = fields.get("details")
    return AdminError(
        answer.code or "no_code",
        str(fields.get("message", "no message")),
        details if isinstance(details, dict) else {},
        answer.status,
    )
