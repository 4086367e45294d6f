"""Event ids, signatures (with BIP-340's own vectors), and hostile input."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from syncmodel.nostr.events import Event, MalformedEventError, event_id, signed_by, unsigned, verify
from syncmodel.nostr.keys import Key, MalformedKeyError

KEY = Key.from_hex(f"{3:064x}")

# Characters that JSON encoders treat differently: escapes, controls, separators, astral, DEL.
SPECIAL = '"\\/\b\f\n\r\t\x00\x1f\x7f\x80\u2028\u2029\ufeff\uffff\U0001f600é'
TEXT = st.text(st.one_of(st.sampled_from(SPECIAL), st.characters(exclude_categories=["Cs"])))
TAGS = st.lists(st.lists(TEXT, min_size=1, max_size=3), max_size=3)

# BIP-340, test-vectors.csv: (index, public key, message, signature, result).
PI = "243F6A8885A308D313198A2E03707344A4093822299F31D0082EFA98EC4E6C89"
DFF1 = "DFF1D77F2A671C5F36183726DB2341BE58FEAE1DA2DECED843240F7B502BA659"
VECTORS = [
    (
        0,
        "F9308A019258C31049344F85F89D5229B531C845836F99B08601F113BCE036F9",
        "00" * 32,
        (
            "E907831F80848D1069A5371B402410364BDF1C5F8307B0084C55F1CE2DCA8215"
            "25F66A4A85EA8B71E482A74F382D2CE5EBEEE8FDB2172F477DF4900D310536C0"
        ),
        True,
    ),
    (
        3,
        "25D1DFF95105F5253C4022F628A996AD3A0D95FBF21D468A1B33F8C160D8F517",
        "FF" * 32,
        (
            "7EB0509757E246F19449885651611CB965ECC1A187DD51B64FDA1EDC9637D5EC"
            "97582B9CB13DB3933705B32BA982AF5AF25FD78881EBB32771FC5922EFC66EA3"
        ),
        True,
    ),
    (
        4,
        "D69C3509BB99E412E68B0FE8544E72837DFA30746D8BE2AA65975F29D22DC7B9",
        "4DF3C3F68FCC83B27E9D42C90431A72499F17875C81A599B566C9889B9696703",
        (
            "00000000000000000000003B78CE563F89A0ED9414F5AA28AD0D96D6795F9C63"
            "76AFB1548AF603B3EB45C9F8207DEE1060CB71C04E80F593060B07D28308D7F4"
        ),
        True,
    ),
    (
        5,  # the public key is not on the curve
        "EEFDEA4CDB677750A420FEE807EACF21EB9898AE79B9768766E4FAA04A2D4A34",
        PI,
        (
            "6CFF5C3BA86C69EA4B7376F31A9BCB4F74C1976089B2D9963DA2E5543E177769"
            "69E89B4C5564D00349106B8497785DD7D1D713A8AE82B32FA79D5F7FC407D39B"
        ),
        False,
    ),
    (
        7,  # the message is negated
        DFF1,
        PI,
        (
            "1FA62E331EDBC21C394792D2AB1100A7B432B013DF3F6FF4F99FCB33E0E1515F"
            "28890B3EDB6E7189B630448B515CE4F8622A954CFE545735AAEA5134FCCDB2BD"
        ),
        False,
    ),
    (
        13,  # s is the order of the curve
        DFF1,
        PI,
        (
            "6CFF5C3BA86C69EA4B7376F31A9BCB4F74C1976089B2D9963DA2E5543E177769"
            "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141"
        ),
        False,
    ),
]


@pytest.mark.parametrize(
    ("index", "pubkey", "message", "sig", "valid"), VECTORS, ids=[str(v[0]) for v in VECTORS]
)
def test_bip340_vector(index: int, pubkey: str, message: str, sig: str, valid: bool) -> None:
    assert signed_by(pubkey, message, sig) is valid


def test_signing_agrees_with_bip340_vector_0() -> None:
    assert KEY.public == VECTORS[0][1].lower()
    assert KEY.sign_digest("00" * 32) == VECTORS[0][3].lower()


def test_the_id_is_the_hash_of_the_serialisation_that_nip01_spells_out() -> None:
    content = 'line\n"quote" \\ back \r \t \b \f \x01 é 😀'
    by_hand = (
        '[0,"' + "ab" * 32 + '",1700000000,30100,[["d","run/c1"],["t",""]],'
        '"line\\n\\"quote\\" \\\\ back \\r \\t \\b \\f \\u0001 é 😀"]'
    )
    expected = hashlib.sha256(by_hand.encode()).hexdigest()
    tags = [["d", "run/c1"], ["t", ""]]
    assert event_id("ab" * 32, 1_700_000_000, 30_100, tags, content) == expected


@given(TAGS, TEXT, st.integers(0, 2**53 - 1), st.integers(0, 65_535))
def test_a_signed_event_survives_the_wire(
    tags: list[list[str]], content: str, created_at: int, kind: int
) -> None:
    event = KEY.sign(unsigned(KEY.public, created_at, kind, tags, content))
    for ascii_only in (False, True):
        text = json.dumps(event.to_json(), ensure_ascii=ascii_only)
        back = Event.from_json(json.loads(text.encode()))
        assert back == event
        assert hash(back) == hash(event)
        assert verify(back)


EVENT = KEY.sign(unsigned(KEY.public, 1_700_000_000, 30_100, [["d", "r/c1"]], "{}"))


@pytest.mark.parametrize(
    "change",
    [
        {"content": "{ }"},
        {"created_at": 1_700_000_001},
        {"kind": 30_101},
        {"tags": (("d", "r/c2"),)},
        {"pubkey": Key.from_hex(f"{4:064x}").public},
        {"id": "00" * 32},
        {"sig": "00" * 64},
        {"sig": ""},
        {"sig": "zz"},
        {"pubkey": "zz"},
        {"content": "\ud800"},
    ],
)
def test_any_change_breaks_verification(change: dict[str, Any]) -> None:
    assert verify(EVENT)
    assert not verify(replace(EVENT, **change))


HUGE = 10**400


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "AB" * 32),
        ("id", "ab" * 31),
        ("id", "ab" * 32 + "\n"),
        ("id", "\u0661" * 64),
        ("pubkey", None),
        ("pubkey", ["ab" * 32]),
        ("sig", "ab" * 32),
        ("sig", ""),
        ("created_at", True),
        ("created_at", 1.0),
        ("created_at", "1"),
        ("created_at", -1),
        ("created_at", HUGE),
        ("created_at", float("nan")),
        ("kind", 65_536),
        ("kind", False),
        ("kind", HUGE),
        ("tags", {}),
        ("tags", "d"),
        ("tags", [["d", 1]]),
        ("tags", ["d"]),
        ("tags", [["d", None]]),
        ("tags", [[None, "x"]]),
        ("tags", [[]]),
        ("tags", [["d", "\udfff"]]),
        ("tags", [["d", ["x"]]]),
        ("content", None),
        ("content", 7),
        ("content", "\ud800"),
    ],
)
def test_a_hostile_field_is_refused_by_name(field: str, value: object) -> None:
    obj = EVENT.to_json() | {field: value}
    with pytest.raises(MalformedEventError, match=field if field != "tags" else "tag"):
        Event.from_json(obj)
    del obj[field]
    with pytest.raises(MalformedEventError, match=field):
        Event.from_json(obj)


@pytest.mark.parametrize("value", [None, 1, "event", [], [EVENT.to_json()]])
def test_what_is_no_object_is_no_event(value: object) -> None:
    with pytest.raises(MalformedEventError):
        Event.from_json(value)


SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
NESTED = SCALAR | st.lists(st.lists(SCALAR, max_size=2), max_size=2)


# The first draw of a process reads all our modules for constants, which takes long under load.
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(list(EVENT.to_json())), NESTED))
def test_hostile_fields_raise_nothing_but_our_error(fields: dict[str, object]) -> None:
    try:
        event = Event.from_json(EVENT.to_json() | fields)
    except MalformedEventError:
        return
    assert isinstance(verify(event), bool)


def test_a_lone_surrogate_has_no_id() -> None:
    with pytest.raises(MalformedEventError, match="surrogate"):
        unsigned(KEY.public, 0, 1, [], "\ud800")


@pytest.mark.parametrize(
    ("tags", "value"),
    [
        ([], None),
        ([["e", "x"], [""], ["D", "x"]], None),
        ([["d", "one"], ["d", "two"]], "one"),
        ([["e", "x"], ["d", "one", "more"]], "one"),
        ([["d"], ["d", "two"]], ""),
        ([["d", ""], ["d", "two"]], ""),
    ],
)
def test_only_the_first_tag_of_a_name_counts(tags: list[list[str]], value: str | None) -> None:
    assert unsigned(KEY.public, 0, 1, tags, "").tag("d") == value


@given(st.lists(st.lists(st.sampled_from(["d", "e", "", "x"]), min_size=1, max_size=3)))
def test_an_event_has_one_address(tags: list[list[str]]) -> None:
    named = [tag for tag in tags if tag[0] == "d"]
    event = unsigned(KEY.public, 0, 1, tags, "")
    assert event.tag("d") == ((*named[0], "")[1] if named else None)
    assert event.tag("d") == unsigned(KEY.public, 0, 1, named[:1], "").tag("d")


def test_a_key_signs_the_same_each_time_and_only_its_own_events() -> None:
    plain = unsigned(KEY.public, 5, 1, [], "x")
    assert KEY.sign(plain) == KEY.sign(plain) == KEY.sign_new(5, 1, (), "x")
    with pytest.raises(MalformedEventError, match="author"):
        Key.generate().sign(plain)
    with pytest.raises(MalformedEventError, match="fields"):
        KEY.sign(replace(plain, content="y"))


def test_a_key_never_shows_its_secret() -> None:
    key = Key.generate()
    assert key.reveal() not in repr(key) + str(key) + repr([key])
    assert Key.from_hex(key.reveal()) == key
    assert hash(Key.from_hex(key.reveal())) == hash(key)
    assert Key.generate() != key


ORDER = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"


@pytest.mark.parametrize("secret", ["", "00" * 32, ORDER, "ab" * 31, "ab" * 33, "zz" * 32])
def test_a_bad_secret_is_refused_and_not_quoted(secret: str) -> None:
    with pytest.raises(MalformedKeyError) as caught:
        Key.from_hex(secret)
    assert not secret or secret not in str(caught.value)
    assert caught.value.__suppress_context__
