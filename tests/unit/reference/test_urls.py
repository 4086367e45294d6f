"""The node hears exactly the id that a write names, whatever characters it has."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any, cast

import httpx
from any_ids import ids
from hypothesis import example, given
from hypothesis import strategies as st

from syncmodel.model.values import TOMBSTONE, Added, Assigned, Row, Stored, Write
from syncmodel.nostr.keys import Key
from syncmodel.reference.node.plugin_api import PluginApi
from syncmodel.reference.node.ports import Answer
from syncmodel.reference.node.server import Surfaces
from syncmodel.targets.wire import PLUGIN_PATH, quoted, to_wire
from syncmodel.transport.clients import NodeClient

CHANGES: list[tuple[Stored, str, str]] = [
    (Assigned("title", "t1"), "PATCH", ""),
    (Added("counter", 1), "POST", "/increment"),
    (TOMBSTONE, "DELETE", ""),
]


class Heard:
    """In an application's place: what the plugin API hands on."""

    def __init__(self) -> None:
        self.writes: list[tuple[str, str]] = []
        self.runs: list[str] = []
        self.state = SimpleNamespace(plugin=2)
        self.store = SimpleNamespace(state=self._state)

    def _state(self, run_id: str) -> dict[str, Any]:
        self.runs.append(run_id)
        return {}

    def flush(self) -> None:
        pass

    def now_s(self) -> int:
        return 0

    def submit(self, write: Any) -> Answer:
        self.writes.append((write.method, write.path))
        return Answer(200, {"ok": True, "result": {}})


def heard(*requests: tuple[str, str, Any]) -> Heard:
    app = Heard()
    surfaces = cast(Any, object.__new__(Surfaces))
    surfaces._plugin_api, surfaces._answering = PluginApi(cast(Any, app)), set()

    async def ask() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(surfaces)) as http:
            node = Key.generate().public
            client = NodeClient(http, Key.generate(), node=node, plugin_path=PLUGIN_PATH)
            for method, path, body in requests:
                assert (await client.plugin(method, path, body)).ok

    asyncio.run(ask())
    return app


@given(name=ids(), change=st.sampled_from(CHANGES), table=st.sampled_from(["cases", "events"]))
@example(name="../../x?y=1#z", change=CHANGES[2], table="cases")
@example(name="..", change=CHANGES[0], table="cases")
@example(name="%2e%2e/./%00", change=CHANGES[1], table="cases")
def test_a_write_reaches_its_row_and_no_other(
    name: str, change: tuple[Stored, str, str], table: str
) -> None:
    stored, method, action = change
    request = to_wire(Write("n1", Row(table, name), stored), "r1")
    assert heard(request).writes == [(method, f"{table}/r1/{name}{action}")]


@given(run_id=ids())
@example(run_id="a&run_id=b#c+d e")
def test_a_read_is_of_its_run_and_no_other(run_id: str) -> None:
    assert heard(("GET", f"state?run_id={quoted('r' + run_id)}", None)).runs == ["r" + run_id]


@given(name=ids())
def test_an_id_is_one_segment_on_the_line(name: str) -> None:
    _, path, _ = to_wire(Write("n1", Row("cases", name), TOMBSTONE), "r1")
    for text in (name, ".", ".."):
        assert httpx.URL(f"http://h/a/{quoted(text)}/b").path.split("/")[1] == "a"
    raw = httpx.URL(f"http://h/plugins-api/supertest/{path}").raw_path
    assert raw.count(b"/") == 4
    assert not set(raw) & set(b"?# \r\n")
    assert json.loads(json.dumps(raw.decode("ascii"))).isprintable()
