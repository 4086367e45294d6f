"""What waits to be sent to one client: in order, bounded in bytes, and never more work at a time
than others can wait for.

A text waits as it is. A backlog waits as the stream that it is, and becomes texts page by page:
after the first, one page of anyone's in each turn of the loop. However long it is, and however many
clients want one, others are served in between.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from syncmodel.reference.node.serving import Served

#: A client for which more waits does not read. It is dropped: it must not fill our memory.
LIMIT_BYTES: Final = 16 * 2**20
#: While more waits, no further request of this client is read.
ENOUGH_BYTES: Final = 2**20
#: One page: what is sent, and for how long we work on it, before others have their turn.
PAGE_BYTES: Final = 2**15
PAGE_S: Final = 0.002
#: What a stream counts for.
STREAM_BYTES: Final = 2**12

Sender: TypeAlias = Callable[[str], Awaitable[None]]


class Backlog:
    """A stream that waits; it may be closed before it is at its end."""

    def __init__(self, stream: Served) -> None:
        self._stream: Served | None = stream

    def close(self) -> None:
        """Send no more of it."""
        self._stream = None

    @property
    def is_over(self) -> bool:
        """Whether no page is left."""
        return self._stream is None

    def page(self) -> list[str]:
        """The next texts; there may be none yet."""
        texts: list[str] = []
        size, until_s = 0, time.monotonic() + PAGE_S
        for message in self._stream or ():
            if message is not None:
                texts.append(message.to_text())
                size += len(texts[-1])
            if size > PAGE_BYTES or time.monotonic() > until_s:
                return texts
        self._stream = None
        return texts


class Outbox:
    """What waits for one client. `turn` is one for all clients of a relay."""

    def __init__(self, turn: asyncio.Lock) -> None:
        self._turn = turn
        self._items: deque[tuple[str | Backlog, int]] = deque()
        self._bytes = 0
        self._closed = False
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    @property
    def is_empty(self) -> bool:
        """Whether everything has been handed to the connection."""
        return not self._items

    @property
    def overflows(self) -> bool:
        """Whether more waits than may."""
        return self._bytes > LIMIT_BYTES

    def put(self, text: str) -> None:
        """Send this after what waits."""
        self._add(text, _weight(text))

    def put_stream(self, stream: Served) -> Backlog:
        """Send this after what waits."""
        backlog = Backlog(stream)
        self._add(backlog, STREAM_BYTES)
        return backlog

    def close(self) -> None:
        """Send nothing more, neither what waits nor what is still put here."""
        self._closed = True
        self._filled.set()
        while self._items:
            item, _ = self._items.pop()
            if isinstance(item, Backlog):
                item.close()

    def _add(self, item: str | Backlog, size: int) -> None:
        if self._closed:
            return
        self._items.append((item, size))
        self._bytes += size
        self._filled.set()
        if self._bytes > ENOUGH_BYTES:
            self._room.clear()

    async def room(self) -> None:
        """Until it makes sense to take another request of this client."""
        await self._room.wait()

    async def drain(self, send: Sender) -> None:
        """Send what waits, until `close`; raises what `send` does.

        An item waits until all of it is sent.
        """
        since_pause = 0
        while not self._closed:
            if not self._items:
                since_pause = 0
                self._filled.clear()
                await self._filled.wait()
                continue
            item, size = self._items[0]
            if isinstance(item, str):
                await send(item)
                since_pause += size
            else:
                await self._stream(item, send)
                since_pause = PAGE_BYTES
            if since_pause >= PAGE_BYTES:
                since_pause = 0
                await asyncio.sleep(0)
            if not self._closed:
                self._items.popleft()
                self._bytes -= size
            if self._bytes <= ENOUGH_BYTES:
                self._room.set()

    async def _stream(self, backlog: Backlog, send: Sender) -> None:
        # The first page waits for nobody: most streams are over with it.
        page = backlog.page()
        while True:
            for text in page:
                if self._closed:
                    return
                await send(text)
            if backlog.is_over:
                return
            async with self._turn:
                page = backlog.page()
                # Still holding it: the next page, of anyone, comes in another turn of the loop.
                await asyncio.sleep(0)


def _weight(text: str) -> int:
    """About the bytes that a text takes in memory: four for each character if any needs them."""
    return 64 + (len(text) if text.isascii() else 4 * len(text))
