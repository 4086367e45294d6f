"""What waits for a client: its order, its bounds, and its end."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from syncmodel.nostr.messages import Delivery, Eose
from syncmodel.reference.node.outbox import ENOUGH_BYTES, LIMIT_BYTES, Outbox


def stream(*subs: str) -> Iterator[Delivery | Eose | None]:
    for sub in subs:
        yield None
        yield Eose(sub)


def run(main: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await main

    asyncio.run(bounded())


async def emptied(outbox: Outbox) -> None:
    while not outbox.is_empty:  # noqa: ASYNC110  (it is the turns of the loop that are tested)
        await asyncio.sleep(0)


ITEMS = st.lists(st.text("ab", min_size=1, max_size=3) | st.lists(st.sampled_from("xyz")))


@given(ITEMS, st.data())
def test_everything_is_sent_once_in_order_until_it_is_closed(
    items: list[str | list[str]], data: st.DataObject
) -> None:
    wanted = [
        text
        for item in items
        for text in ([item] if isinstance(item, str) else [Eose(sub).to_text() for sub in item])
    ]
    closed_after = data.draw(st.integers(0, len(wanted) + 1))
    sent: list[str] = []

    async def main() -> None:
        outbox = Outbox(asyncio.Lock())

        async def send(text: str) -> None:
            sent.append(text)
            await asyncio.sleep(0)
            if len(sent) == closed_after:
                outbox.close()

        for item in items:
            if isinstance(item, str):
                outbox.put(item)
            else:
                outbox.put_stream(stream(*item))
        if closed_after == 0:
            outbox.close()
        draining = asyncio.create_task(outbox.drain(send))
        await emptied(outbox)
        outbox.close()
        outbox.put("too late")
        await draining

    run(main())
    assert sent == wanted[:closed_after]


def test_it_says_when_there_is_enough_and_when_there_is_too_much() -> None:
    async def main() -> None:
        outbox = Outbox(asyncio.Lock())
        outbox.put("\N{GRINNING FACE}" * (ENOUGH_BYTES // 4))
        overflows = [outbox.overflows]
        room = asyncio.create_task(outbox.room())
        await asyncio.sleep(0)
        assert not room.done()
        outbox.put("x" * LIMIT_BYTES)
        overflows.append(outbox.overflows)
        sent: list[str] = []

        async def send(text: str) -> None:
            sent.append(text)

        draining = asyncio.create_task(outbox.drain(send))
        await room
        assert len(sent) == 2
        overflows.append(outbox.overflows)
        assert overflows == [False, True, False]
        draining.cancel()

    run(main())


def test_a_stream_that_takes_long_lets_other_clients_have_their_texts() -> None:
    async def main() -> None:
        turn = asyncio.Lock()
        slow, quick = Outbox(turn), Outbox(turn)
        taken: list[str] = []

        def endless() -> Iterator[None]:
            while True:
                yield None

        async def send(text: str) -> None:
            taken.append(text)

        slow.put_stream(endless())
        tasks = [asyncio.create_task(one.drain(send)) for one in (slow, quick)]
        for number in range(5):
            quick.put_stream(stream(str(number)))
            await emptied(quick)
        assert taken == [Eose(str(number)).to_text() for number in range(5)]
        for task in tasks:
            task.cancel()

    run(main())
