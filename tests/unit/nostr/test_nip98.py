"""The NIP-98 header, what its check refuses, and the replay guard."""

import base64
import json

import pytest
from msgspec.structs import replace

from syncmodel.nostr import nip98
from syncmodel.nostr.events import Event, unsigned
from syncmodel.nostr.keys import Key
from syncmodel.nostr.nip98 import Asked, SeenIds, UnauthorizedError

KEY = Key.from_hex("11" * 32)
NODE = Key.from_hex("33" * 32).public
URL = "http://127.0.0.1:4000/api/admin/management"
BODY = b'{"method":"cluster_status","params":{}}'
NOW_S = 1_700_000_000


def header(now_s: int = NOW_S, nonce: str = "a", key: Key = KEY) -> str:
    return nip98.authorization(key, URL, "POST", BODY, now_s, nonce, NODE)


def check(value: str | None, url: str = URL, method: str = "POST", body: bytes = BODY) -> Event:
    return nip98.check(value, Asked.of(url, method, body), NOW_S, {KEY.public}, NODE)


def encoded(event: Event) -> str:
    return "Nostr " + base64.b64encode(json.dumps(event.to_json()).encode()).decode()


def changed(tags: dict[str, str], kind: int = nip98.KIND, extra: tuple[str, ...] = ()) -> str:
    good = {tag[0]: tag[1] for tag in check(header()).tags}
    pairs = [list(pair) for pair in (good | tags).items()]
    if extra:
        pairs.append(list(extra))
    return encoded(KEY.sign(unsigned(KEY.public, NOW_S, kind, pairs, "")))


def test_a_good_header_is_accepted_within_the_window_only() -> None:
    assert check(header()).pubkey == KEY.public
    for age_s in (-60, 60):
        assert check(header(NOW_S - age_s)).created_at == NOW_S - age_s
    for age_s in (-61, 61):
        with pytest.raises(UnauthorizedError, match="60 s"):
            check(header(NOW_S - age_s))


def test_a_nonce_makes_equal_requests_different_events() -> None:
    assert check(header(nonce="a")).id != check(header(nonce="b")).id


@pytest.mark.parametrize(
    ("url", "method", "body"),
    [(URL + "/", "POST", BODY), (URL, "GET", BODY), (URL, "POST", BODY + b" ")],
)
def test_it_authorises_one_request_alone(url: str, method: str, body: bytes) -> None:
    with pytest.raises(UnauthorizedError, match="not that of this request"):
        check(header(), url, method, body)


def test_refusals() -> None:
    forged = replace(check(header()), content="x")
    for value, reason in [
        (None, "no `Authorization"),
        ("Basic abc", "no `Authorization"),
        ("Nostr !!!", "base64"),
        ("Nostr \u00e9", "base64"),
        ("Nostr " + base64.b64encode(b"[" * 9_000).decode(), "base64 of JSON"),
        ("Nostr " + base64.b64encode(b"\xff").decode(), "base64 of JSON"),
        ("Nostr " + base64.b64encode(b"{}").decode(), "no event"),
        ("Nostr " + "A" * 20_000, "too long"),
        (header(key=Key.from_hex("22" * 32)), "administrator"),
        (encoded(forged), "signature"),
        (changed({}, kind=1), "kind 1"),
        (changed({"u": "http://elsewhere/"}), "`u`"),
        (changed({"method": "post"}), "`method`"),
        (changed({}, extra=("u", "http://elsewhere/")), "`u`"),
        (changed({}, extra=("payload",)), "`payload`"),
    ]:
        with pytest.raises(UnauthorizedError, match=reason):
            check(value)


def event(created_at: int, nonce: str) -> Event:
    return unsigned(KEY.public, created_at, nip98.KIND, [["nonce", nonce]], "")


def test_each_event_is_admitted_once() -> None:
    seen = SeenIds()
    seen.admit(event(NOW_S, "a"), NOW_S)
    seen.admit(event(NOW_S, "b"), NOW_S)
    with pytest.raises(UnauthorizedError, match="before"):
        seen.admit(event(NOW_S, "a"), NOW_S + 60)


def test_a_clock_that_goes_back_locks_nobody_out() -> None:
    seen = SeenIds()
    for number, now_s in enumerate((NOW_S + 60, NOW_S + 70, NOW_S - 60, NOW_S + 60, NOW_S - 60)):
        seen.admit(event(now_s, str(number)), now_s)
    assert len(seen) == 5


def test_ids_leave_after_the_window_and_stay_refused() -> None:
    seen = SeenIds()
    seen.admit(event(NOW_S, "old"), NOW_S)
    seen.admit(event(NOW_S + 201, "new"), NOW_S + 201)
    assert len(seen) == 1
    # The node's clock went back: the header would pass `check` again.
    with pytest.raises(UnauthorizedError, match="remembered"):
        seen.admit(event(NOW_S, "old"), NOW_S)


def test_memory_is_bounded_and_a_flood_opens_nothing() -> None:
    seen = SeenIds(limit=10)
    for number in range(100):
        seen.admit(event(NOW_S + number // 2, str(number)), NOW_S)
        assert len(seen) <= 10
    for number in range(100):
        with pytest.raises(UnauthorizedError):
            seen.admit(event(NOW_S + number // 2, str(number)), NOW_S)
