"""Connections with servers, kept from one call to the next: each serves one call at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any


class Clients:
    """Connections by node, which `connect` makes and `disconnect` ends; used from any thread."""

    def __init__(self, connect: Callable[[str], Any], disconnect: Callable[[Any], object]) -> None:
        self._connect, self._disconnect = connect, disconnect
        self._idle = defaultdict[str, list[Any]](list)
        self._lives = defaultdict[str, int](int)
        self._lock = Lock()

    @contextmanager
    def one(self, node: str, keeps: Callable[[Exception], bool]) -> Iterator[Any]:
        """A connection for this call alone. After what it raises it is kept only if `keeps` says
        that it is still good."""
        with self._lock:
            life = self._lives[node]
            client = self._idle[node].pop() if self._idle[node] else None
        client = self._connect(node) if client is None else client
        good = False
        try:
            yield client
            good = True
        except Exception as error:
            good = keeps(error)
            raise
        finally:
            with self._lock:
                # The server that it was connected with may be gone by now.
                good = good and life == self._lives[node]
                if good:
                    self._idle[node].append(client)
            if not good:
                self._disconnect(client)

    def hang_up(self, node: str) -> None:
        """End those with this node, and those that serve a call when they have served it."""
        with self._lock:
            self._lives[node] += 1
            idle = self._idle.pop(node, [])
        for client in idle:
            self._disconnect(client)
