"""The kernel says which connections there are, and ends those of root's choice."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from syncmodel.faults.tcp_sockets import ESTABLISHED, Connection, connections, destroy

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as near,
        server.accept()[0] as far,
    ):
        yield near, far


@pytest.fixture
def kernel() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 4) as kernel:
        yield kernel


def ends_of(kernel: socket.socket, near: socket.socket) -> list[Connection]:
    # Another connection may leave from the same port, for another place.
    places = {near.getsockname(), near.getpeername()}
    return [one for one in connections(kernel) if {one.here, one.there} == places]


def test_both_ends_of_a_connection_are_listed(pair: Pair, kernel: socket.socket) -> None:
    near, far = pair
    found = {(one.here, one.there) for one in ends_of(kernel, near) if one.state == ESTABLISHED}
    here, there = near.getsockname(), far.getsockname()
    assert found == {(here, there), (there, here)}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may end connections")
def test_one_that_is_ended_is_an_error_to_both(pair: Pair, kernel: socket.socket) -> None:
    near, far = pair
    (ours,) = [one for one in ends_of(kernel, near) if one.here == near.getsockname()]
    assert destroy(kernel, ours)
    with pytest.raises(ConnectionAbortedError):
        near.recv(1)
    with pytest.raises(ConnectionResetError):
        far.recv(1)
    assert not destroy(kernel, ours)
