"""The same troubles at every provider, through its real client: whatever happens, nothing is left
but what is named."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from _pytest.mark import ParameterSet
from rented import CLOUDS, MARK, QUICK, THERE, Rented, rented, wanted

from syncmodel.errors import UsageError
from syncmodel.providers.base import SERVER, CostError, ProviderError
from syncmodel.providers.quotes import guard
from syncmodel.providers.renting import Patience

HOUR = 3600
#: OpenStack's client warns of its own parts.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::PendingDeprecationWarning"
)


@pytest.fixture(params=THERE)
def at(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rented]:
    with rented(request.param, monkeypatch) as made:
        yield made


def test_machines_are_running_and_have_addresses_and_are_given_back(at: Rented) -> None:
    made = at.create(3)
    assert [one.name for one in made] == [MARK.named(f"n{number}") for number in (1, 2, 3)]
    assert len({one.address for one in made}) == 3
    assert {one.expires for one in at.renter.find()} == {MARK.expires}
    gone = at.renter.destroy(MARK.lease)
    assert [one.name for one in gone if one.kind == SERVER] == [one.name for one in made]
    assert at.cloud.left() == []
    assert at.told == []


# --- troubles that are lived through ------------------------------------------------------------

RENT, DELETE = "RENT", "DELETE"


def often(*words: object) -> ParameterSet:
    """One more of a kind that has a shorter sibling."""
    return pytest.param(*words, marks=pytest.mark.long)


@pytest.mark.parametrize(
    ("request_", "what", "times"),
    [
        often(RENT, "busy", 2),
        (RENT, "no room", 1),
        (RENT, "lost", 1),
        often(RENT, "error", 1),
        (RENT, "gateway", 1),
        often("GET", "busy", 2),
        ("GET", "gateway", 2),
        often("GET", "lost", 2),
        (DELETE, "locked", 2),
        often(DELETE, "lost", 1),
        often(DELETE, "error", 1),
        (DELETE, "fails", 1),
    ],
)
def test_a_trouble_that_passes_is_lived_through(
    at: Rented, request_: str, what: str, times: int
) -> None:
    at.trouble(request_, what, times)
    made = at.create(2)
    assert len(made) == 2
    assert at.servers() == 2
    at.renter.destroy(MARK.lease)
    assert at.cloud.left() == []


# --- troubles that do not pass ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("busy", "asked 3 times"),
        often("error", "asked 3 times"),
        ("no room", "has no room for"),
        ("fails", "does not come up"),
    ],
)
def test_a_trouble_that_does_not_pass_leaves_nothing(at: Rented, what: str, said: str) -> None:
    at.when_asked(2, lambda: at.trouble(RENT, what, 99))
    with pytest.raises(ProviderError, match=said):
        at.create(3)
    assert at.cloud.left() == []
    assert len(at.told) == 1
    assert (
        f"syncmodel machines destroy {MARK.lease} --provider {at.renter.provider.name}"
        in (at.told[0])
    )


def test_a_quota_that_is_reached_leaves_nothing(at: Rented) -> None:
    at.cloud.quota = 2
    with pytest.raises(ProviderError):
        at.create(3)
    assert at.cloud.left() == []


def test_what_never_comes_up_leaves_nothing(at: Rented) -> None:
    at.cloud.polls = 10_000
    at.fixed = lambda: setattr(at.cloud, "polls", 1)
    with pytest.raises(ProviderError, match="within the limit"):
        at.create(2)
    assert at.cloud.left() == []


def test_a_request_that_hangs_is_given_up_and_asked_again_after_a_look(at: Rented) -> None:
    at.patient(Patience(call_s=1.0, late_s=0.01, tries=5, polls=30, **QUICK))
    at.trouble(RENT, "hang", 1)
    assert len(at.create(1)) == 1
    assert at.servers() == 1
    at.cloud.release()
    at.renter.destroy(MARK.lease)
    assert at.cloud.left() == []


def test_a_machine_that_comes_late_and_is_there_twice_is_given_back(at: Rented) -> None:
    at.patient(Patience(call_s=1.0, late_s=0.01, tries=5, polls=30, **QUICK))
    at.trouble(RENT, "late", 1)
    at.when_asked(2 + 1, at.cloud.let_come)
    made = at.create(2)
    assert len(made) == 2
    assert at.servers() == 2
    at.renter.destroy(MARK.lease)
    assert at.cloud.left() == []


def test_what_can_not_be_destroyed_is_named(at: Rented) -> None:
    at.create(2)
    at.trouble(DELETE, "fails", 99)
    with pytest.raises(ProviderError, match="Still there, and paid for: server syncmodel-") as left:
        at.renter.destroy(MARK.lease)
    assert MARK.named("n1") in str(left.value)
    assert f"syncmodel machines destroy {MARK.lease}" in str(left.value)
    at.calm()
    at.renter.destroy(MARK.lease)
    assert at.cloud.left() == []


def test_a_provider_that_says_nothing_at_all_leaves_what_may_be_there_named(at: Rented) -> None:
    at.create(1)
    at.trouble("GET", "gateway", 999)
    with pytest.raises(ProviderError, match="may be still there, and paid for"):
        at.renter.destroy(MARK.lease)
    at.calm()


# --- what it costs ------------------------------------------------------------------------------


def test_what_may_cost_more_is_not_rented(at: Rented) -> None:
    quote = at.renter.quote(wanted(at.renter.provider, 3), 90 * 60)
    assert quote.hours == 2
    hourly = quote.total / 6
    assert Decimal("0.001") < hourly < Decimal("0.1")
    guard([quote], quote.total)
    with pytest.raises(CostError, match="Nothing was rented"):
        guard([quote, quote], quote.total)
    assert not [one for one in at.cloud.requests if one.startswith("POST") and "server" in one]


def test_a_size_or_place_that_there_is_not_is_refused_before_anything_is_rented(
    at: Rented,
) -> None:
    with pytest.raises(UsageError, match="has no gigantic at"):
        at.renter.quote(wanted(at.renter.provider, 1, sizes=("gigantic",)), HOUR)
    with pytest.raises(UsageError, match="has no image beos"):
        at.renter.quote(wanted(at.renter.provider, 1, image="beos"), HOUR)


def test_a_wrong_token_is_said_and_not_shown(at: Rented) -> None:
    at.forget_token()
    with pytest.raises(UsageError, match="refuses the") as refused:
        at.renter.find()
    assert "secret" not in str(refused.value)


# --- sweeping -----------------------------------------------------------------------------------


def test_a_sweep_finds_what_is_over_and_leaves_the_rest(at: Rented) -> None:
    at.create(2)
    assert at.renter.sweep(MARK.expires - 1) == ([], [])
    assert at.servers() == 2
    assert at.renter.sweep(MARK.expires + 1) == ([MARK.lease], [])
    assert at.cloud.left() == []


@pytest.mark.long
def test_many_machines_are_found_page_by_page(at: Rented) -> None:
    at.cloud.quota = 30
    at.small_pages()
    assert len(at.create(7)) == 7
    at.renter.destroy(MARK.lease)
    assert at.cloud.left() == []


def test_all_providers_are_tested() -> None:
    missing = [name for name in CLOUDS if name not in THERE]
    if missing:
        pytest.skip(f"the clients of {', '.join(missing)} are not installed")
