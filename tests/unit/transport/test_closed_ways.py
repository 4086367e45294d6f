"""Who asks a node whose way was closed meanwhile, as its machine reboots, has asked nothing."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from syncmodel.nostr.keys import Key
from syncmodel.transport.clients import NodeClient, Unreachable


def test_what_is_asked_over_a_way_that_was_closed_was_not_sent() -> None:
    async def main() -> None:
        asked: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request)
            return httpx.Response(200, json={"ok": True, "result": {}})

        http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
        client = NodeClient(http, Key.from_hex("11" * 32), node="22" * 32, plugin_path="/p")
        assert await client.admin("sync.resync") == {}
        await http.aclose()
        with pytest.raises(Unreachable, match="was not sent"):
            await client.admin("sync.resync")
        with pytest.raises(Unreachable, match="was not sent"):
            await client.plugin("GET", "cases")
        assert len(asked) == 1

    asyncio.run(main())
