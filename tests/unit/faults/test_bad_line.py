"""What a bad line does to packets, and that a probe tells each from the others."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncmodel.faults import packet_probe
from syncmodel.faults.bad_line import (
    BYTES_S,
    DAMAGE,
    DISORDER,
    DUPLICATES,
    HELD_S,
    LOSS,
    NARROW,
    ROOM,
    SPARED,
    BadLine,
    damaged,
)

HEAD = bytes([0x45]) + bytes(19)
ALL = (LOSS, DUPLICATES, DISORDER, DAMAGE, NARROW)
SEEDS = st.integers(0, 2**32)


def packets(count: int, size: int = 100) -> list[bytes]:
    return [HEAD + number.to_bytes(4, "big") + bytes(size - 24) for number in range(count)]


def passed(line: BadLine, sent: list[bytes], now_s: float = 0.0) -> list[tuple[float, bytes]]:
    """What comes of all these, sent at once, in the order in which it comes."""
    found = [come for packet in sent for come in line.passed(packet, now_s)]
    return sorted(found, key=lambda one: one[0])


@given(SEEDS)
def test_what_is_lost_is_followed_by_what_passes(seed: int) -> None:
    """So that no connection is silent for long."""
    sent = packets(200)
    for wrong in (LOSS, DAMAGE):
        line = BadLine(wrong, seed)
        whole = [[one for _, one in line.passed(packet, 0.0)] == [packet] for packet in sent]
        assert not all(whole)
        hurt = [place for place, is_whole in enumerate(whole) if not is_whole]
        assert all(b - a > SPARED for a, b in pairwise(hurt))


@given(SEEDS, st.sampled_from((DUPLICATES, DISORDER)))
def test_all_of_it_comes_in_the_end(seed: int, wrong: str) -> None:
    sent = packets(100)
    come = passed(BadLine(wrong, seed), sent)
    assert {packet for _, packet in come} == set(sent)
    assert all(0 <= when_s <= HELD_S for when_s, _ in come)
    assert [packet for _, packet in come] != sent


@given(SEEDS, st.binary(min_size=1, max_size=60))
def test_damage_is_one_bit_of_what_is_carried(seed: int, body: bytes) -> None:
    hurt = damaged(HEAD + body, Random(seed))
    assert hurt[:20] == HEAD
    changed = [a ^ b for a, b in zip(HEAD + body, hurt, strict=True)]
    assert sum(one.bit_count() for one in changed) == 1


@given(SEEDS, st.lists(st.integers(40, 1500), min_size=1, max_size=200))
def test_a_narrow_line_has_its_pace_and_so_much_room(seed: int, sizes: list[int]) -> None:
    sent = [HEAD + bytes(size - 20) for size in sizes]
    come = passed(BadLine(NARROW, seed), sent, now_s=5.0)
    through = 0
    for when_s, packet in come:
        through += len(packet)
        assert when_s == pytest.approx(through / BYTES_S)
    assert through <= ROOM + 1500
    assert len(come) == len(sent) or through > ROOM


def test_the_same_seed_is_the_same_line() -> None:
    sent = packets(50)
    for wrong in ALL:
        assert passed(BadLine(wrong, 7), sent) == passed(BadLine(wrong, 7), sent)


# What a probe makes of it.


def looks(wrong: str | None, seeds: int = 200) -> Iterator[frozenset[str]]:
    """What looks at such a line tell."""
    sent = packets(packet_probe.COUNT, packet_probe.SIZE + 28)
    for seed in range(seeds):
        come = [(0.0, one) for one in sent] if wrong is None else passed(BadLine(wrong, seed), sent)
        numbers = [sent.index(one) for _, one in come if one in sent]
        took_s = come[-1][0] - come[0][0]
        yield packet_probe.told(numbers, len(come) - len(numbers), took_s)


@pytest.mark.parametrize("wrong", ALL)
def test_a_probe_tells_what_is_wrong_and_no_other(wrong: str) -> None:
    told = [*looks(wrong)]
    assert all(one <= {wrong} for one in told)
    # It looks again, until it is seen.
    assert sum(wrong in one for one in told) > 0.9 * len(told)


def test_a_probe_tells_nothing_of_a_line_that_is_good() -> None:
    assert {*looks(None)} == {frozenset()}
