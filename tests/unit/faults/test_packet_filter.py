"""An nft that is kept running: its answers are told apart, and its troubles are ours."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

import pytest

from syncmodel.errors import FaultError
from syncmodel.faults import packet_filter
from syncmodel.faults.packet_filter import PacketFilter

LISTED = "table inet t {\n\tset t_end {\n\t\ttype mark\n\t}\n}\n"
Answer = Callable[[str], str | None]


def talk(answer: Answer, test: Callable[[PacketFilter], Awaitable[None]]) -> list[str]:
    """Run `test` with one that answers each line so (None: it ends); the lines that it was told."""
    told: list[str] = []

    async def main() -> None:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=theirs)

        async def nft() -> None:
            # Whole answers do not come at once; who was told enough hangs up.
            with contextlib.suppress(ConnectionError):
                while line := (await reader.readline()).decode():
                    told.append(line)
                    said = answer(line)
                    if said is None:
                        break
                    for letter in said:
                        writer.write(letter.encode())
                        await writer.drain()
            writer.close()

        running = asyncio.ensure_future(nft())
        made = PacketFilter(ours, "t")
        try:
            await made.open("set cut { type ipv4_addr; };\nchain c { };")
            await test(made)
        finally:
            await made.close()
            await running

    asyncio.run(main())
    return told


async def cut(made: PacketFilter) -> None:
    await made.run("add element inet t cut { 1.1.1.1 }", "add element inet t cut { 2.2.2.2 }")


def test_all_is_said_on_one_line_and_what_follows_ends_the_answer() -> None:
    told = talk(lambda line: LISTED if line.startswith("list") else "", cut)
    assert told == [
        "table inet t { set t_end { type mark; }; set cut { type ipv4_addr; }; chain c { }; }\n",
        "list set inet t t_end\n",
        "add element inet t cut { 1.1.1.1 }; add element inet t cut { 2.2.2.2 }\n",
        "list set inet t t_end\n",
        "delete table inet t\n",
    ]


def test_what_nft_can_not_do_is_told_as_it_says() -> None:
    def answer(line: str) -> str:
        if line.startswith("add"):
            return f"Error: syntax error, unexpected name\n{line}^^^\n"
        return LISTED if line.startswith("list") else ""

    with pytest.raises(FaultError, match=r"nft can't do `add element .* syntax error, unexpected"):
        talk(answer, cut)


def test_a_table_that_somebody_took_away_is_no_endless_wait() -> None:
    gone: list[str] = []

    def answer(line: str) -> str:
        gone.extend([line] if line.startswith("add") else [])
        error = f"Error: No such file or directory\n{line}   ^^^\n"
        return error if gone else LISTED if line.startswith("list") else ""

    with pytest.raises(FaultError, match="No such file"):
        talk(answer, cut)


def test_an_nft_that_ends_or_says_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FaultError, match="nft has ended"):
        talk(lambda _: None, cut)
    monkeypatch.setattr(packet_filter, "_LIMIT_S", 0.05)
    with pytest.raises(FaultError, match="did not answer in"):
        talk(lambda _: "", cut)
