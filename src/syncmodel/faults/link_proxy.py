"""The link fault that needs no privileges: a proxy, one listener per directed link.

The proxy stands between a dialling node and the socket of the node that it dials. What a node
does about a broken link, and which links a partition cuts, lives elsewhere. Who may dial, and
where, is in link_door.py; the pipes through which the bytes flow are in link_pipe.py; link_probe.py
finds out what a dialler sees.
"""

import asyncio
from enum import Enum
from typing import Any

import attrs

from syncmodel.errors import FaultError
from syncmodel.faults.link_door import Door, Listening, PortDoor
from syncmodel.faults.link_pipe import Pipe
from syncmodel.faults.link_probe import PROBE_REQUEST, Place, Probe, Seen, dial

Link = tuple[str, str]

_HANG_LIMIT_S = 0.05
_ACCEPT_PAUSE_S = 0.1


class Mode(Enum):
    """What a link does now."""

    WHOLE = "whole"
    CUT = "cut"
    HANG = "hang"
    DELAY = "delay"
    CLOSED = "closed"


class LinkProxy:
    """The way by which rows of `link[0]` reach `link[1]`: the latter dials the door, and gets
    through to `target`, the former's socket. It runs on the loop that called `start`.

    `door` is a port of its own by default, for the processes of our user alone. `probe_request` is
    what a probe says to the target to get a byte back: by default an HTTP HEAD.
    """

    def __init__(
        self,
        link: Link,
        target: Place,
        probe_request: bytes = PROBE_REQUEST,
        door: Door | None = None,
    ) -> None:
        self.link = link
        self.mode = Mode.CLOSED
        self.delay_s = 0.0
        self.door = PortDoor() if door is None else door
        self._target = target
        self._probe_request = probe_request
        self._sock: Listening | None = None
        self._pipes: set[Pipe] = set()
        self._accepting: set[asyncio.Task[Any]] = set()

    @property
    def connections(self) -> int:
        """How many connections go through it now."""
        return len(self._pipes)

    async def start(self) -> None:
        """Let diallers in; the door stays this link's until `close`. The link is whole."""
        self.mode = Mode.WHOLE
        self._listen()

    async def cut(self) -> None:
        """Reset every connection; refuse new ones at once. Returns when both are so."""
        self.mode, self.delay_s = Mode.CUT, 0.0
        self._deafen()
        await self._break_all()

    async def mend(self, *, quietly: bool = False) -> None:
        """Make the link whole. What hung is reset, and what it held is thrown away; what was
        delayed arrives now. `quietly`: nobody is told that what hung is dead."""
        await self._pass(Mode.WHOLE, 0.0, quietly=quietly)

    async def hang(self) -> None:
        """Accept and hold: connections live, and no byte passes in either direction."""
        self.mode, self.delay_s = Mode.HANG, 0.0
        for pipe in self._pipes:
            pipe.hold()
        self._listen()

    async def delay(self, delay_s: float) -> None:
        """Pass every byte on `delay_s` later, in each direction: a round trip takes twice that."""
        await self._pass(Mode.DELAY, delay_s)

    async def close(self) -> None:
        """Reset everything and give the door back. It can't be started again; twice is allowed."""
        self.mode = Mode.CLOSED
        self._deafen()
        await self._break_all()
        self.door.close()

    async def probe(self, limit_s: float = 1.0) -> Probe:
        """What a dialler of this link sees now; silence for `limit_s` counts as a hang."""
        return await self.door.dial(self._probe_request, limit_s)

    async def verify(self, limit_s: float = 2.0) -> None:
        """Raises FaultError if a dialler sees something else than the mode that was set.

        `limit_s` is how long a whole link's target may take to answer. A target that is down or
        stopped does not make a whole link faulty: it is then dialled directly, and the link must
        show just the same. A target that comes or goes between the two dials is dialled again, as
        long as `limit_s` lasts.
        """
        if self.mode is Mode.CUT and self._pipes:
            raise FaultError(f"{self._name()} was cut, and {len(self._pipes)} connections live on.")
        limit_s = _HANG_LIMIT_S if self.mode is Mode.HANG else limit_s + 2 * self.delay_s
        probe, expected = await self._look(limit_s)
        until_s = asyncio.get_running_loop().time() + limit_s
        while probe.seen is not expected and self._may_be_the_target(probe, until_s):
            probe, expected = await self._look(limit_s)
        if probe.seen is not expected:
            raise FaultError(
                f"{self._name()} is set to {self.mode.value}, but who dials it sees "
                f"{probe.seen.value} (after {probe.elapsed_s:.3f} s), not {expected.value}."
            )
        if probe.seen is Seen.THROUGH and probe.elapsed_s < 2 * self.delay_s:
            raise FaultError(
                f"{self._name()} is set to a delay of {self.delay_s} s, but a round trip took "
                f"{probe.elapsed_s:.3f} s."
            )

    def _may_be_the_target(self, probe: Probe, until_s: float) -> bool:
        """Whether the target may be why a link does not show what it should: it was down when the
        link was dialled, and up again right after."""
        passes = self.mode in (Mode.WHOLE, Mode.DELAY) and probe.seen is Seen.RESET
        return passes and asyncio.get_running_loop().time() < until_s

    async def _look(self, limit_s: float) -> tuple[Probe, Seen]:
        """What a dialler sees, and what it should see."""
        probe = await self.probe(limit_s)
        return probe, await self._expected(probe, limit_s)

    async def _expected(self, probe: Probe, limit_s: float) -> Seen:
        if self.mode in (Mode.CUT, Mode.CLOSED):
            return self.door.refusal
        if self.mode is Mode.HANG:
            return Seen.HANGS
        if probe.seen is Seen.THROUGH:
            return probe.seen
        direct = await dial(self._target, self._probe_request, limit_s)
        # The proxy accepts before it dials: a refusal behind it looks like a reset.
        return Seen.RESET if direct.seen is Seen.REFUSED else direct.seen

    def _name(self) -> str:
        return f"The link {self.link[0]} -> {self.link[1]} ({self.door.name})"

    async def _pass(self, mode: Mode, delay_s: float, *, quietly: bool = False) -> None:
        """Go over to a mode in which bytes pass."""
        was, self.mode, self.delay_s = self.mode, mode, delay_s
        breaking = self._reset_all() if was is Mode.HANG and not quietly else []
        for pipe in self._pipes:
            pipe.set_delay(delay_s)
        self._listen()
        if breaking:
            await asyncio.wait(breaking)

    def _listen(self) -> None:
        if self._sock is None and self.mode is not Mode.CLOSED:
            self._sock = self.door.open()
            self._hear()

    def _deafen(self) -> None:
        """Stop listening. Diallers are refused by the kernel from here on."""
        if self._sock is not None:
            asyncio.get_running_loop().remove_reader(self._sock)
            self._sock = None
            self.door.shut()

    def _hear(self) -> None:
        if self._sock is not None:
            asyncio.get_running_loop().add_reader(self._sock, self._accept)

    def _accept(self) -> None:
        # Not asyncio.Server: closed between accept and connection_made, Python 3.11's forgets the
        # connection, which then lives on through the cut.
        loop = asyncio.get_running_loop()
        assert self._sock is not None
        try:
            accepted, _ = self._sock.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError:
            # No descriptor left. The dialler keeps waiting in the kernel; asking on would spin.
            loop.remove_reader(self._sock)
            loop.call_later(_ACCEPT_PAUSE_S, self._hear)
            return
        if not self.door.lets_in(accepted):
            accepted.close()
            return
        accepted.setblocking(False)
        task: asyncio.Task[Any] = loop.create_task(
            loop.connect_accepted_socket(self._pipe_end, accepted)
        )
        self._accepting.add(task)
        task.add_done_callback(self._accepting.discard)

    def _pipe_end(self) -> asyncio.Protocol:
        return Pipe(self._target, self._opened, self._pipes.discard).near

    def _opened(self, pipe: Pipe) -> None:
        self._pipes.add(pipe)
        if self.mode in (Mode.WHOLE, Mode.DELAY):
            pipe.set_delay(self.delay_s)
        else:
            # In a cut it was accepted just before, and the cut is about to reset it.
            pipe.hold()

    def _reset_all(self) -> "list[asyncio.Future[None]]":
        return [future for pipe in self._pipes for future in pipe.reset()]

    async def _break_all(self) -> None:
        """Reset every connection, and those that are just being accepted; wait until it is done."""
        self._reset_all()
        if self._accepting:
            await asyncio.wait(self._accepting)
        if breaking := self._reset_all():
            await asyncio.wait(breaking)


@attrs.frozen
class LinkFault:
    """A fault (`base.Fault`) of one link: it is cut, or hangs, or delays by `delay_s`."""

    proxy: LinkProxy
    mode: Mode = Mode.CUT
    delay_s: float = 0.0

    async def apply(self) -> None:
        """Put it in force, replacing what the link did before. Raises FaultError."""
        if self.mode is Mode.CUT:
            await self.proxy.cut()
        elif self.mode is Mode.HANG:
            await self.proxy.hang()
        else:
            await self.proxy.delay(self.delay_s)
        await self.proxy.verify()

    async def heal(self) -> None:
        """Make the link whole. Raises FaultError."""
        await self.proxy.mend()
        await self.proxy.verify()

    async def probe(self) -> bool:
        """Whether the link is in this mode and shows it."""
        if self.proxy.mode is not self.mode:
            return False
        try:
            await self.proxy.verify()
        except FaultError:
            return False
        return True
