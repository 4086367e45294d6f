"""A node on a host that the inventory names: reached as ssh_config has it, its application started
and stopped by commands."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import asyncssh
import httpx

from syncmodel.errors import BootError, InvalidRunError, TransportError, UsageError
from syncmodel.inventory.file import AHEAD, Host, Inventory
from syncmodel.inventory.leash import Leash
from syncmodel.inventory.node import PartialNode
from syncmodel.machines.base import Endpoint
from syncmodel.targets.live_node import Given
from syncmodel.transport import ssh, ssh_config
from syncmodel.transport.clients import NodeClient, open_http

_FIRST_PAUSE_S = 0.005
_LONGEST_PAUSE_S = 0.25


class HostNode(PartialNode):
    """A node on a host that the inventory names, reached as ssh_config has it."""

    machine: Service

    def __init__(self, host: Host, inventory: Inventory) -> None:
        super().__init__(
            Service(self, host, inventory),
            inventory.admin_key,
            host.pubkey,
            names={node: one.name for node, one in inventory.hosts.items()},
            generations=host.generations,
            plugin_path=inventory.plugin_path,
            request_limit_s=inventory.limits.request,
        )
        self.host, self.inventory = host, inventory
        #: Sees that what is wrong on purpose, on any host, goes on: without it no answer counts.
        self.watch: Callable[[], Awaitable[None]] = self.machine.check

    async def _asked(
        self, ask: Callable[[NodeClient], Awaitable[Given]], *, twice: bool = False
    ) -> Given:
        try:
            return await super()._asked(ask, twice=twice)
        finally:
            await self.watch()

    async def _reach(self) -> asyncssh.SSHClientConnection:
        limit_s = self.inventory.limits.connect
        return await ssh_config.connect(self.host.alias, self.inventory.ssh_config, limit_s)

    def _surfaces(
        self, connection: asyncssh.SSHClientConnection
    ) -> tuple[httpx.AsyncClient, NodeClient]:
        place, whole = self.host.api, self.inventory
        http = open_http(connection, whole.limits.request, place.host, place.port)
        client = NodeClient(
            http,
            self._key,
            node=self.pubkey,
            plugin_path=whole.plugin_path,
            admin_path=whole.admin_path,
            url=whole.url,
            clock=self._now,
            took=self.took,
            jobs=self.jobs,
        )
        return http, client

    @property
    def connection(self) -> asyncssh.SSHClientConnection:
        """The connection to the host; there is one once something was asked."""
        assert self._connection is not None
        return self._connection

    async def shell(self, command: str, limit_s: float) -> tuple[int, str]:
        """Run a command on the host: its exit status, and what it said. Raises TransportError."""
        await self.connect()
        connection = self._connection
        assert connection is not None
        try:
            async with asyncio.timeout(limit_s):
                done = await ssh.with_session(lambda: connection.run(command), self.name)
        except TimeoutError:
            raise TransportError(
                f"{self.name} did not end `{command}` within {limit_s} s: does it wait for input?"
            ) from None
        except (asyncssh.Error, OSError) as error:
            raise TransportError(f"{self.name} did not run `{command}`: {error}") from error
        said = "".join(str(one or "") for one in (done.stdout, done.stderr)).strip()
        return -1 if done.exit_status is None else done.exit_status, said


class Service:
    """A machine (`machines.base`) whose application is started and stopped by commands.

    A command that fails is no failure if the application is as it should be afterwards.
    """

    def __init__(self, node: HostNode, host: Host, inventory: Inventory) -> None:
        self.name = host.node
        self._node, self._host, self._limits = node, host, inventory.limits
        #: What is wrong there on purpose, by what it is: `pause`, `clock`.
        self.held: dict[str, Leash] = {}

    @property
    def endpoint(self) -> Endpoint:
        """There is none: ssh_config says where it is."""
        raise UsageError(f"{self.name} is reached by its name in ssh_config.")

    async def start(self) -> None:
        """Start the application; returns when it answers. Raises `BootError`."""
        code, said = await self._run("start", self._limits.start)
        if not await self._becomes(up=True, limit_s=self._limits.start if code == 0 else 0.0):
            raise BootError(
                f"{self.name} was started and does not answer. {self._words('start', code, said)}"
            )

    async def booted(self) -> None:
        """Its host has booted; returns when it answers, started by that or by us. Raises
        `BootError`."""
        if not await self._becomes(up=True, limit_s=self._limits.start):
            await self.start()

    async def stop(self) -> None:
        """Stop it in an orderly way."""
        await self._down("stop")

    async def kill(self) -> None:
        """SIGKILL."""
        await self._down("kill")

    async def pause(self) -> None:
        """SIGSTOP, as long as this tester lives. Raises `FaultError`."""
        if "pause" not in self.held:
            commands = self._host.commands
            await self._hold("pause", "stands still", commands["pause"], commands["resume"])

    async def resume(self) -> None:
        """SIGCONT."""
        leash = self.held.pop("pause", None)
        if leash is not None and not await leash.release():
            await self._run("resume", self._limits.start)

    async def set_clock(self, ahead_s: int) -> None:
        """Set it, as long as this tester lives. Raises `FaultError`."""
        leash, right = self.held.pop("clock", None), self._clock(0)
        if leash is not None and not await leash.release():
            await self._node.shell(right, self._limits.start)
        if ahead_s:
            await self._hold("clock", "has another clock", self._clock(ahead_s), right)

    async def check(self) -> None:
        """What is wrong here on purpose was so until now. Raises `FaultError` if it has ended."""
        for leash in list(self.held.values()):
            await leash.check()

    async def _hold(self, name: str, words: str, do: str, undo: str) -> None:
        await self._node.connect()
        silence_s = self._limits.hold
        self.held[name] = await Leash.hold(
            self._node.connection, self.name, words, do, undo, silence_s
        )

    def _clock(self, ahead_s: int) -> str:
        return self._host.commands["clock"].replace(AHEAD, str(ahead_s))

    async def _down(self, verb: str) -> None:
        # What stands still hears of no orderly end.
        code, said = await self._run("kill" if "pause" in self.held else verb, self._limits.stop)
        await self.resume()
        await self._is_down(verb, code, said)

    async def _is_down(self, verb: str, code: int, said: str) -> None:
        if not await self._becomes(up=False, limit_s=self._limits.stop if code == 0 else 0.0):
            raise InvalidRunError(
                f"{self.name} still answers after `{verb}`: does something start it again? "
                f"{self._words(verb, code, said)}"
            )

    async def _run(self, verb: str, limit_s: float) -> tuple[int, str]:
        return await self._node.shell(self._host.commands[verb], limit_s)

    async def _becomes(self, *, up: bool, limit_s: float) -> bool:
        """Whether it comes to be so: looked at often at first, as nobody tells."""
        loop = asyncio.get_running_loop()
        until_s, pause_s = loop.time() + limit_s, _FIRST_PAUSE_S
        while await self._node.answers() is not up:
            if loop.time() >= until_s:
                return False
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        return True

    def _words(self, verb: str, code: int, said: str) -> str:
        command = self._host.commands[verb]
        return f"`{command}` ended with {code} and said: {said[-300:] or 'nothing'}"
