"""One SSH connection to a machine, with every setting that its speed and its safety depend on.

http.py and clients.py own what travels over it. Nothing is read from the user's SSH
configuration, agent or known hosts: the same arguments give the same connection everywhere.
"""

import asyncio
import contextlib
import errno
import getpass
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import asyncssh

from syncmodel.errors import TransportError, UsageError

CIPHER = "aes128-gcm@openssh.com"
KEEPALIVE_INTERVAL_S = 1
KEEPALIVE_COUNT = 2
#: A machine that has no room for one more is asked again after these pauses: 2 s in all.
PAUSES_S = (0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.63)
_NO_ROOM = (
    f"it closed each of {len(PAUSES_S) + 1} connections before it said a word; raise MaxStartups "
    f"in its sshd_config, and see whether PerSourcePenalties or a firewall keeps this host out"
)
# A server that finds nothing in common hangs up, before or after we find the same.
_BROKE_OFF = (asyncssh.KeyExchangeFailed, asyncssh.ConnectionLost, ConnectionError)

Session = TypeVar("Session")
Sockets = Callable[[], Awaitable[int]]


class QuickAckSocket(socket.socket):
    """A TCP socket that acknowledges at once what it receives.

    OpenSSH's server leaves Nagle's algorithm on for forwarded connections, so it holds back the
    second small packet until the first is acknowledged, and the kernel delays that by 40 ms. Linux
    forgets TCP_QUICKACK after a while (tcp(7)), so it is set again after each read. It works on
    asyncio's own loop; uvloop reads past this class.
    """

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        data = super().recv(bufsize, flags)
        self.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return data


class _Client(asyncssh.SSHClient):
    """Remembers which host key was shown, if not the pinned one, and whether anyone spoke SSH."""

    shown: asyncssh.SSHKey | None = None
    conn: asyncssh.SSHClientConnection | None = None

    @property
    def greeted(self) -> bool:
        """Whether the machine named its version of SSH."""
        return self.conn is not None and self.conn.get_extra_info("server_version") is not None

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self.conn = conn

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        self.shown = key
        return False


def read_key(path: Path) -> asyncssh.SSHKey:
    """The private key in this file. Raises UsageError, in one sentence, if it can't be used."""
    try:
        return asyncssh.read_private_key(path)
    except OSError as error:
        raise UsageError(f"The key {path} can't be read: {error.strerror or error}.") from error
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError) as error:
        if "passphrase" in str(error).lower():
            raise UsageError(
                f"The key {path} has a passphrase, which nobody can type during a run: give a key "
                f"without one (`ssh-keygen -p` takes it off a copy)."
            ) from error
        raise UsageError(f"The key {path} is no private key that SSH knows: {error}.") from error


async def connect(  # noqa: PLR0917  (who, where, and the two keys that belong together)
    host: str,
    port: int,
    username: str,
    client_key: asyncssh.SSHKey,
    known_host_key: asyncssh.SSHKey,
    limit_s: float = 10.0,
    *,
    sockets: Sockets | None = None,
) -> asyncssh.SSHClientConnection:
    """An authenticated connection; the caller closes it. `limit_s` bounds all of it. Of
    `known_host_key` only the public half is used. A machine that drops us before the handshake,
    as sshd does at MaxStartups, is dialled again for two seconds. `sockets` makes those to dial
    with, by their descriptors.

    Raises TransportError, in one sentence, for a machine that can't be reached, that shows another
    host key than the pinned one, or that refuses the client's key. Nothing is left open then.
    """
    client = _Client()
    try:
        async with asyncio.timeout(limit_s):
            return await _reach(host, port, username, client_key, known_host_key, client, sockets)
    except TimeoutError as error:
        why = f"can't be reached: no answer in {limit_s} s"
        raise TransportError(f"{username}@{host}:{port} {why}.") from error
    except (asyncssh.Error, OSError) as error:
        why = _why_not(error, client_key, known_host_key, client.shown)
        if client.greeted and isinstance(error, _BROKE_OFF) and sockets is None:
            why = await _other_type(host, port, known_host_key, limit_s) or why
        raise TransportError(f"{username}@{host}:{port} {why}.") from error


async def _reach(  # noqa: PLR0917  (as `connect`)
    host: str,
    port: int,
    username: str,
    client_key: asyncssh.SSHKey,
    known_host_key: asyncssh.SSHKey,
    client: _Client,
    sockets: Sockets | None,
) -> asyncssh.SSHClientConnection:
    """Dial until the machine speaks SSH, as often as there are pauses."""
    for pause_s in (*PAUSES_S, None):
        sock = await dial(host, port, sockets)
        try:
            return await _handshake(sock, host, username, client_key, known_host_key, client)
        except (asyncssh.ConnectionLost, ConnectionResetError, BrokenPipeError) as error:
            if client.greeted:
                raise
            if pause_s is None:
                raise asyncssh.ConnectionLost(_NO_ROOM) from error
        await asyncio.sleep(pause_s)
    raise AssertionError("The last pause is none.")


def _why_not(
    error: Exception,
    client_key: asyncssh.SSHKey,
    pinned: asyncssh.SSHKey,
    shown: asyncssh.SSHKey | None,
) -> str:
    """What is wrong, and what to do."""
    match error:
        case asyncssh.HostKeyNotVerifiable():
            told = "one that can't be read" if shown is None else shown.get_fingerprint()
            return (
                f"shows another host key than the pinned one, {told} where "
                f"{pinned.get_fingerprint()} is pinned: pin the new one if the machine was "
                f"reinstalled; if it was not, somebody else answers there"
            )
        case asyncssh.KeyExchangeFailed():
            return f"has no way of speaking SSH in common with us, such as {CIPHER}: {error}"
        case asyncssh.PermissionDenied():
            return (
                f"refuses the client's key {client_key.get_fingerprint()}: put it into that "
                f"user's authorized_keys there ({error})"
            )
        case asyncssh.Error():
            return f"ended the SSH handshake: {error}"
        case OSError(errno=errno.EMFILE | errno.ENFILE):
            return "can't be reached, since the tester has too many open files: raise `ulimit -n`"
        case _:
            return f"can't be reached: {error}"


async def _other_type(host: str, port: int, pinned: asyncssh.SSHKey, limit_s: float) -> str | None:
    """Whether it has keys of other types than the pinned one's, which ends a handshake as well."""
    ours = [algorithm.decode() for algorithm in pinned.sig_algorithms]
    try:
        async with asyncio.timeout(limit_s):
            with contextlib.suppress(*_BROKE_OFF):
                if await asyncssh.get_server_host_key(
                    host, port, config=None, server_host_key_algs=ours
                ):
                    return None
            shown = await asyncssh.get_server_host_key(host, port, config=None)
    except (asyncssh.Error, OSError):
        return None
    if shown is None:
        return None
    return (
        f"has no host key of the pinned one's type, {pinned.get_algorithm()}, but shows "
        f"{shown.get_algorithm()} {shown.get_fingerprint()}: pin that one, if it is this machine's"
    )


async def with_session(open_one: Callable[[], Awaitable[Session]], place: str) -> Session:
    """What `open_one` gives: a command's or SFTP's session on a connection that is there.

    A machine that has no room for one more is asked again for two seconds; then, or where it opens
    none at all, this raises TransportError. Other errors come out as they are.
    """
    pauses = iter(PAUSES_S)
    while True:
        try:
            return await open_one()
        except asyncssh.ChannelOpenError as error:
            if error.code != asyncssh.OPEN_CONNECT_FAILED or "closed" in error.reason:
                raise
            if (pause_s := next(pauses, None)) is None:
                raise TransportError(
                    f"{place} opens no session ({error.reason}), {len(PAUSES_S) + 1} times in a "
                    f"row: raise MaxSessions in its sshd_config."
                ) from error
        await asyncio.sleep(pause_s)


async def dial(host: str, port: int, sockets: Sockets | None = None) -> QuickAckSocket:
    """Connected to the first address of `host` that answers. Raises OSError."""
    loop = asyncio.get_running_loop()
    last = OSError(f"no address for {host}")
    for family, _, _, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        # With the protocol named, asyncio sets TCP_NODELAY; without it, it does not.
        made = None if sockets is None else await sockets()
        sock = QuickAckSocket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, made)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, address)
        except OSError as error:
            sock.close()
            last = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise last


async def _handshake(  # noqa: PLR0917  (as `connect`)
    sock: socket.socket,
    host: str,
    username: str,
    client_key: asyncssh.SSHKey,
    known_host_key: asyncssh.SSHKey,
    client: _Client,
) -> asyncssh.SSHClientConnection:
    name_the_user()
    try:
        return await asyncssh.connect(
            host,
            client_factory=lambda: client,
            sock=sock,
            config=None,
            username=username,
            client_keys=[client_key],
            known_hosts=([known_host_key.convert_to_public()], [], []),
            agent_path=None,
            preferred_auth="publickey",
            encryption_algs=[CIPHER],
            compression_algs=None,
            keepalive_interval=KEEPALIVE_INTERVAL_S,
            keepalive_count_max=KEEPALIVE_COUNT,
            # Both default to limits of asyncssh's own; ours is around all of it.
            connect_timeout=None,
            login_timeout=0,
        )
    except BaseException:
        sock.close()
        raise


def name_the_user() -> None:
    """See that this process's own user has a name.

    asyncssh asks for it, whatever username it is given. A container's user often has none; and one
    that has can't be looked up when no file can be opened.
    """
    try:
        getpass.getuser()
    except (KeyError, OSError):
        os.environ["LOGNAME"] = str(os.getuid())
