"""One SSH connection to a machine, with every setting that its speed and its safety depend on.

http.py and clients.py own what travels over it. Nothing is read from the user's SSH
configuration, agent or known hosts: the same arguments give the same connection everywhere.
"""

import asyncio
import socket

import asyncssh

from syncmodel.errors import TransportError

_CIPHER = "aes128-gcm@openssh.com"
_KEEPALIVE_INTERVAL_S = 1
_KEEPALIVE_COUNT = 2


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


async def connect(  # noqa: PLR0917  (who, where, and the two keys that belong together)
    host: str,
    port: int,
    username: str,
    client_key: asyncssh.SSHKey,
    known_host_key: asyncssh.SSHKey,
    limit_s: float = 10.0,
) -> asyncssh.SSHClientConnection:
    """An authenticated connection; the caller closes it. `limit_s` bounds all of it. Of
    `known_host_key` only the public half is used.

    Raises TransportError, in one sentence, for a machine that can't be reached, that shows another
    host key than the pinned one, or that refuses the client's key. Nothing is left open then.
    """
    place = f"{username}@{host}:{port}"
    try:
        async with asyncio.timeout(limit_s):
            sock = await _dial(host, port)
            try:
                return await _handshake(sock, host, username, client_key, known_host_key)
            except BaseException:
                sock.close()
                raise
    except asyncssh.HostKeyNotVerifiable as error:
        raise TransportError(
            f"{place} shows another host key than the pinned one: it was reinstalled, or is not it."
        ) from error
    except asyncssh.KeyExchangeFailed as error:
        raise TransportError(
            f"{place} has no host key of the pinned type, or does not offer {_CIPHER}: {error}."
        ) from error
    except asyncssh.PermissionDenied as error:
        raise TransportError(f"{place} refuses the client's key: {error}.") from error
    except TimeoutError as error:
        raise TransportError(f"{place} can't be reached: no answer in {limit_s} s.") from error
    except asyncssh.Error as error:
        raise TransportError(f"{place} ended the SSH handshake: {error}.") from error
    except OSError as error:
        raise TransportError(f"{place} can't be reached: {error}.") from error


async def _dial(host: str, port: int) -> QuickAckSocket:
    """Connected to the first address of `host` that answers. Raises OSError."""
    loop = asyncio.get_running_loop()
    last = OSError(f"no address for {host}")
    for family, _, _, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        # With the protocol named, asyncio sets TCP_NODELAY; without it, it does not.
        sock = QuickAckSocket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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


async def _handshake(
    sock: socket.socket,
    host: str,
    username: str,
    client_key: asyncssh.SSHKey,
    known_host_key: asyncssh.SSHKey,
) -> asyncssh.SSHClientConnection:
    return await asyncssh.connect(
        host,
        sock=sock,
        config=None,
        username=username,
        client_keys=[client_key],
        known_hosts=([known_host_key.convert_to_public()], [], []),
        agent_path=None,
        preferred_auth="publickey",
        encryption_algs=[_CIPHER],
        compression_algs=None,
        keepalive_interval=_KEEPALIVE_INTERVAL_S,
        keepalive_count_max=_KEEPALIVE_COUNT,
        # Both default to limits of asyncssh's own; ours is around all of it.
        connect_timeout=None,
        login_timeout=0,
    )
