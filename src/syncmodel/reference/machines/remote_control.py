"""A machine's control methods over SSH: `control METHOD [JSON]`, answered in JSON.

For every machine whose SSH offers that command. Not here: the other end (`ssh_front` for local
machines) and the methods (`node.control`).
"""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Mapping
from typing import Any

import asyncssh

from syncmodel.errors import BootError, InvalidRunError, TransportError
from syncmodel.machines.base import Endpoint
from syncmodel.transport import ssh

#: Where the control of a machine listens, on the machine (`node.layout`).
SOCKET = "/run/control.sock"


class ControlRefusedError(InvalidRunError):
    """The machine's control refused a request. `code` and `details` are as it gave them."""

    def __init__(self, code: str, message: str, details: dict[str, Any]) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.details = details


class RemoteControl:
    """One SSH connection to a machine, opened when first needed and again if it broke."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._connection: asyncssh.SSHClientConnection | None = None
        self._opening = asyncio.Lock()

    async def connection(self) -> asyncssh.SSHClientConnection:
        """The connection, for others to open channels on. Raises TransportError."""
        async with self._opening:
            if self._connection is None or self._connection.is_closed():
                place = self._endpoint
                self._connection = await ssh.connect(
                    place.host,
                    place.port,
                    place.username,
                    place.client_key,
                    place.host_key,
                    sockets=place.sockets,
                )
            return self._connection

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Carry out one method there and return its result.

        Raises TransportError (it may have happened or not), BootError (an application that did not
        come up) and ControlRefusedError.
        """
        answer = await self._answer(method, json.dumps(dict(params or {})))
        if answer["ok"]:
            result: dict[str, Any] = answer["result"]
            return result
        failed = answer["error"]
        if failed["code"] == "application_failed":
            raise BootError(failed["message"])
        raise ControlRefusedError(failed["code"], failed["message"], failed["details"])

    async def _ask(
        self, connection: asyncssh.SSHClientConnection, method: str, params: str
    ) -> str | bytes:
        """What the machine says to one request."""
        command = f"control {shlex.quote(method)} {shlex.quote(params)}"
        done = await ssh.with_session(lambda: connection.run(command), self._place)
        return str(done.stdout)

    async def _answer(self, method: str, params: str) -> dict[str, Any]:
        """What the machine answers. Every method leads to a state, so it may be asked for twice."""
        for last in (False, True):
            connection = await self.connection()
            try:
                answer: dict[str, Any] = json.loads(await self._ask(connection, method, params))
            except (asyncssh.Error, OSError, ValueError) as error:
                if last or not connection.is_closed():
                    raise TransportError(
                        f"{self._place} did not answer `control {method}`: "
                        f"{type(error).__name__} {error}"
                    ) from error
            else:
                return answer
        raise AssertionError("It was answered, or that was told.")

    @property
    def _place(self) -> str:
        return f"{self._endpoint.host}:{self._endpoint.port}"

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            await self._connection.wait_closed()
            self._connection = None


class SocketControl(RemoteControl):
    """The same by the socket of the machine's control, where sshd lets us forward to it.

    A command would take a login shell and an interpreter: 170 ms instead of 12.
    """

    async def _ask(
        self, connection: asyncssh.SSHClientConnection, method: str, params: str
    ) -> str | bytes:
        async def channel() -> tuple[asyncssh.SSHReader[bytes], asyncssh.SSHWriter[bytes]]:
            return await connection.open_unix_connection(SOCKET)

        reader, writer = await ssh.with_session(channel, self._place)
        try:
            writer.write(f'{{"method": {json.dumps(method)}, "params": {params}}}\n'.encode())
            return await reader.readline()
        finally:
            writer.close()
