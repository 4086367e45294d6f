"""The SSH server of a local machine: the way in that a real machine's sshd would be.

It offers three things and refuses everything else: the application's HTTP port (127.0.0.1:4000,
which is ROOT/run/app.sock), the machine's files read-only as if ROOT were /, and
`control METHOD [JSON]`. Not here: what the methods do (`node.control`).
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Awaitable
from typing import Any, cast

import asyncssh

from syncmodel.reference.node.control import Control, parsed
from syncmodel.reference.node.layout import Layout

HTTP_ADDRESS = ("127.0.0.1", 4000)
_LONGEST_COMMAND = 8_192

_READ_ONLY = asyncssh.SFTPPermissionDenied("This machine's files are read-only.")
_MAY_WRITE = asyncssh.FXF_WRITE | asyncssh.FXF_APPEND | asyncssh.FXF_CREAT | asyncssh.FXF_TRUNC


async def listen(
    layout: Layout, control: Control, place: tuple[str, int] = ("127.0.0.1", 0)
) -> asyncssh.SSHAcceptor:
    """Serve there, for the holders of the authorized keys alone; on a free port by default."""

    class Front(asyncssh.SSHServer):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            self._connection = conn

        def connection_requested(
            self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
        ) -> Awaitable[asyncssh.SSHTCPSession[bytes]]:
            del orig_host, orig_port
            if (dest_host, dest_port) != HTTP_ADDRESS:
                raise asyncssh.ChannelOpenError(
                    asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "Only 127.0.0.1:4000 is forwarded."
                )
            # The forwarder is what the channel talks to; the two only lack a common base class.
            return cast(
                Awaitable[asyncssh.SSHTCPSession[bytes]],
                self._connection.forward_unix_connection(os.fspath(layout.app_socket)),
            )

    async def execute(process: asyncssh.SSHServerProcess[str]) -> None:
        answer = await _execute(control, process.command)
        process.stdout.write(json.dumps(answer) + "\n")
        process.exit(0 if answer["ok"] else 1)

    return await asyncssh.listen(
        *place,
        server_factory=Front,
        server_host_keys=[os.fspath(layout.host_key)],
        authorized_client_keys=os.fspath(layout.authorized_keys),
        process_factory=execute,
        sftp_factory=lambda channel: ReadOnlyFiles(channel, os.fsencode(layout.root)),
        password_auth=False,
        kbdint_auth=False,
        gss_host=None,
        x11_forwarding=False,
        agent_forwarding=False,
        line_editor=False,
        compression_algs=None,
    )


class ReadOnlyFiles(asyncssh.SFTPServer):
    """A folder as if it were /. Whatever would change it is refused."""

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], root: bytes) -> None:
        super().__init__(channel, chroot=None if root == b"/" else root)

    def readlink(self, path: bytes) -> bytes:
        """The link's text as it stands: asyncssh would resolve it against our working folder."""
        return os.readlink(self.map_path(path))

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        if pflags & _MAY_WRITE:
            raise _READ_ONLY
        return super().open(path, pflags, attrs)

    def _refuse(self, *args: Any, **options: Any) -> Any:
        del args, options
        raise _READ_ONLY

    # open56 belongs to later versions of the protocol, which no client of ours speaks.
    open56 = write = setstat = lsetstat = fsetstat = remove = mkdir = rmdir = _refuse
    rename = symlink = link = posix_rename = _refuse


async def _execute(control: Control, command: str | None) -> dict[str, Any]:
    words = _words(command or "")
    if not 2 <= len(words) <= 3 or words[0] != "control":
        return await control.call(None, {})
    # The control says what a request must look like.
    params = parsed(words[2]) if len(words) == 3 else {}
    return await control.call(words[1], params)


def _words(command: str) -> list[str]:
    if len(command) > _LONGEST_COMMAND:
        return []  # what `shlex` takes grows with the square of it, and holds up everyone else
    try:
        return shlex.split(command)
    except ValueError:
        return []
