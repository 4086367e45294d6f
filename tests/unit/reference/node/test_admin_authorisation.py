"""Which signed requests the admin surface takes (NIP-98), one line for each variant, and that
nothing happens after any other."""

from __future__ import annotations

import asyncio
import base64
import json
import tempfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from one_node import ADMIN, ADMIN_URL, HOST, NODE, PEER, OneNode, one_node

from syncmodel.nostr.events import unsigned
from syncmodel.nostr.keys import Key
from syncmodel.reference.node.accepted import Accepted
from syncmodel.reference.node.admin import CONTROL_METHODS, PATH, QUESTIONS
from syncmodel.reference.node.store import StoreError
from syncmodel.reference.node.writes import BODY_LIMIT_BYTES

NOW_S = 1_700_000_000
BODY = b'{"method": "cluster_nodes.distrust", "params": {"node": "n2"}}'
LONG = BODY + b" " * BODY_LIMIT_BYTES
STRANGER = Key.from_hex("44" * 32)


def tags(body: bytes = BODY, *more: list[str], **changed: str | None) -> list[list[str]]:
    """The tags that a request needs; None leaves one out, and `more` are added."""
    digest = sha256(body).hexdigest()
    named: dict[str, str | None] = {"u": ADMIN_URL, "method": "POST", "payload": digest}
    named |= {"p": NODE.public} | changed
    return [[name, value] for name, value in named.items() if value is not None] + list(more)


@attrs.frozen
class Sent:
    """One request: all its parts as they should be, but for those that a variant changes."""

    scheme: str = "Nostr "
    target: str = PATH
    method: str = "POST"
    hosts: tuple[str, ...] = (HOST,)
    body: bytes = BODY
    key: Key = ADMIN
    kind: int = 27235
    at_s: int = NOW_S
    content: str = ""
    tags: list[list[str]] = attrs.field(factory=tags)
    spoil: Callable[[dict[str, Any]], object] = lambda event: event
    code: Callable[[bytes], str] = lambda raw: base64.b64encode(raw).decode()
    headers: Callable[[str], list[str]] = lambda header: [header]

    def authorization(self) -> list[str]:
        event = self.key.sign(
            unsigned(self.key.public, self.at_s, self.kind, self.tags, self.content)
        )
        raw = json.dumps(self.spoil(event.to_json())).encode()
        return self.headers(self.scheme + self.code(raw))

    async def to(self, node: OneNode) -> tuple[int, Any]:
        listed = [("host", one) for one in self.hosts]
        listed += [("authorization", one) for one in self.authorization()]
        return await raw_ask(node, self, listed)


async def raw_ask(node: OneNode, sent: Sent, listed: list[tuple[str, str]]) -> tuple[int, Any]:
    if not sent.hosts:
        listed = [*listed, ("host", "")]
    return await node.ask(sent.method, sent.target, sent.body, listed)


def unpadded(raw: bytes) -> str:
    return base64.b64encode(raw + b" " * (2 - len(raw) % 3)).decode().rstrip("=")


def urlsafe(raw: bytes) -> str:
    text = base64.b64encode(raw).decode()
    assert set("+/") & set(text)
    return text.translate(str.maketrans("+/", "-_"))


#: What is changed of a good request, and what the node answers.
VARIANTS: dict[str, tuple[int, dict[str, Any]]] = {
    "nothing": (200, {}),
    # the header
    "scheme in lower case": (200, {"scheme": "nostr "}),
    "scheme in upper case": (200, {"scheme": "NOSTR "}),
    "two spaces after the scheme": (200, {"scheme": "Nostr  "}),
    "no space after the scheme": (401, {"scheme": "Nostr"}),
    "a tab after the scheme": (401, {"scheme": "Nostr\t"}),
    "another scheme": (401, {"scheme": "Bearer "}),
    "no scheme": (401, {"scheme": ""}),
    "no header": (401, {"headers": lambda _: []}),
    "an empty header": (401, {"headers": lambda _: [""]}),
    "the header twice": (401, {"headers": lambda header: [header, header]}),
    "base64 without padding": (401, {"code": unpadded}),
    "base64 of the URL alphabet": (401, {"code": urlsafe, "content": "\u00fb\u00ff~?~?~>~>"}),
    "base64 with a space": (
        401,
        {"code": lambda raw: f"{base64.b64encode(raw).decode()[:8]} AAAA"},
    ),
    "base64 with more after it": (401, {"code": lambda raw: base64.b64encode(raw).decode() + "="}),
    "hex": (401, {"code": bytes.hex}),
    "plain JSON": (401, {"code": bytes.decode}),
    "too long": (401, {"content": "x" * 20_000}),
    # the event
    "another kind": (401, {"kind": 27236}),
    "60 s old": (200, {"at_s": NOW_S - 60}),
    "61 s old": (401, {"at_s": NOW_S - 61}),
    "60 s ahead": (200, {"at_s": NOW_S + 60}),
    "61 s ahead": (401, {"at_s": NOW_S + 61}),
    "milliseconds": (401, {"at_s": NOW_S * 1000}),
    "another signer": (401, {"key": STRANGER}),
    "the node itself signs": (401, {"key": NODE}),
    "a content": (200, {"content": "hello"}),
    "another content than signed": (401, {"spoil": lambda event: event | {"content": "x"}}),
    "another stamp than signed": (401, {"spoil": lambda event: event | {"created_at": NOW_S - 1}}),
    "a stamp with a fraction": (401, {"spoil": lambda event: event | {"created_at": NOW_S + 0.5}}),
    "a stamp that is a text": (401, {"spoil": lambda event: event | {"created_at": str(NOW_S)}}),
    "a stamp that is no number": (
        401,
        {"spoil": lambda event: event | {"created_at": float("nan")}},
    ),
    "another id": (401, {"spoil": lambda event: event | {"id": "0" * 64}}),
    "another signature": (401, {"spoil": lambda event: event | {"sig": "0" * 128}}),
    "no signature": (401, {"spoil": lambda event: event | {"sig": ""}}),
    "another author than signed": (401, {"spoil": lambda event: event | {"pubkey": NODE.public}}),
    "upper case id": (401, {"spoil": lambda event: event | {"id": event["id"].upper()}}),
    "a list": (401, {"spoil": lambda event: [event]}),
    "null": (401, {"spoil": lambda _: None}),
    # the tags
    "no u": (401, {"tags": tags(u=None)}),
    "u of https": (401, {"tags": tags(u=ADMIN_URL.replace("http", "https"))}),
    "u with a slash more": (401, {"tags": tags(u=ADMIN_URL + "/")}),
    "u with a query": (401, {"tags": tags(u=ADMIN_URL + "?x=1")}),
    "u with a fragment": (401, {"tags": tags(u=ADMIN_URL + "#x")}),
    "u in upper case": (401, {"tags": tags(u=ADMIN_URL.upper())}),
    "u percent-encoded": (401, {"tags": tags(u=ADMIN_URL.replace("admin", "%61dmin"))}),
    "u of another host": (401, {"tags": tags(u=f"http://localhost:4000{PATH}")}),
    "u is the path": (401, {"tags": tags(u=PATH)}),
    "u twice": (401, {"tags": tags(BODY, ["u", "http://elsewhere/"])}),
    "u and more in the tag": (200, {"tags": [["u", ADMIN_URL, "x"], *tags()[1:]]}),
    "no method": (401, {"tags": tags(method=None)}),
    "method in lower case": (401, {"tags": tags(method="post")}),
    "another method": (401, {"tags": tags(method="GET")}),
    "method twice": (401, {"tags": tags(BODY, ["method", "GET"])}),
    "no payload": (401, {"tags": tags(payload=None)}),
    "payload in upper case": (401, {"tags": tags(payload=sha256(BODY).hexdigest().upper())}),
    "payload of nothing": (401, {"tags": tags(b"")}),
    "payload twice": (401, {"tags": tags(BODY, ["payload"])}),
    "no node": (401, {"tags": tags(p=None)}),
    "another node": (401, {"tags": tags(p=PEER.public)}),
    "two nodes": (401, {"tags": tags(BODY, ["p", PEER.public])}),
    "a node without a key": (401, {"tags": [*tags(p=None), ["p"]]}),
    "more tags": (200, {"tags": tags(BODY, ["nonce", "1"], ["x"])}),
    # the request
    "asked with a query": (401, {"target": f"{PATH}?x=1"}),
    "asked with a question mark": (401, {"target": f"{PATH}?"}),
    "asked percent-encoded": (401, {"target": PATH.replace("admin", "%61dmin")}),
    "asked with an encoded slash": (401, {"target": PATH.replace("/man", "%2Fman")}),
    "asked with a query, and signed so": (
        401,
        {"target": f"{PATH}?x=1", "tags": tags(u=ADMIN_URL + "?x=1")},
    ),
    "asked at another host": (401, {"hosts": ("example.org",)}),
    "asked at another host, and signed so": (
        401,
        {"hosts": ("example.org",), "tags": tags(u=f"http://example.org{PATH}")},
    ),
    "asked at another port": (401, {"hosts": ("127.0.0.1:4001",)}),
    "asked at no host": (401, {"hosts": ()}),
    "asked at two hosts": (401, {"hosts": (HOST, "example.org")}),
    "another body": (401, {"body": BODY.replace(b"n2", b"n3")}),
    "no body": (401, {"body": b""}),
    "a longer body": (401, {"body": BODY + b" "}),
    "a long body, signed to the limit": (
        401,
        {"body": LONG, "tags": tags(LONG[:BODY_LIMIT_BYTES])},
    ),
    "a long body, another end": (401, {"body": LONG[:-1] + b"x", "tags": tags(LONG)}),
    "a long body": (400, {"body": LONG, "tags": tags(LONG)}),
    "a signed body that is no JSON": (400, {"body": b"{", "tags": tags(b"{")}),
}


@pytest.fixture
def root() -> Iterator[Path]:
    # Not pytest's folder: a socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="n-") as folder:
        yield Path(folder)


def trusts_all(node: OneNode) -> bool:
    return PEER.public in node.app.state.trusted


@pytest.mark.parametrize(("status", "changed"), VARIANTS.values(), ids=VARIANTS)
def test_each_variant_has_its_answer(root: Path, status: int, changed: dict[str, Any]) -> None:
    async def main() -> None:
        async with one_node(root) as node:
            node.clock_s = NOW_S
            found, answer = await Sent(**changed).to(node)
            assert found == status, answer
            assert trusts_all(node) == (status != 200)
            if status != 200:
                code = "unauthorized" if status == 401 else "malformed"
                assert answer["error"]["code"] == code

    asyncio.run(main())


def test_a_captured_request_is_refused_again_also_after_a_restart(root: Path) -> None:
    """A rollback, say, must not come back."""

    async def main() -> None:
        good = Sent()
        async with one_node(root) as node:
            node.clock_s = NOW_S
            assert (await good.to(node))[0] == 200
            assert (await good.to(node))[0] == 401
            await node.admin("cluster_nodes.trust", {"node": "n2"})
        for later_s in (0, 60, 61, -10):
            async with one_node(root) as node:
                node.clock_s = NOW_S + later_s
                assert (await good.to(node))[0] == 401
                assert trusts_all(node)

    asyncio.run(main())


def test_what_was_forgotten_is_refused_after_a_restart_and_a_clock_set_back(root: Path) -> None:
    async def main() -> None:
        old = Sent(at_s=NOW_S)
        async with one_node(root) as node:
            node.clock_s = NOW_S
            assert (await old.to(node))[0] == 200
            node.clock_s = NOW_S + 1000
            assert (await Sent(at_s=NOW_S + 1000).to(node))[0] == 200
        held = (root / "var/lib/tribes/accepted.sqlite").stat().st_size
        async with one_node(root) as node:
            node.clock_s = NOW_S
            status, answer = await old.to(node)
            assert (status, "remembered" in answer["error"]["message"]) == (401, True)
            assert held < 100_000

    asyncio.run(main())


def test_a_request_is_written_down_before_anything_follows_from_it(root: Path) -> None:
    async def main() -> None:
        async with one_node(root) as node:
            node.clock_s = NOW_S
            node.accepted.close()  # as a disk that is gone
            status, answer = await Sent().to(node)
            assert (status, answer["error"]["code"]) == (503, "not_ready")
            assert trusts_all(node)

    asyncio.run(main())


def test_what_changes_something_is_on_the_disk_itself_before_it_is_carried_out(root: Path) -> None:
    """What only asks is not: a loss of power may forget it, and it would cost every step a sync."""

    async def main() -> None:
        async with one_node(root) as node:
            done: list[str] = []
            database = node.accepted._db
            database.set_trace_callback(done.append)
            for name in sorted(CONTROL_METHODS | node.surfaces._admin._methods.keys()):
                done.clear()
                await node.admin(name, {"node": "n2", "job": "none", "generation": 99})
                synced = [said for said in done if "wal_checkpoint" in said]
                assert len(synced) == (name not in QUESTIONS), name
            node.accepted.keep()
            done.clear()
            node.accepted.keep()  # there is nothing new
            assert done == []

    asyncio.run(main())


def test_nothing_is_carried_out_that_the_disk_itself_does_not_hold(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keep(_self: Accepted) -> None:
        raise StoreError("disk I/O error")

    monkeypatch.setattr(Accepted, "keep", keep)

    async def main() -> None:
        async with one_node(root) as node:
            status, answer = await node.admin("cluster_nodes.distrust", {"node": "n2"})
            assert (status, answer["error"]["code"]) == (503, "not_ready")
            assert trusts_all(node)
            assert (await node.admin("sync.status"))[0] == 200

    asyncio.run(main())


def test_a_node_for_plain_clients_takes_requests_that_name_no_node(root: Path) -> None:
    async def main() -> None:
        async with one_node(root, plain_nip98=True) as node:
            node.clock_s = NOW_S
            assert (await Sent(tags=tags(p=PEER.public)).to(node))[0] == 401
            assert (await Sent(tags=tags(BODY, ["p", PEER.public])).to(node))[0] == 401
            assert trusts_all(node)
            assert (await Sent(tags=tags(p=None)).to(node))[0] == 200

    asyncio.run(main())


def test_absolute_targets_are_taken_for_what_they_say(root: Path) -> None:
    async def main() -> None:
        async with one_node(root) as node:
            node.clock_s = NOW_S
            elsewhere = f"http://example.org{PATH}"
            for target, signed in ((elsewhere, ADMIN_URL), (elsewhere, elsewhere)):
                assert (await absolute(node, target, Sent(tags=tags(u=signed))))[0] == 401
            assert (await absolute(node, ADMIN_URL, Sent(hosts=("x",))))[0] == 200

    asyncio.run(main())


async def absolute(node: OneNode, target: str, sent: Sent) -> tuple[int, Any]:
    """As a request whose target is a whole URL: its path decides what is asked."""
    listed = [("host", sent.hosts[0]), ("authorization", sent.authorization()[0])]
    return await node.ask("POST", PATH, sent.body, listed, said=target)


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
SCHEMES = st.text(st.characters(max_codepoint=255), max_size=20).filter(
    lambda text: text.rstrip(" ").lower() != "nostr"
)
CHANGES = st.one_of(
    st.builds(lambda value: {"scheme": value}, SCHEMES),
    st.builds(lambda value: {"kind": value}, st.integers(0, 65_535).filter(lambda n: n != 27235)),
    st.builds(lambda n: {"at_s": n}, st.integers(0, 2**50).filter(lambda n: abs(n - NOW_S) > 60)),
    st.builds(lambda value: {"tags": tags(u=value)}, ANY_TEXT),
    st.builds(lambda value: {"tags": tags(method=value)}, ANY_TEXT),
    st.builds(lambda value: {"tags": tags(payload=value)}, ANY_TEXT),
    st.builds(lambda value: {"tags": tags(p=value)}, ANY_TEXT),
    st.builds(lambda left: {"tags": [t for t in tags() if t[0] != left]}, st.sampled_from("up")),
    st.builds(lambda more: {"body": BODY + more}, st.binary(min_size=1, max_size=9)),
    st.builds(lambda host: {"hosts": (host,)}, st.from_regex(r"[a-z0-9.:]{1,20}", fullmatch=True)),
    st.builds(
        lambda more: {"target": f"{PATH}?{more}"}, st.from_regex("[a-z=&%]*", fullmatch=True)
    ),
    st.builds(
        lambda at, bit: {"code": lambda raw: flipped(raw, at, bit)},
        st.integers(0, 10_000),
        st.integers(0, 7),
    ),
)


def flipped(raw: bytes, at: int, bit: int) -> str:
    """Base64 of the event's JSON with one bit of it the other way round."""
    at %= len(raw)
    changed = raw[:at] + bytes([raw[at] ^ (1 << bit)]) + raw[at + 1 :]
    return base64.b64encode(changed).decode()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changed=CHANGES)
def test_a_request_with_any_part_changed_does_nothing(root: Path, changed: dict[str, Any]) -> None:
    async def main() -> None:
        async with one_node(root) as node:
            node.clock_s = NOW_S
            status, answer = await Sent(**changed).to(node)
            assert (status, answer["error"]["code"]) == (401, "unauthorized")
            assert trusts_all(node)

    asyncio.run(main())
