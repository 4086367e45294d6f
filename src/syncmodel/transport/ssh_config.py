"""A connection to a host as the user's own ssh_config has it: address, user, keys, jump hosts.

asyncssh reads the file. The socket of the first hop is ours (`ssh.dial`), since asyncssh's costs a
request 40 ms and more; hops after it travel through channels. What speed depends on is set as in
ssh.py.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncssh

from syncmodel.corpus.budgets import at_home
from syncmodel.errors import TransportError, UsageError
from syncmodel.transport import ssh

USERS_OWN = Path("~/.ssh/config")
#: A jump host may have a jump host, and so on.
LONGEST_WAY = 8

Connection = asyncssh.SSHClientConnection


async def connect(alias: str, config: Path | None, limit_s: float = 10.0) -> Connection:
    """A connection to the host of that name; the caller closes it, and the hops close with it.

    `config` is the ssh_config, the user's own by default. Raises TransportError, in one sentence,
    for a host that can't be reached, whose key is not known, or that lets us in by none of ours;
    UsageError for an ssh_config that can't be read.
    """
    files = _files(config)
    try:
        async with asyncio.timeout(limit_s):
            return await _reach(alias, files)
    except TimeoutError as error:
        raise TransportError(f"{alias} can't be reached: no answer in {limit_s} s.") from error
    except asyncssh.ConfigParseError as error:
        raise UsageError(f"The ssh_config can't be read: {error}.") from error
    except (asyncssh.Error, OSError, ValueError) as error:
        raise TransportError(f"{alias} {_why_not(alias, error)}.") from error


def _files(config: Path | None) -> list[Path]:
    # asyncssh looks for keys there in any case.
    own = at_home(USERS_OWN)
    path = config or own
    if config is not None and not path.is_file():
        raise UsageError(f"The ssh_config {path} is not a file: name one.")
    return [path] if path.is_file() else []


async def _reach(  # noqa: PLR0917  (a jump host's name, user and port come from one text)
    alias: str,
    files: Sequence[Path],
    username: Any = (),
    port: Any = (),
    through: Connection | None = None,
    depth: int = 0,
) -> Connection:
    """Connect `through` a host that is reached already, or else as the file says."""
    if depth > LONGEST_WAY:
        raise OSError(f"its ProxyJump leads over more than {LONGEST_WAY} hosts")
    ssh.name_the_user()
    told: dict[str, Any] = {"username": username, "port": port, "config": files, **_SPEED}
    if through is None:
        options = await asyncssh.SSHClientConnectionOptions.construct(
            host=alias, username=username, port=port, config=files
        )
        if options.tunnel:
            for jump in str(options.tunnel).split(","):
                through = await _reach(*_jump(jump, files), through, depth + 1)
        elif not options.proxy_command:
            try:
                sock = await ssh.dial(options.host, options.port)
            except socket.gaierror as error:
                raise OSError(_unknown(alias, options.host, error)) from error
            try:
                return await asyncssh.connect(alias, sock=sock, tunnel=None, **told)
            except BaseException:
                sock.close()
                raise
    if through is None:
        return await asyncssh.connect(alias, **told)
    try:
        connection = await asyncssh.connect(alias, tunnel=through, proxy_command=None, **told)
    except BaseException:
        through.abort()
        raise
    connection.set_tunnel(through)
    return connection


def _jump(words: str, files: Sequence[Path]) -> tuple[str, Sequence[Path], Any, Any]:
    """A jump host as ProxyJump names it: [user@]host[:port], or that as a URI."""
    user, _, place = words.strip().removeprefix("ssh://").rpartition("@")
    host, colon, port = place.rpartition(":")
    if colon and port.isdecimal() and ("]" in host or ":" not in host):
        return host.strip("[]"), files, user or (), int(port)
    return place.strip("[]"), files, user or (), ()


_SPEED: dict[str, Any] = {
    "encryption_algs": f"^{ssh.CIPHER}",
    "compression_algs": None,
    "keepalive_interval": ssh.KEEPALIVE_INTERVAL_S,
    "keepalive_count_max": ssh.KEEPALIVE_COUNT,
    "gss_host": None,
    # Both default to limits of asyncssh's own; ours is around all of it.
    "connect_timeout": None,
    "login_timeout": 0,
}


def _unknown(alias: str, host: str, error: socket.gaierror) -> str:
    """Why the host has no address, and where to put it right."""
    if error.errno == socket.EAI_AGAIN:
        return f"DNS gives no answer for {host}; see that this computer is connected"
    if host == alias:
        return f'neither ssh_config nor DNS knows "{alias}": write its HostName into ssh_config'
    return f'DNS does not know "{host}", which is its HostName in ssh_config'


def _why_not(alias: str, error: Exception) -> str:
    """What is wrong, and what to do."""
    match error:
        case asyncssh.HostKeyNotVerifiable():
            return (
                f"shows a host key that is not known ({error}): look at it with `ssh {alias}`, "
                f"which writes it to the UserKnownHostsFile, and see that ssh_config names that"
            )
        case asyncssh.PermissionDenied():
            return (
                f"lets us in by none of our keys ({error}): see that `ssh -o BatchMode=yes "
                f"{alias} true` works, without a passphrase or with an agent"
            )
        case asyncssh.Error():
            return f"ended the SSH handshake: {error}"
        case _:
            return f"can't be reached: {error}"
