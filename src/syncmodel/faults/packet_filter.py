"""One nft(8) that is kept running: a command takes it less than a millisecond, and 5 to start."""

from __future__ import annotations

import asyncio
import socket

from syncmodel.errors import FaultError

_LIMIT_S = 10.0


class PacketFilter:
    """A table of ours in an nft that listens at the other end of `link`."""

    def __init__(self, link: socket.socket, table: str) -> None:
        self._link = link
        self.table = f"inet {table}"
        # A set that holds nothing: to list it ends each answer.
        self._end = f"{self.table} {table}_end"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turns = asyncio.Lock()

    async def open(self, rules: str) -> None:
        """Make the table with these sets and chains. Raises `FaultError`."""
        self._link.setblocking(False)
        self._streams = await asyncio.open_unix_connection(sock=self._link)
        end = f"set {self._end.split()[-1]} {{ type mark; }};"
        await self.run(f"table {self.table} {{ {' '.join((end, *rules.split()))} }}")

    async def run(self, *commands: str) -> None:
        """Carry these out, all of them or none. Raises `FaultError`."""
        if self._streams is None or not commands:
            return
        reader, writer = self._streams
        async with self._turns:
            writer.write(f"{'; '.join(commands)}\nlist set {self._end}\n".encode())
            said = ""
            try:
                async with asyncio.timeout(_LIMIT_S):
                    while not self._ended(said):
                        chunk = await reader.read(1 << 16)
                        if not chunk:
                            raise FaultError(f"nft has ended. It said: {said[-300:]}")
                        said += chunk.decode(errors="replace")
            except TimeoutError:
                raise FaultError(f"nft did not answer in {_LIMIT_S} s: {said[-300:]}") from None
        if "Error" in said:
            raise FaultError(f"nft can't do `{'; '.join(commands)}`: {said[:300]}")

    def _ended(self, said: str) -> bool:
        """Whether the answer to the last question is whole, or why there is none."""
        _, found, rest = said.partition(f"set {self._end.split()[-1]} {{")
        return (bool(found) and rest.count("}") >= 2) or f"list set {self._end}\n" in said

    async def close(self) -> None:
        """Take the table away, and end this nft."""
        if self._streams is not None:
            _, writer = self._streams
            self._streams = None
            writer.write(f"delete table {self.table}\n".encode())
            writer.close()
