"""A connection is given up when its other end is silent for too long, and not before."""

import asyncio
import time

from hypothesis import given
from hypothesis import strategies as st

from syncmodel.reference.node.silence import PINGS, Watch

LIMIT_S = 8.0


class Clock(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next timer."""

    now_s = 0.0

    def time(self) -> float:
        return self.now_s

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.now_s = max(self.now_s, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


def watched(heard_s: list[float], stops_s: tuple[float, float] | None = None) -> float:
    """When a connection is given up on which something is heard at these times (seconds).

    `stops_s`: our own process stands still from the first to the second of these times.
    """
    loop = Clock()
    gone: asyncio.Future[float] = loop.create_future()

    async def main() -> float:
        watch = Watch(LIMIT_S, lambda: None, lambda: gone.set_result(loop.time()))
        watch.start()
        for at_s in heard_s:
            loop.call_at(at_s, watch.heard)
        if stops_s is not None:
            loop.call_at(stops_s[0], lambda: setattr(loop, "now_s", stops_s[1]))
        return await gone

    try:
        return loop.run_until_complete(main())
    finally:
        loop.close()


@given(st.lists(st.floats(0.01, 100.0), max_size=20).map(sorted))
def test_it_is_given_up_within_the_limit_and_a_quarter(heard_s: list[float]) -> None:
    given_up_s = watched(heard_s)
    last_s = max([0.0, *(at_s for at_s in heard_s if at_s < given_up_s)])
    assert LIMIT_S - 1e-6 <= given_up_s - last_s <= LIMIT_S * (1 + 1 / PINGS) + 1e-6


def test_a_stop_of_our_own_counts_for_one_ping_however_long_it_is() -> None:
    given_up_s = watched([1.0], (1.5, 1_000.0))
    assert given_up_s >= 1_000.0 + LIMIT_S * (PINGS - 1) / PINGS


def test_who_answers_pings_is_never_given_up_and_a_stopped_watch_gives_up_nothing() -> None:
    loop = Clock()
    pinged = []

    async def main() -> None:
        def ping() -> None:
            pinged.append(loop.time())
            loop.call_later(LIMIT_S / 2, lambda: watch.heard())  # noqa: PLW0108  (it is made below)

        watch = Watch(LIMIT_S, ping, lambda: pinged.append(-1.0))
        watch.start()
        await asyncio.sleep(100.0)
        assert -1.0 not in pinged
        count = len(pinged)
        assert count >= 100.0 / LIMIT_S * PINGS - 1
        watch.stop()
        await asyncio.sleep(100.0)
        assert len(pinged) == count

    started = time.monotonic()
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()
    assert time.monotonic() - started < 60.0
