"""What both HTTP surfaces share: a bounded body, a JSON answer, and a full store's answer."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from syncmodel.reference.node.writes import BODY_LIMIT_BYTES, failure

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


async def read_body(request: Request) -> bytes:
    """The request's body; of one that is too long, just enough to see that it is."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > BODY_LIMIT_BYTES:
            break
    return b"".join(parts)
