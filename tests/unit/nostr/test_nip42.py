"""Who is calling a relay: what proves it, and all that does not."""

import pytest
from msgspec.structs import replace

from syncmodel.nostr.events import Event
from syncmodel.nostr.keys import Key
from syncmodel.nostr.nip42 import KIND, WINDOW_S, NotProvedError, check, prove, relay_url

CALLER = Key.from_hex("11" * 32)
RELAY = Key.from_hex("22" * 32).public
NOW_S = 1_700_000_000
PROOF = prove(CALLER, RELAY, "c", NOW_S)


def signed(*tags: tuple[str, ...], kind: int = KIND) -> Event:
    return CALLER.sign_new(NOW_S, kind, tags, "")


@pytest.mark.parametrize("later_s", [-WINDOW_S, 0, WINDOW_S])
def test_a_proof_holds_for_its_relay_and_challenge(later_s: int) -> None:
    check(PROOF, RELAY, "c", NOW_S + later_s)


@pytest.mark.parametrize(
    ("event", "relay", "challenge", "later_s"),
    [
        pytest.param(PROOF, CALLER.public, "c", 0, id="another relay"),
        pytest.param(PROOF, RELAY, "d", 0, id="another connection"),
        pytest.param(PROOF, RELAY, "c", WINDOW_S + 1, id="old"),
        pytest.param(PROOF, RELAY, "c", -WINDOW_S - 1, id="ahead"),
        pytest.param(replace(PROOF, sig="0" * 128), RELAY, "c", 0, id="forged"),
        pytest.param(replace(PROOF, pubkey=RELAY), RELAY, "c", 0, id="of another author"),
        pytest.param(signed(*PROOF.tags, kind=1), RELAY, "c", 0, id="of another kind"),
        pytest.param(signed(("relay", relay_url(RELAY))), RELAY, "c", 0, id="no challenge"),
        pytest.param(signed(("challenge", "c")), RELAY, "c", 0, id="no relay"),
        pytest.param(signed(*PROOF.tags, ("relay", "x")), RELAY, "c", 0, id="two relays"),
        pytest.param(signed(*PROOF.tags, ("challenge",)), RELAY, "c", 0, id="two challenges"),
    ],
)
def test_anything_else_proves_nothing(
    event: Event, relay: str, challenge: str, later_s: int
) -> None:
    with pytest.raises(NotProvedError):
        check(event, relay, challenge, NOW_S + later_s)
