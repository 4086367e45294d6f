"""What a clock that was set shows."""

from __future__ import annotations

from syncmodel.model.pace import FURTHEST_S, RIGHT, Pace


def test_a_clock_is_so_far_ahead_whatever_the_time() -> None:
    assert RIGHT.at(1000.0) == 1000.0
    assert Pace(ahead_s=-7).at(1000.0) == 993.0
    assert Pace(ahead_s=5, since_s=400.0).at(1000.0) == 1005.0


def test_a_clock_that_drifts_gains_so_much_of_the_time_since_then() -> None:
    assert Pace(percent=10, since_s=900.0).at(900.0) == 900.0
    assert Pace(percent=10, since_s=900.0).at(1000.0) == 1010.0
    assert Pace(percent=-20, since_s=900.0).at(1000.0) == 980.0
    assert Pace(percent=1).at(1000.0) == 1010.0


def test_it_stays_where_a_clock_may_be_at_the_furthest() -> None:
    fast, slow = Pace(percent=100, since_s=0.0), Pace(percent=-100, since_s=0.0)
    assert fast.at(FURTHEST_S - 1) == 2 * FURTHEST_S - 2
    assert fast.at(5000.0) == 5000.0 + FURTHEST_S
    assert slow.at(FURTHEST_S - 1) == 0
    assert slow.at(5000.0) == 5000.0 - FURTHEST_S
