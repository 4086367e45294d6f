"""A provider's API on this computer, for its real client: with troubles on order.

    with Hetzner() as cloud:
        cloud.trouble("POST /servers$", "busy", times=2)

State is plain dicts. What takes time is done after so many polls, so nothing sleeps.
"""

from __future__ import annotations

import json
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

Query = Mapping[str, list[str]]
Said = tuple[int, Any]


class RefusedError(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, body: Any) -> None:
        self.status, self.body = status, body


class Cloud(ABC):
    """One account. `polls`: so often something is asked about until it is done.

    Troubles: "busy", "no room", "error", "gateway", "locked" are answers; "lost" is carried out and
    not answered; "late" too, but carried out when `let_come` is called; "hang" is neither; "fails"
    is begun, and fails.
    """

    #: The answers to be had as troubles: status and body.
    refusals: Mapping[str, Said]
    prefix = ""
    #: Where its servers are: addresses of documentation (RFC 5737).
    net = "192.0.2"

    def __init__(self, *, polls: int = 2, quota: int = 10) -> None:
        self.polls, self.quota, self.page = polls, quota, 50
        self.token = "secret-token"
        self.requests: list[str] = []
        self.ids = count(1000)
        self.asked = threading.Event()
        self._carried_out = threading.Event()
        self._lock = threading.Lock()
        self._released = threading.Event()
        #: What a server is for whoever logs in: its name, its orders and its address; its name.
        self.on_made: Callable[[str, str, str], object] = lambda *_: None
        self.on_gone: Callable[[str], object] = lambda _: None
        #: The address of a server with this number.
        self.address: Callable[[int], str] = lambda number: f"{self.net}.{number % 250 + 1}"
        self.troubles: list[list[Any]] = []

    def trouble(self, request: str, what: str, times: int = 1) -> None:
        """The next requests that match ("METHOD /path", a regular expression) meet this."""
        self.troubles.append([re.compile(request), what, times])

    def release(self) -> None:
        """Let go of what hangs."""
        self._released.set()

    def let_come(self) -> None:
        """Carry out what is late."""
        self._released.set()
        assert self._carried_out.wait(10)

    @abstractmethod
    def route(self, method: str, path: str, query: Query, body: Any, failing: bool) -> Said:
        """The answer to a request."""

    @abstractmethod
    def admitted(self, headers: Mapping[str, str]) -> None:
        """Raise `RefusedError` unless the token is right."""

    @property
    @abstractmethod
    def environment(self) -> dict[str, str]:
        """What its client finds it by."""

    @abstractmethod
    def left(self) -> list[str]:
        """The names of all that is still there."""

    def headers(self) -> Mapping[str, str]:
        """What every answer has."""
        return {}

    def __enter__(self) -> Self:
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def answer(self) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length") or 0))
                said = cloud.handle(self.command, self.path, raw, self.headers)
                if said is None:
                    self.close_connection = True
                    return
                status, body = said
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                data = b"" if body is None else data
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                for key, value in cloud.headers().items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer  # noqa: N815

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.base = f"http://127.0.0.1:{self._server.server_port}"
        self._serving = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._serving.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._serving.join()

    def handle(self, method: str, target: str, raw: bytes, headers: Any) -> Said | None:
        """The answer, or None if there is none."""
        url = urlsplit(target)
        path = url.path.removeprefix(self.prefix)
        what = self._trouble(f"{method} {path}")
        self.requests.append(f"{method} {path}")
        if what in {"hang", "late"}:
            self.asked.set()
            self._released.wait(30)
            if what == "hang":
                return None
        with self._lock:
            try:
                self.admitted(headers)
                if what in self.refusals:
                    return self.refusals[what]
                try:
                    body = json.loads(raw or b"{}")
                except ValueError:
                    body = raw
                said = self.route(method, path, parse_qs(url.query), body, what == "fails")
            except RefusedError as refused:
                said = refused.status, refused.body
        if what == "late":
            self._carried_out.set()
        return None if what in {"lost", "late"} else said

    def _trouble(self, request: str) -> str:
        for one in self.troubles:
            if one[2] > 0 and one[0].search(request):
                one[2] -= 1
                return str(one[1])
        return ""
