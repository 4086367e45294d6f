"""Relay messages: their text, its reading back, and hostile frames."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncmodel.nostr.events import Event, MalformedEventError, unsigned
from syncmodel.nostr.keys import Key
from syncmodel.nostr.messages import (
    BadDelivery,
    Close,
    Closed,
    Delivery,
    Eose,
    Filter,
    FromClient,
    FromRelay,
    MalformedMessageError,
    Notice,
    Ok,
    Publish,
    Req,
    parse_from_client,
    parse_from_relay,
)

KEY = Key.from_hex("11" * 32)
EVENT = KEY.sign(unsigned(KEY.public, 100, 30_100, [["d", "r/c1"]], 'é "x"'))
FOLLOW = Filter(kinds=(30_100, 30_101), log_id="L1", after=7)


@pytest.mark.parametrize(
    "message",
    [
        Req("log", (FOLLOW,)),
        Req("log", (Filter(kinds=(30_100,), after=0),)),
        Req("s", (Filter(), Filter(ids=("a",), since=1, until=2, limit=3, tags=(("d", ("x",)),)))),
        Close("log"),
        Publish(EVENT),
    ],
)
def test_what_a_client_says_is_read_back(message: FromClient) -> None:
    assert parse_from_client(message.to_text()) == message


@pytest.mark.parametrize(
    "message",
    [
        Delivery("log", EVENT, 12),
        Delivery("plain", EVENT),
        Eose("log", "L1", 12),
        Eose("plain"),
        Ok(EVENT.id, False, "invalid: no"),
        Notice("words"),
        Closed("log", "error: gone"),
    ],
)
def test_what_a_relay_says_is_read_back(message: Delivery | Eose | Ok | Notice | Closed) -> None:
    assert parse_from_relay(message.to_text()) == message
    assert parse_from_relay(message.to_text().encode()) == message


def test_the_forms_on_the_wire() -> None:
    assert json.loads(Req("log", (Filter(kinds=(1,), after=0),)).to_text()) == [
        "REQ",
        "log",
        {"kinds": [1], "log_id": None, "after": 0},
    ]
    assert json.loads(Delivery("log", EVENT, 3).to_text()) == ["EVENT", "log", EVENT.to_json(), 3]
    assert json.loads(Delivery("s", EVENT).to_text()) == ["EVENT", "s", EVENT.to_json()]
    assert json.loads(Eose("log", "L", 3).to_text()) == ["EOSE", "log", "L", 3]
    assert json.loads(Eose("s").to_text()) == ["EOSE", "s"]


def test_a_malformed_event_keeps_its_position() -> None:
    broken = EVENT.to_json() | {"kind": -1}
    got = parse_from_relay(json.dumps(["EVENT", "log", broken, 9]))
    assert isinstance(got, BadDelivery)
    assert (got.sub, got.position) == ("log", 9)
    with pytest.raises(MalformedEventError):
        parse_from_client(json.dumps(["EVENT", broken]))


HOSTILE = [
    "",
    "{",
    "null",
    "{}",
    "[]",
    "[" * 100_000,
    "[NaN]",
    b"\xff\xfe",
    '["REQ"]',
    '["REQ","s"]',
    '["REQ","s",[]]',
    '["REQ",1,{}]',
    '["REQ","",{}]',
    '["REQ","' + "s" * 65 + '",{}]',
    '["REQ","\\ud800",{}]',
    '["REQ","s",{"kinds":[true]}]',
    '["REQ","s",{"kinds":[null]}]',
    '["REQ","s",{"kinds":5}]',
    '["REQ","s",{"ids":[5]}]',
    '["REQ","s",{"#d":"x"}]',
    '["REQ","s",{"after":-1}]',
    '["REQ","s",{"after":1e400}]',
    '["REQ","s",{"after":1,"log_id":5}]',
    '["REQ","s",{"after":1,"log_id":"\\ud800"}]',
    '["REQ","s",{"limit":' + "9" * 5_000 + "}]",
    '["CLOSE"]',
    '["EVENT"]',
    '["EOSE"]',
    '["EOSE","s","\\ud800",1]',
    '["EOSE","s","L",-1]',
    '["EOSE","s","L",true]',
    '["EVENT","s"]',
    '["EVENT","s",{},"9"]',
    '["OK","x","true",""]',
    '["\\ud800"]',
    "[[]]",
]


@pytest.mark.parametrize("frame", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_frames_are_malformed_and_nothing_worse(frame: str | bytes) -> None:
    for parse in (parse_from_client, parse_from_relay):
        try:
            parse(frame)
        except MalformedMessageError as error:
            str(error).encode()
        except MalformedEventError:
            assert parse is parse_from_client
        else:
            # Every frame here is meant for one of the two; the other may read it as its own.
            pytest.fail(f"{parse.__name__} accepted {frame[:60]!r}")


SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
NAMES = st.sampled_from(["kinds", "after", "log_id", "#d", "ids"])
NESTED = SCALAR | st.dictionaries(NAMES, SCALAR | st.lists(SCALAR, max_size=2), max_size=2)


@given(
    st.sampled_from(["REQ", "CLOSE", "EVENT", "EOSE", "OK", "CLOSED", "NOTICE"]),
    st.lists(NESTED, max_size=4),
)
def test_any_json_is_a_message_or_malformed(kind: str, rest: list[object]) -> None:
    frame = json.dumps([kind, *rest])
    for parse in (parse_from_client, parse_from_relay):
        message: FromClient | FromRelay
        try:
            message = parse(frame)
        except (MalformedMessageError, MalformedEventError):
            continue
        assert isinstance(message, FromClient | FromRelay)


def event(created_at: int = 100, kind: int = 1, tags: list[list[str]] | None = None) -> Event:
    return unsigned(KEY.public, created_at, kind, tags or [], "")


@pytest.mark.parametrize(
    ("one", "matches"),
    [
        (Filter(), True),
        (Filter(kinds=()), False),
        (Filter(kinds=(1, 2)), True),
        (Filter(kinds=(2,)), False),
        (Filter(authors=(KEY.public,)), True),
        (Filter(authors=("00" * 32,)), False),
        (Filter(ids=("00" * 32,)), False),
        (Filter(since=100, until=100), True),
        (Filter(since=101), False),
        (Filter(until=99), False),
        (Filter(tags=(("d", ("x", "y")),)), True),
        (Filter(tags=(("d", ("x",)), ("e", ("x",)))), False),
        (Filter(limit=0, after=9, log_id="L"), True),
    ],
)
def test_filters(one: Filter, matches: bool) -> None:
    assert one.matches(event(tags=[["d"], ["d", "y"]])) is matches
