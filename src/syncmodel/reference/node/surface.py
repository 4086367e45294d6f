"""What both HTTP surfaces share: a bounded body, what was asked, a JSON answer, a full store's."""

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.requests import Request
from starlette.responses import Response

from syncmodel.reference.node.writes import BODY_LIMIT_BYTES, failure

_HALF_ENCODED = re.compile(rb"%(?![0-9A-Fa-f]{2})")

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def answer(status: int, body: Mapping[str, Any]) -> Response:
    """A JSON answer."""
    return Response(_encode(body).encode(), status, media_type="application/json")


def denied(
    status: int, code: str, message: str, details: Mapping[str, Any] | None = None
) -> Response:
    """An error's answer."""
    return answer(status, failure(code, message, details))


def not_ready(message: str) -> Response:
    """Nothing was done, since the store or the machine's control can't do it now: ask again."""
    return denied(503, "not_ready", message)


async def read_body(request: Request) -> tuple[bytes, str]:
    """(the request's body, the SHA-256 of all of it in hex).

    Of one that is too long the body is just enough to see that it is; it is read to its end.
    """
    parts: list[bytes] = []
    size, digest = 0, sha256()
    async for part in request.stream():
        digest.update(part)
        if size <= BODY_LIMIT_BYTES:
            parts.append(part)
        size += len(part)
    return b"".join(parts), digest.hexdigest()


def asked_url(request: Request) -> str:
    """The URL as the client asked it, character by character; "" if it does not say one."""
    hosts = request.headers.getlist("host")
    target: bytes | None = request.scope.get("target")
    if target is None:
        query = request.scope["query_string"]
        target = request.scope["raw_path"] + (b"?" + query if query else b"")
    text = target.decode("latin-1")
    if not text.startswith("/"):
        return text  # absolute already, and then Host does not count (RFC 9112, section 3.2.2)
    return f"http://{hosts[0]}{text}" if len(hosts) == 1 else ""


def decoded(part: bytes) -> str | None:
    """A part of a URL without its percent-encoding; None if it is no percent-encoded UTF-8."""
    if not part.isascii() or _HALF_ENCODED.search(part):
        return None
    try:
        return unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        return None
