"""Any frames, and bytes that are none, to the relay of a real process: it answers, and lives on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import attrs
import pytest
from any_frames import FRAMES, check_answers
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from node_processes import LIMIT_S, Running, nodes
from websockets.exceptions import ConnectionClosed

from syncmodel.nostr.messages import Close, Eose, Filter, Req, parse_from_relay

GOOD = Req("good", (Filter(limit=0),)).to_text()
#: A text frame carries UTF-8.
SENT = FRAMES.map(
    lambda one: one if isinstance(one, bytes) else one.encode(errors="replace").decode()
)
TALKS = st.lists(SENT, min_size=1, max_size=40)
GARBAGE = st.binary(min_size=1, max_size=200)


@attrs.frozen
class Talking:
    """A node that stays up for many examples, and the loop of those who talk to it."""

    runner: asyncio.Runner
    node: Running

    def say(self, frames: list[str | bytes]) -> None:
        """All of these on one connection: each is answered, before the next one is said."""

        async def main() -> None:
            async with asyncio.timeout(LIMIT_S), self.node.relay() as relay:
                for frame in frames:
                    await relay.send(frame)
                    await relay.send(GOOD)
                    answers = []
                    while (one := parse_from_relay(await relay.recv())) != Eose("good"):
                        answers.append(one)
                    check_answers(frame, answers)
                    await relay.send(Close("good").to_text())
                    await relay.send(Close("s").to_text())

        self.runner.run(main())

    def throw(self, garbage: bytes) -> None:
        """Bytes that are no frames, in the middle of a connection."""

        async def main() -> None:
            async with asyncio.timeout(LIMIT_S), self.node.relay() as relay:
                relay.transport.write(garbage)
                relay.transport.write_eof()
                try:
                    while True:
                        await relay.recv()
                except ConnectionClosed:
                    pass

        self.runner.run(main())


@pytest.fixture(scope="module")
def talking() -> Iterator[Talking]:
    with nodes("n1") as (node,), asyncio.Runner() as runner:
        yield Talking(runner, node)
        assert node.process.poll() is None
        assert node.log() == ""


def fuzzed(talking: Talking, examples: int) -> None:
    chosen = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    chosen(given(TALKS)(talking.say))()
    chosen(given(GARBAGE)(talking.throw))()
    talking.say(["the end"])


def test_a_process_answers_any_frame(talking: Talking) -> None:
    fuzzed(talking, 5)


@pytest.mark.long
def test_a_process_answers_any_of_many_frames(talking: Talking) -> None:
    fuzzed(talking, 100)
