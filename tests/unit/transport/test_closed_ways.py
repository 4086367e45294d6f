"""Who asks a node whose way was closed meanwhile, as its machine reboots, has asked nothing.

Nor does who asks again, as a node that is not ready wants, over a way that was closed since.
"""

from __future__ import annotations

import asyncio

import httpx
import pytest

from syncmodel.nostr.keys import Key
from syncmodel.transport.clients import NodeClient, Unreachable

NODE, ADMIN = "22" * 32, Key.from_hex("11" * 32)
NOT_READY = {"ok": False, "error": {"code": "not_ready", "message": "m", "details": {}}}


def test_what_is_asked_over_a_way_that_was_closed_was_not_sent() -> None:
    async def main() -> None:
        asked: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request)
            return httpx.Response(200, json={"ok": True, "result": {}})

        http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
        client = NodeClient(http, ADMIN, node=NODE, plugin_path="/p")
        assert await client.admin("sync.resync") == {}
        await http.aclose()
        with pytest.raises(Unreachable, match="was not sent"):
            await client.admin("sync.resync")
        with pytest.raises(Unreachable, match="was not sent"):
            await client.plugin("GET", "cases")
        assert len(asked) == 1

    asyncio.run(main())


def test_a_way_that_is_closed_while_a_node_is_not_ready_is_unreachable() -> None:
    async def main() -> None:
        closing: list[asyncio.Task[None]] = []

        async def answer(_: httpx.Request) -> httpx.Response:
            closing.append(asyncio.create_task(http.aclose()))
            return httpx.Response(503, json=NOT_READY)

        http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
        client = NodeClient(http, ADMIN, node=NODE, plugin_path="/p")
        with pytest.raises(Unreachable, match="was closed"):
            await client.plugin("GET", "x")
        assert len(closing) == 1

    asyncio.run(main())
