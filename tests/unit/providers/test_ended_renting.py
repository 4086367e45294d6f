"""Renting that ends at any moment, killed or interrupted: after a sweep nothing is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from rented import MARK, THERE, Rented, rented

from syncmodel.providers.base import ProviderError
from syncmodel.providers.renting import Renter, rent

#: OpenStack's client warns of its own parts.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::PendingDeprecationWarning"
)
#: One moment of many; or all of them, at those that have many every fifth.
SOME = [
    ("hetzner", [9]),
    *(
        pytest.param(name, count(1, 1 if name == "hetzner" else 5), marks=pytest.mark.long)
        for name in THERE
    ),
]


def killed_at(at: Rented, moment: int, how: str) -> bool:
    """Rent two machines, and stop asking at this request, before it is carried out or after it;
    whether it came to that."""
    handle, seen = at.cloud.handle, []

    def handled(method: str, target: str, raw: bytes, headers: Any) -> Any:
        seen.append(target)
        if len(seen) == moment and how == "after":
            handle(method, target, raw, headers)
        if len(seen) >= moment:
            return 502, b"<html>"
        return handle(method, target, raw, headers)

    quote = at.quote(2)
    at.cloud.handle = handled  # type: ignore[method-assign]
    try:
        # Not `rent`, which gives back what it can.
        at.renter.create(MARK, quote)
    except ProviderError:
        return True
    else:
        return False
    finally:
        at.cloud.handle = handle  # type: ignore[method-assign]


@pytest.mark.parametrize("how", [pytest.param("before", marks=pytest.mark.long), "after"])
@pytest.mark.parametrize(("name", "moments"), SOME)
def test_whenever_a_tester_is_killed_a_sweep_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, name: str, moments: Iterator[int], how: str
) -> None:
    with rented(name, monkeypatch) as at:
        for moment in moments:
            ended = killed_at(at, moment, how)
            if at.cloud.left():
                assert at.renter.sweep(MARK.expires + 1) == ([MARK.lease], [])
            assert at.cloud.left() == []
            if not ended:
                break


@pytest.mark.parametrize(("name", "moments"), SOME)
def test_whenever_a_tester_is_interrupted_it_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, name: str, moments: Iterator[int]
) -> None:
    do = Renter._do
    with rented(name, monkeypatch) as at:
        quote = at.quote(2)
        for moment in moments:
            seen: list[int] = []

            def done(
                self: Renter,
                call: Callable[[], Any],
                moment: int = moment,
                seen: list[int] = seen,
            ) -> Any:
                seen.append(1)
                if len(seen) == moment:
                    raise KeyboardInterrupt
                return do(self, call)

            monkeypatch.setattr(Renter, "_do", done)
            at.told.clear()
            try:
                rent(MARK, [(at.renter, quote)], at.told.append, lambda made: made)
            except KeyboardInterrupt:
                assert at.cloud.left() == []
                assert len(at.told) == 1
            else:
                assert at.servers() == 2
                break
