"""Whatever a client sends: a 4xx with a code that the description has, and the node lives on.

The same through the machine's control, over its socket and over SSH.
"""

from __future__ import annotations

import asyncio
import json
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from one_node import PLUGIN, OneNode, one_node

from syncmodel.reference.machines import ssh_front
from syncmodel.reference.node.admin import CONTROL_METHODS, PATH
from syncmodel.reference.node.layout import Layout
from syncmodel.reference.node.openapi import CODES, METHODS

#: JSON, or what looks like it, in the place of any value.
HOSTILE = [
    "1e400",
    "-1e400",
    "NaN",
    "Infinity",
    "-Infinity",
    "1" + "0" * 400,
    "9" * 4_300,
    "-" + "9" * 4_301,
    "9" * 100_000,
    str(2**63),
    str(-(2**63) - 1),
    "1.5",
    "-0.0",
    "1e300",
    "true",
    "null",
    "[]",
    "{}",
    '""',
    '"\\ud800"',
    '"\\u0000"',
    '"r/\\u0000"',
    "[" * 5_000 + "]" * 5_000,
    '{"a":' * 5_000 + "1" + "}" * 5_000,
    '{"a": 1, "a": 2}',
    json.dumps("x" * 20_000),
    json.dumps("\u0001" * 80_000),
    "",
    "\ud800",
    "'x'",
    "{",
]
CASE = '{"id": %s, "run_id": %s, "title": %s, "counter": %s}'
EVENT = '{"id": %s, "run_id": %s, "case_id": %s, "body": %s}'
GOOD_CASE = ('"r/c1"', '"r"', '"t"', "0")
GOOD_EVENT = ('"r/e1"', '"r"', '"r/c1"', '"b"')
#: Parameters of the admin methods with a hole for a value.
PARAMS = {
    "cluster_nodes.leave": ['{"node": %s}'],
    "cluster_nodes.distrust": ['{"node": %s}'],
    "sync.status": [
        '{"wait": %s}',
        '{"wait": {"limit_s": %s}}',
        '{"wait": {"peers": %s}}',
        '{"wait": {"peers": {"n2": %s}, "limit_s": 0}}',
        '{"wait": {"peers": {"n2": {"log_id": %s}}, "limit_s": 0}}',
        '{"wait": {"peers": {"n2": {"position": %s}}, "limit_s": 0}}',
    ],
    "sync.resync": ['{"full": %s}', '{"peer": %s}', '{"limit_s": %s}'],
    "rollout.preview": ['{"generation": %s}', '{"plugins": %s}', '{"plugins": {"supertest": %s}}'],
    "rollout.start": ['{"generation": %s}'],
    "rollout.status": ['{"job": %s}', '{"job": "x", "wait": %s}', '{"wait": {"limit_s": %s}}'],
    "rollout.rollback": ['{"generation": %s}'],
    "plugins.disable": ['{"plugin": %s}'],
    "store.tables": ['{"plugin": %s}'],
    "plugins.uninstall": ['{"plugin": %s}', '{"plugin": "supertest", "confirm_data_loss": %s}'],
}


@pytest.fixture
def root() -> Iterator[Path]:
    # Not pytest's folder: a socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="n-") as folder:
        yield Path(folder)


def assert_sound(status: int, answer: Any, sent: object) -> None:
    """It happened, or it did not and the answer says why."""
    assert status in (200, 201, *CODES), sent
    assert status < 500, (sent, answer)
    assert answer["ok"] is (status < 300)
    if not answer["ok"]:
        assert answer["error"]["code"] in CODES[status], (sent, answer)


async def lives(node: OneNode) -> None:
    """Each of the two surfaces, and the control, still answers."""
    assert (await node.ask("GET", f"{PLUGIN}/health"))[0] == 200
    assert (await node.admin("cluster_status"))[0] == 200
    assert (await node.admin("generations.list"))[0] == 200


def encoded(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def test_hostile_values_in_every_place_of_the_plugin_api(root: Path) -> None:
    async def main() -> None:
        async with one_node(root) as node:
            await node.ask("POST", f"{PLUGIN}/cases", encoded(CASE % GOOD_CASE))
            for value in HOSTILE:
                for path, form, good in (("cases", CASE, GOOD_CASE), ("events", EVENT, GOOD_EVENT)):
                    for hole in range(4):
                        said = form % (*good[:hole], value, *good[hole + 1 :])
                        found = await node.ask("POST", f"{PLUGIN}/{path}", encoded(said))
                        assert_sound(*found, said[:200])
                for method, path, form in (
                    ("PATCH", "cases/r%2Fc1", '{"title": %s}'),
                    ("PATCH", "cases/r%2Fc1", '{"severity": %s}'),
                    ("POST", "cases/r%2Fc1/increment", '{"by": %s}'),
                    ("POST", "cases", "%s"),
                    ("PATCH", "cases/r%2Fc1", "%s"),
                ):
                    found = await node.ask(method, f"{PLUGIN}/{path}", encoded(form % value))
                    assert_sound(*found, (path, value[:200]))
            await lives(node)

    asyncio.run(main())


def test_a_counter_stays_within_what_the_store_holds(root: Path) -> None:
    async def main() -> None:
        async with one_node(root) as node:
            full = CASE % (*GOOD_CASE[:3], str(2**63 - 1))
            assert (await node.ask("POST", f"{PLUGIN}/cases", encoded(full)))[0] == 201
            path = f"{PLUGIN}/cases/r%2Fc1/increment"
            for by, status in ((1, 400), (2**63 - 1, 400), (-(2**63), 200), (-(2**63), 400)):
                found, answer = await node.ask("POST", path, encoded(json.dumps({"by": by})))
                assert found == status, answer
            state = (await node.ask("GET", f"{PLUGIN}/state?run_id=r"))[1]["result"]
            assert state["cases"][0]["counter"] == -1

    asyncio.run(main())


@pytest.mark.slow
def test_hostile_values_in_every_place_of_the_admin_api_and_the_control(root: Path) -> None:
    async def main() -> None:
        async with one_node(root) as node:
            requests = [
                '{"method": %s}',
                '{"method": "cluster_status", "params": %s}',
                '{"method": "generations.list", "params": %s}',
                "%s",
                *(
                    f'{{"method": "{method}", "params": {params}}}'
                    for method, forms in PARAMS.items()
                    for params in forms
                ),
            ]
            for value in HOSTILE:
                for form in requests:
                    body = encoded(form % value)
                    assert_sound(*(await node.signed(body)), body[:200])
                    answer = await controlled(node, body)
                    assert_control_sound(answer, body[:200])
            for method in CONTROL_METHODS - {"rollout.start", "rollout.rollback"}:
                for value in HOSTILE:
                    words = f"control {method} '{value}'"
                    assert_control_sound(await ssh_front._execute(node.control, words), words[:99])
            await lives(node)

    asyncio.run(main())


async def controlled(node: OneNode, line: bytes) -> Any:
    """The answer of the control to one line over its socket."""
    reader, writer = await asyncio.open_unix_connection(
        Layout(node.root).control_socket, limit=1 << 24
    )
    writer.write(line + b"\n")
    answer = json.loads(await reader.readline())
    writer.close()
    await writer.wait_closed()
    return answer


def assert_control_sound(answer: Any, sent: object) -> None:
    if not answer["ok"]:
        status = answer["error"]["status"]
        assert status < 500, (sent, answer)
        assert answer["error"]["code"] in CODES[status], (sent, answer)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = st.sampled_from(sorted({*METHODS, "no.such"})) | st.text(max_size=9)
FIELDS = st.sampled_from(
    ["node", "wait", "limit_s", "full", "peer", "generation", "plugins", "job", "plugin"]
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=NAMES, params=st.dictionaries(FIELDS, JSON, max_size=3) | JSON)
def test_any_json_to_the_admin_api(shared: Path, name: str, params: Any) -> None:
    async def main() -> None:
        async with one_node(shared) as node:
            body = json.dumps({"method": name, "params": params}).encode()
            assert_sound(*(await node.signed(body)), body)
            assert_control_sound(await controlled(node, body), body)

    asyncio.run(main())


@pytest.fixture
def shared(root: Path) -> Path:
    return root


ODD_PATHS = {
    "/": 404,
    "//": 404,
    "/%2e%2e/": 404,
    f"{PLUGIN}": 404,
    f"{PLUGIN}/": 404,
    f"{PLUGIN}//health": 404,
    f"{PLUGIN}/health/": 404,
    f"{PLUGIN}/../admin": 404,
    f"{PLUGIN}/%": 400,
    f"{PLUGIN}/%zz": 400,
    f"{PLUGIN}/%f": 400,
    f"{PLUGIN}/%FF": 400,
    f"{PLUGIN}/%ED%A0%80": 400,
    f"{PLUGIN}/%C0%AF": 400,
    f"{PLUGIN}/\xff": 400,
    f"{PLUGIN}/state": 400,
    f"{PLUGIN}/state?run_id": 400,
    f"{PLUGIN}/state?run_id=": 400,
    f"{PLUGIN}/state?run_id=r&run_id=r": 400,
    f"{PLUGIN}/state?RUN_ID=r": 400,
    f"{PLUGIN}/state?run_id=%FF": 400,
    f"{PLUGIN}/state?run_id=%zz": 400,
    f"{PLUGIN}/state?run_id=%00": 200,
    f"{PLUGIN}/state?run_id=r&more=1": 200,
    f"{PLUGIN}/health?x=%FF": 200,
    f"{PLUGIN}/state?" + "a=1&" * 2_000: 400,
    f"{PLUGIN}/{'x' * 50_000}": 404,
    PATH: 404,
    f"{PATH}/": 404,
}


def test_odd_paths_and_queries(root: Path) -> None:
    async def main() -> None:
        async with one_node(root) as node:
            for target, status in ODD_PATHS.items():
                found = await node.ask("GET", target)
                assert found[0] == status, (target[:100], found)
                assert_sound(*found, target)
            for method in ("GET", "HEAD", "PUT", "OPTIONS", "TRACE", "PROPFIND", "patch"):
                for target in (f"{PLUGIN}/cases/r%2Fc1", PATH, "/"):
                    found = await node.ask(method, target, b"{}")
                    assert found[0] == 404
                    assert_sound(*found, (method, target))

    asyncio.run(main())


def test_a_body_is_json_whatever_its_type_says(root: Path) -> None:
    async def main() -> None:
        async with one_node(root) as node:
            for number, kind in enumerate(("text/plain", "application/x-www-form-urlencoded", "")):
                body = encoded(CASE % (f'"r/c{number}"', *GOOD_CASE[1:]))
                made = await node.ask("POST", f"{PLUGIN}/cases", body, [("content-type", kind)])
                assert made[0] == 201
            for body in (
                b"",
                b"\xff\xfe{\x00",
                b"\x1f\x8b\x08",
                b"id=1",
                b"{}\x00",
                b" " * 600_000,
            ):
                found = await node.ask("POST", f"{PLUGIN}/cases", body)
                assert (found[0], found[1]["error"]["code"]) == (400, "malformed")

    asyncio.run(main())


def test_ids_are_kept_as_they_are(root: Path) -> None:
    async def main() -> None:
        async with one_node(root) as node:
            for name in ("r/\0", "r/a b", "r/%2F", "r/\u202e", "r/?x=1#y", "r/\n"):
                body = encoded(CASE % (json.dumps(name), *GOOD_CASE[1:]))
                assert (await node.ask("POST", f"{PLUGIN}/cases", body))[0] == 201
                path = f"{PLUGIN}/cases/{quote(name, safe='')}"
                assert (await node.ask("DELETE", path))[1]["result"]["id"] == name

    asyncio.run(main())


def test_a_control_client_that_goes_away_disturbs_nobody(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with one_node(root) as node:
            where = Layout(node.root).control_socket
            for line in (b"", b"{", b'{"method": "fallen"}\n', b"x" * (2 << 20) + b"\n"):
                _, writer = await asyncio.open_unix_connection(where)
                writer.write(line)
                writer.transport.abort()
            await lives(node)

    with caplog.at_level(logging.ERROR):
        asyncio.run(main())
    assert not caplog.records
