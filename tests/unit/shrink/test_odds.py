"""How often a run fails, and what follows from that."""

from math import comb
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from syncmodel.shrink.odds import DOUBT, MOST_TRIES, Odds

COUNTS = st.integers(0, 30)
ODDS = st.builds(lambda runs, failed: Odds(min(failed, runs), runs), COUNTS, COUNTS)


@given(odds=ODDS)
def test_what_fails_like_this_hardly_ever_passes_so_often(odds: Odds) -> None:
    assert 1 <= odds.tries <= MOST_TRIES
    if odds.failed and not odds.always and odds.tries < MOST_TRIES:
        assert (1 - odds.share) ** odds.tries <= DOUBT


def test_what_always_failed_is_tried_once() -> None:
    assert Odds().tries == Odds(2, 2).tries == 1
    assert Odds(1, 5).tries == MOST_TRIES


def test_what_never_failed_again_is_nothing_to_go_by() -> None:
    assert Odds(0, 30).tries == 1


@given(one=ODDS, other=ODDS)
def test_only_one_of_two_is_rarer(one: Odds, other: Odds) -> None:
    assert not (one.is_rarer_than(other) and other.is_rarer_than(one))
    assert not one.is_rarer_than(one)


@given(one=ODDS, other=ODDS)
def test_luck_is_seldom_taken_for_a_difference(one: Odds, other: Odds) -> None:
    """Of all ways to deal the failures that were seen to the runs, few are as uneven."""
    if one.is_rarer_than(other):
        runs, failed = one.runs + other.runs, one.failed + other.failed
        as_uneven = sum(
            comb(one.runs, mine) * comb(other.runs, failed - mine)
            for mine in range(one.failed + 1)
            if failed - mine <= other.runs
        )
        assert as_uneven / comb(runs, failed) <= DOUBT


def test_what_fails_alike_is_seldom_told_apart() -> None:
    coin = Random(1)

    def ten() -> Odds:
        return Odds(sum(coin.random() < 0.2 for _ in range(10)), 10)

    assert sum(ten().is_rarer_than(ten()) for _ in range(2_000)) <= DOUBT * 2_000
