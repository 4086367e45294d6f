"""Frames that a client may say to a relay, by mistake or on purpose, and what must follow."""

import json
from typing import Any

from hypothesis import strategies as st
from spoken_relay import case_event

from syncmodel.nostr.messages import (
    Auth,
    Close,
    Closed,
    Eose,
    Filter,
    FromClient,
    Notice,
    Ok,
    Publish,
    RefusedMessageError,
    Req,
    parse_from_client,
)

TEXT = st.text(st.characters(), max_size=8)
NUMBERS = st.integers() | st.floats() | st.just(10**400) | st.just(-(2**64))
SCALARS = st.none() | st.booleans() | NUMBERS | TEXT
NAMES = st.sampled_from([*Filter(after=0).to_json(), *case_event().to_json(), "#d", "#\ud800", "#"])
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | TEXT, inner, max_size=4),
    max_leaves=8,
)
SUB = st.just("s") | st.text(st.characters(), max_size=70)
FILTERS = st.dictionaries(NAMES, JSON, max_size=3)
MANGLED = st.dictionaries(st.sampled_from(list(case_event().to_json())), JSON, max_size=2).map(
    lambda fields: case_event().to_json() | fields
)
MESSAGES = (
    st.tuples(st.just("REQ"), SUB, FILTERS)
    | st.tuples(st.just("CLOSE"), SUB)
    | st.tuples(st.sampled_from(["EVENT", "AUTH"]), MANGLED)
    | st.tuples(st.sampled_from(["REQ", "CLOSE", "EVENT", "AUTH", "OK", "COUNT"]), JSON, JSON)
    | JSON
)


def doubled(message: object) -> str:
    """Its text, where every key of every object is there twice."""
    text = json.dumps(message)
    return text.replace("{", '{"kind": [1], "id": "x", "limit": 5, ')


FRAMES = MESSAGES.map(json.dumps) | MESSAGES.map(doubled) | TEXT | st.binary(max_size=8)


def check_answers(frame: str | bytes, answers: list[Any]) -> None:
    """Each message has the answers that NIP-01 has for it, and no others."""
    if isinstance(frame, bytes):
        assert [type(one) for one in answers] == [Notice]
        return
    match read(frame):
        case RefusedMessageError(answer=answer):
            assert answers == [answer]
        case Close():
            assert answers == []
        case Req(sub):
            assert isinstance(answers[-1], Closed | Eose)
            assert answers[-1].sub == sub
        case Publish(event) | Auth(event):
            (answer,) = answers
            assert (type(answer), answer.event_id) == (Ok, event.id)
            assert answer.accepted or ": " in answer.message


def read(frame: str) -> FromClient | RefusedMessageError:
    try:
        return parse_from_client(frame)
    except RefusedMessageError as error:
        return error
