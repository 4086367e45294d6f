"""Relay messages: their text, its reading back, and hostile frames."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncmodel.nostr.events import Event, unsigned
from syncmodel.nostr.keys import Key
from syncmodel.nostr.messages import (
    WORDS_LIMIT_CHARS,
    Auth,
    BadDelivery,
    Challenge,
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
    RefusedMessageError,
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
        Auth(EVENT),
        Req("any text \n\t\N{GRINNING FACE}", (Filter(),)),
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
        Challenge("c"),
    ],
)
def test_what_a_relay_says_is_read_back(message: FromRelay) -> None:
    assert not isinstance(message, BadDelivery)
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


@pytest.mark.parametrize(
    ("frame", "answer"),
    [
        (["EVENT", EVENT.to_json() | {"kind": -1}], ["OK", EVENT.id, False]),
        (["EVENT", {"id": EVENT.id.upper()}], ["OK", EVENT.id.upper(), False]),
        (["AUTH", {"id": EVENT.id}], ["OK", EVENT.id, False]),
        (["EVENT", {"id": "x" * 64}], ["NOTICE"]),
        (["EVENT", {"id": 5}], ["NOTICE"]),
        (["EVENT"], ["NOTICE"]),
        (["AUTH", "a challenge"], ["NOTICE"]),
        (["REQ", "s"], ["CLOSED", "s"]),
        (["REQ", "s", {"kinds": 5}], ["CLOSED", "s"]),
        (["REQ", "s", {"#\ud800" + "x" * 9_000: 5}], ["CLOSED", "s"]),
        (["REQ", "\ud800", {}], ["NOTICE"]),
        (["REQ", "s" * 65, {}], ["NOTICE"]),
        (["CLOSE", 5], ["NOTICE"]),
        (["\ud800"], ["NOTICE"]),
        ({}, ["NOTICE"]),
    ],
)
def test_what_can_not_be_read_has_an_answer(frame: object, answer: list[object]) -> None:
    """As NIP-01 has it: OK where an event can be named, CLOSED where a subscription can be."""
    with pytest.raises(RefusedMessageError) as refused:
        parse_from_client(json.dumps(frame))
    text = refused.value.answer.to_text()
    *said, words = json.loads(text.encode())
    assert said == answer
    assert words.startswith("invalid: ")
    assert len(words) <= WORDS_LIMIT_CHARS + len("invalid: ")


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
    '["AUTH"]',
    '["AUTH",{}]',
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
        except RefusedMessageError as error:
            assert parse is parse_from_client
            error.answer.to_text().encode()
        except MalformedMessageError:
            assert parse is parse_from_relay
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
        except MalformedMessageError:
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
