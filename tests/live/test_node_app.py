"""One application process, and two that sync, on unix sockets, as their clients see them."""

import asyncio
import json
import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import attrs
import pytest
from msgspec.structs import replace
from node_processes import (
    ADMIN_URL,
    LIMIT_S,
    Running,
    await_socket,
    case,
    case_event,
    nodes,
    signed,
    start,
    titles,
    travelled,
    welcome,
)
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection, unix_serve
from websockets.exceptions import ConnectionClosed

from syncmodel.nostr.keys import Key
from syncmodel.nostr.messages import Delivery, Eose
from syncmodel.reference.node.layout import Layout


@pytest.fixture(scope="module")
def one() -> Iterator[Running]:
    """A node that nobody writes on: it answers whatever is sent to it, and the next one too."""
    with nodes("n1") as (node,):
        yield node
        assert node.process.poll() is None


def test_the_plugin_api_over_http() -> None:
    async def main() -> None:
        with nodes("n1", bugs=("tie-by-arrival",)) as (node,):
            async with node.client() as http:
                assert (await http.post("/cases", json=case())).status_code == 201
                answer = await http.post("/cases/r%2Fc1/increment", json={"by": 4})
                assert answer.json()["result"]["counter"] == 4
                event = {"id": "r/e1", "run_id": "r", "case_id": "r/c1", "body": "b"}
                assert (await http.post("/events", json=event)).json()["result"] == event
                assert (await http.post("/events", json=event)).status_code == 409
                state = (await http.get("/state?run_id=r")).json()["result"]
                assert (len(state["cases"]), state["events"]) == (1, [event])
                assert state["position"] == 3
                assert (await http.get("/state")).status_code == 400
                assert (await http.get("/nope")).json()["error"]["code"] == "no_such_path"
                health = (await http.get("/health")).json()["result"]
                assert health["bugs"] == ["tie-by-arrival"]
                status = (await node.call(http, "cluster_status")).json()["result"]
                assert status["healthy"]
                assert status["bugs"] == ["tie-by-arrival"]
                schema = (await http.get("/schema")).json()["result"]
                assert schema["version"] == 1
                assert "title" in schema["tables"]["supertest_cases"]
                too_long = await http.post("/cases", content=b" " * 10_000_000)
                assert too_long.status_code == 400

    asyncio.run(main())


def test_paths_are_percent_encoded_utf_8_of_any_characters() -> None:
    async def main() -> None:
        with nodes("n1") as (node,):
            async with node.client() as http:
                for name in ("..", "a\nb", "increment", "x/increment"):
                    assert (await http.post("/cases", json=case(name))).status_code == 201
                    path = f"/cases/{quote('r/' + name, safe='')}"
                    grown = (await http.post(f"{path}/increment", json={"by": 4})).json()
                    assert (grown["result"]["id"], grown["result"]["counter"]) == (f"r/{name}", 4)
                    assert (await http.delete(path)).status_code == 200
                assert (await http.delete("/cases/r%2F%FF")).json()["error"]["code"] == "malformed"
                for path in ("/plugins-api/supertest", "/api/admin", "/", "/%0A"):
                    found = await http.get(f"http://127.0.0.1:4000{path}")
                    assert (found.status_code, found.json()["ok"]) == (404, False)
                assert await titles(http) == []

    asyncio.run(main())


def test_the_longest_row_travels() -> None:
    """Twice what one request may bring: each frame between peers holds what a node stores."""
    longest = "\N{GRINNING FACE}" * 130_000

    async def main() -> None:
        with nodes("n1", "n2", generation=3) as (one, two):
            async with one.client() as here, two.client() as there:
                assert (await here.post("/cases", json=case(title=longest))).status_code == 201
                path = "/cases/r%2Fc1"
                changed = await here.patch(path, content=written({"severity": longest}))
                assert changed.status_code == 200
                more = await here.patch(path, content=written({"severity": longest + "x" * 9_000}))
                assert more.json()["error"]["code"] == "malformed"
                await travelled(one, here, two, there)
                state = (await there.get("/state?run_id=r")).json()["result"]
                (row,) = state["cases"]
                assert row["title"] == row["severity"] == longest

    asyncio.run(main())


def written(body: dict[str, str]) -> bytes:
    """JSON without escapes, which would not fit into a request."""
    return json.dumps(body, ensure_ascii=False).encode()


def test_without_the_plugin_its_api_is_404() -> None:
    async def main() -> None:
        with nodes("n1", generation=1) as (node,):
            async with node.client() as http:
                for path in ("/health", "/schema", "/state?run_id=r", "/nope"):
                    answer = await http.get(path)
                    assert (answer.status_code, answer.json()["ok"]) == (404, False)
                assert (await http.post("/cases", json=case())).status_code == 404

    asyncio.run(main())


def test_who_is_no_administrator_gets_401_and_nothing_happens() -> None:
    async def main() -> None:
        with nodes("n1", "n2") as (node, _):
            async with node.client() as http:
                params = {"node": "n2"}
                body = json.dumps({"method": "cluster_nodes.distrust", "params": params}).encode()
                now_s = int(time.time())
                replayed = signed(node, b"{}")
                headers = [
                    {},
                    {"Authorization": "Nostr not-base64"},
                    {"Authorization": signed(node, body, key=Key.generate())},
                    {"Authorization": signed(node, b"another body")},
                    {"Authorization": signed(node, body, url=ADMIN_URL + "/")},
                    {"Authorization": signed(node, body, at_s=now_s - 90)},
                    {"Authorization": signed(node, body, at_s=now_s + 90)},
                ]
                for header in headers:
                    answer = await http.post(ADMIN_URL, content=body, headers=header)
                    assert answer.status_code == 401
                    assert answer.json()["error"]["code"] == "unauthorized"
                first, second = [
                    await http.post(ADMIN_URL, content=b"{}", headers={"Authorization": replayed})
                    for _ in range(2)
                ]
                assert (first.status_code, second.status_code) == (400, 401)
                listed = (await node.call(http, "cluster_nodes.list")).json()["result"]["nodes"]
                assert all(one["trusted"] for one in listed)

    asyncio.run(main())


def test_admin_errors_have_codes() -> None:
    async def main() -> None:
        with nodes("n1") as (node,):
            async with node.client() as http:
                answer = await node.call(http, "no.such")
                assert answer.json()["error"]["code"] == "unknown_method"
                answer = await node.call(http, "generations.list")  # no supervisor runs here
                assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_ready")
                answer = await node.call(http, "sync.resync", peer="n9")
                assert answer.json()["error"]["code"] == "unknown_node"
                answer = await node.call(http, "sync.status", wait={"peers": 5})
                assert answer.json()["error"]["code"] == "malformed"

    asyncio.run(main())


def test_two_nodes_sync_and_one_that_was_killed_knows_what_it_knew() -> None:
    async def main() -> None:
        with nodes("n1", "n2") as (one, two):
            async with one.client() as here, two.client() as there:
                await here.post("/cases", json=case())
                await travelled(one, here, two, there)
                await there.patch("/cases/r/c1", json={"title": "from n2"})
                await travelled(two, there, one, here)
                assert await titles(here) == ["from n2"]
                before = await one.status(here)
            two.process.kill()
            two.process.wait()
            async with one.client() as here:
                await here.patch("/cases/r/c1", json={"title": "while n2 was down"})
                assert not (await one.status(here))["peers"]["n2"]["connected"]
            again = attrs.evolve(two, process=start(two.root))
            try:
                await_socket(again)
                async with one.client() as here, again.client() as there:
                    await travelled(one, here, again, there)
                    assert await titles(there) == ["while n2 was down"]
                    after = await one.status(here, peers={"n2": {"position": 3}}, limit_s=LIMIT_S)
                    assert after["peers"]["n2"]["log_id"] == before["peers"]["n2"]["log_id"]
            finally:
                again.process.kill()
                again.process.wait()

    asyncio.run(main())


def test_a_wait_that_can_not_come_true_ends_at_its_limit() -> None:
    async def main() -> None:
        with nodes("n1", absent=("n2",)) as (node,):
            async with node.client() as http:
                started = time.monotonic()
                status = await node.status(http, peers={"n2": {"position": 0}}, limit_s=0.2)
                assert not status["peers"]["n2"]["connected"]
                assert 0.2 <= time.monotonic() - started < LIMIT_S

    asyncio.run(main())


def test_a_full_resync_sends_again_and_says_when_it_has() -> None:
    async def main() -> None:
        with nodes("n1", "n2") as (one, two):
            async with one.client() as here, two.client() as there:
                await here.post("/cases", json=case())
                await travelled(one, here, two, there)
                answer = await two.call(there, "sync.resync", full=True, limit_s=LIMIT_S)
                result = answer.json()["result"]
                assert (result["state"], result["peers"]) == ("done", ["n1"])
                await travelled(one, here, two, there)

    asyncio.run(main())


def test_trust_and_membership_hold_rows_back_and_let_them_in_again() -> None:
    async def main() -> None:
        with nodes("n1", "n2") as (one, two):
            async with one.client() as here, two.client() as there:
                await two.call(there, "cluster_nodes.distrust", node="n1")
                await here.post("/cases", json=case())
                await travelled(one, here, two, there)
                assert await titles(there) == []
                await two.call(there, "cluster_nodes.trust", node="n1")
                await travelled(one, here, two, there)
                assert await titles(there) == ["t"]
                await one.call(here, "cluster_nodes.leave", node="n2")
                await here.post("/cases", json=case("c2", "after n2 left"))
                status = await two.status(there, peers={"n1": {"position": 9}}, limit_s=0.2)
                assert not status["peers"]["n1"]["connected"]
                assert await titles(there) == ["t"]
                await one.call(here, "cluster_nodes.reactivate", node="n2")
                await travelled(one, here, two, there)
                assert await titles(there) == ["t", "after n2 left"]

    asyncio.run(main())


HOSTILE_FRAMES: list[str | bytes] = [
    b"\x00\xff",
    "",
    "no json",
    "[]",
    "{}",
    "null",
    '["REQ"]',
    '["REQ", "s"]',
    '["REQ", 5, {}]',
    '["REQ", "s", {"kinds": "x"}]',
    '["REQ", "s", {"log_id": {}, "after": -1}]',
    '["EVENT", {}]',
    '["EVENT", {"id": "\\ud800"}]',
    '["EVENT", {"id": "x", "id": "y"}]',
    '["REQ", "s", {"#\\ud800": 5}]',
    '["REQ", "s", {"since": 1e400}]',
    '["REQ", "s", {"limit": 1' + "0" * 400 + "}]",
    '["REQ", "s\\u0000", {"#\\u0000": "\\ud800"}]',
    '["\\ud800", "\\u0000"]',
    '["AUTH", {}]',
    '["EVENT", [[]]]',
    "\x00",
    '["CLOSE", null]',
    '["NONSENSE", 1]',
    "[" * 100_000,
    '["EVENT", ' + "9" * 5_000 + "]",
]


def test_hostile_frames_are_answered_and_the_connection_goes_on() -> None:
    async def main() -> None:
        with nodes("n1") as (node,):
            async with node.relay() as relay, node.client() as http:
                for frame in HOSTILE_FRAMES:
                    await relay.send(frame)
                    assert json.loads(await relay.recv())[0] in ("NOTICE", "CLOSED")
                good = case_event(node.keys["n1"], "c1")
                forged = replace(good, content=good.content.replace("t", "x"))
                stranger = case_event(Key.generate(), "c2")
                for event, accepted in ((forged, False), (stranger, False), (good, True)):
                    await relay.send(json.dumps(["EVENT", event.to_json()]))
                    reply = json.loads(await relay.recv())
                    assert reply[:3] == ["OK", event.id, accepted]
                await relay.send(json.dumps(["REQ", "s", {"kinds": [30100]}]))
                assert json.loads(await relay.recv()) == ["EVENT", "s", good.to_json()]
                assert json.loads(await relay.recv()) == ["EOSE", "s"]
                assert await titles(http) == ["t"]

    asyncio.run(main())


async def asked(relay: ClientConnection, frame: str) -> str | bytes:
    """The first frame that comes back."""
    await relay.send(frame)
    return await relay.recv()


def test_an_oversized_frame_ends_that_connection_alone(one: Running) -> None:
    async def main() -> None:
        async with one.relay() as other, one.relay() as relay:
            with pytest.raises(ConnectionClosed):
                await asked(relay, "x" * (2 << 20))
            await other.send(json.dumps(["REQ", "s", {}]))
            assert json.loads(await other.recv()) == ["EOSE", "s"]

    asyncio.run(main())


def test_a_hostile_peer_breaks_neither_its_link_nor_the_rows_that_follow() -> None:
    """n2 is this test: a relay that sends one bad frame after another, then a good row."""

    async def main() -> None:
        with nodes("n1", absent=("n2",)) as (node,):
            good = case_event(node.keys["n2"], "c1")
            forged = replace(good, sig="0" * 128)
            frames: list[str | bytes] = [
                *HOSTILE_FRAMES,
                json.dumps(["EVENT", "log", {"id": 5}, 3]),
                json.dumps(["EVENT", "log", good.to_json(), "x"]),
                json.dumps(["EOSE", "log", 5, 6]),
                Delivery("log", forged, 4).to_text(),
                Delivery("log", case_event(Key.generate(), "c2"), 5).to_text(),
                Delivery("log", case_event(node.keys["n2"], "c3", counter="x"), 6).to_text(),
                Delivery("log", good, 7).to_text(),
                Eose("log", "log-of-the-test", 7).to_text(),
            ]
            dialled = []

            async def relay(connection: ServerConnection) -> None:
                await welcome(connection)
                dialled.append(json.loads(await connection.recv()))
                for frame in frames:
                    await connection.send(frame)
                await connection.wait_closed()

            path = Layout(node.root.parent / "n2").app_socket
            path.parent.mkdir(parents=True)
            async with unix_serve(relay, str(path)), node.client() as http:
                goal = {"log_id": "log-of-the-test", "position": 7}
                status = await node.status(http, peers={"n2": goal}, limit_s=LIMIT_S)
                assert status["peers"]["n2"]["applied"] == 7
                assert status["peers"]["n2"]["refused"] > len(HOSTILE_FRAMES)
                assert await titles(http) == ["t"]
                asked = {"kinds": [30100, 30101], "log_id": None, "after": 0}
                assert dialled == [["REQ", "log", asked]]

    asyncio.run(main())


def test_a_locked_database_refuses_a_write_and_takes_the_next() -> None:
    async def main() -> None:
        with nodes("n1") as (node,):
            async with node.client() as http:
                await http.post("/cases", json=case())
                other = sqlite3.connect(Layout(node.root).database, isolation_level=None)
                other.execute("BEGIN IMMEDIATE")
                answer = await http.patch("/cases/r/c1", json={"title": "x"})
                assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_ready")
                assert await titles(http) == ["t"]
                other.execute("ROLLBACK")
                other.close()
                assert (await node.status(http))["position"] == 1
                answer = await http.patch("/cases/r/c1", json={"title": "y"})
                assert answer.status_code == 200
                assert await titles(http) == ["y"]

    asyncio.run(main())


def dial(node: Running) -> socket.socket:
    place = socket.socket(socket.AF_UNIX)
    place.settimeout(LIMIT_S)
    place.connect(str(Layout(node.root).app_socket))
    return place


def request(node: Running, method: str, /, **params: Any) -> bytes:
    """An admin request, signed, as it is on the wire."""
    body = json.dumps({"method": method, "params": params}).encode()
    head = "POST /api/admin/management HTTP/1.1\r\nhost: 127.0.0.1:4000\r\n"
    head += f"authorization: {signed(node, body)}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def everything(place: socket.socket) -> bytes:
    """What comes until the end of the stream."""
    return b"".join(iter(lambda: place.recv(65_536), b""))


def poll(node: Running, limit_s: float) -> bytes:
    wait = {"peers": {"n2": {"position": 9}}, "limit_s": limit_s}
    return request(node, "sync.status", wait=wait)


def test_a_half_closed_client_gets_every_answer() -> None:
    with nodes("n1", absent=("n2",)) as (node,), dial(node) as place, dial(node) as cut:
        place.sendall(poll(node, 0.2) + request(node, "cluster_status") + poll(node, 0.1))
        place.shutdown(socket.SHUT_WR)
        assert everything(place).count(b"HTTP/1.1 200") == 3
        cut.sendall(request(node, "cluster_status")[:-3])
        cut.shutdown(socket.SHUT_WR)
        assert everything(cut) == b""


def test_what_is_no_http_is_answered_in_json(one: Running) -> None:
    for sent in (b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n"):
        with dial(one) as place:
            place.sendall(sent)
            head, _, body = everything(place).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 400")
            assert json.loads(body)["error"]["code"] == "malformed"


def test_clients_that_go_away_leave_no_trace_in_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    with nodes("n1", absent=("n2",)) as (node,):
        for sent in (b"GET", request(node, "cluster_status")[:-3], poll(node, 0.1), b""):
            with dial(node) as gone:
                gone.sendall(sent)
        with dial(node) as waiting, dial(node) as half, dial(node) as idle:
            waiting.sendall(poll(node, 60))
            half.sendall(request(node, "cluster_status")[:-3])
            idle.sendall(request(node, "cluster_status"))
            assert idle.recv(65_536)
            node.process.send_signal(signal.SIGTERM)
            assert node.process.wait(LIMIT_S) == 0
            # It may have happened: no answer, and no sentence that says more than is known.
            assert everything(waiting) == everything(half) == b""
    assert capfd.readouterr().err == ""


def test_a_captured_request_is_refused_by_a_node_that_was_killed_and_by_any_other() -> None:
    with nodes("n1", "n2") as (one, two):
        captured = request(one, "cluster_nodes.leave", node="n2")
        assert sent_to(one, captured).startswith(b"HTTP/1.1 200")
        one.process.kill()
        one.process.wait()
        again = attrs.evolve(one, process=start(one.root))
        try:
            await_socket(again)
            for node in (again, two):
                assert sent_to(node, captured).startswith(b"HTTP/1.1 401")
        finally:
            again.process.kill()
            again.process.wait()


UPGRADE = (
    b"GET / HTTP/1.1\r\nhost: n\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)


@pytest.mark.parametrize(
    "more",
    [
        b"content-length: 1\r\n\r\nx",
        b"transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        b"".join(b"x-%d: y\r\n" % number for number in range(200)) + b"\r\n",
        b"x: " + b"y" * 9_000 + b"\r\n\r\n",
    ],
    ids=["body", "chunks", "headers", "long header"],
)
def test_a_handshake_that_can_not_be_read_is_answered(more: bytes, one: Running) -> None:
    with dial(one) as place:
        place.sendall(UPGRADE + more)
        assert everything(place).startswith(b"HTTP/1.1 4")


def test_answers_that_are_due_come_before_the_end(one: Running) -> None:
    """What follows a request on its connection is no HTTP: the request is answered all the same."""
    with dial(one) as place:
        place.sendall(request(one, "cluster_status") + b"GARBAGE\r\n\r\n")
        answers = everything(place)
        assert answers.startswith(b"HTTP/1.1 200")
        assert answers.count(b"HTTP/1.1") == 1


def sent_to(node: Running, wire: bytes) -> bytes:
    with dial(node) as place:
        place.sendall(wire)
        return place.recv(65_536)


def test_absolute_targets_are_what_they_say(one: Running) -> None:
    path, url = b" /api", b" http://127.0.0.1:4000/api"
    good = request(one, "cluster_status").replace(path, url, 1).replace(b"host: 1", b"host: 2")
    assert sent_to(one, good).startswith(b"HTTP/1.1 200")
    bad = request(one, "cluster_status").replace(path, b" http://example.org/api", 1)
    assert sent_to(one, bad).startswith(b"HTTP/1.1 401")


def test_sigterm_ends_it_in_order() -> None:
    with nodes("n1", "n2") as (node, _):
        node.process.send_signal(signal.SIGTERM)
        assert node.process.wait(LIMIT_S) == 0
        assert not Layout(node.root).app_socket.exists()
        assert not list(Layout(node.root).app_socket.parent.glob(".app.sock*"))
