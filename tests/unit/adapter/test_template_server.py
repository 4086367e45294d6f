"""The server that `syncmodel init --processes` writes pulls from its peers, whatever they do."""

from __future__ import annotations

import importlib.util
import json
import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest

import syncmodel.adapter

TEMPLATE = Path(syncmodel.adapter.__file__ or "").parent / "templates/processes/server.py"
ENTRY = {"author": "n2", "number": 0, "stamp": 1, "id": "c1", "columns": {"title": "t1"}}
HEAD = "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n"


class Enough(Exception):  # noqa: N818 (it is no error)
    """An entry came."""


@pytest.mark.parametrize(
    "cut_off", [b"", b"HTT", b"no status\r\n\r\n", HEAD.format(99).encode() + b"["]
)
def test_it_goes_on_after_a_peer_that_was_killed_while_it_answered(
    cut_off: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location("template_server", TEMPLATE)
    assert spec is not None
    assert spec.loader is not None
    server = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(server)
    store = server.Store("n1")
    taken = store.take

    def take(entry: object) -> None:
        taken(entry)
        raise Enough

    def follow() -> None:
        with suppress(Enough):
            server.follow(store, port)

    monkeypatch.setattr(store, "take", take)
    whole = json.dumps([ENTRY])
    with socket.create_server(("127.0.0.1", 0)) as peer:
        port = peer.getsockname()[1]
        following = threading.Thread(target=follow, daemon=True)
        following.start()
        peer.settimeout(20)
        for answer in (cut_off, (HEAD.format(len(whole)) + whole).encode()):
            way, _ = peer.accept()
            with way:
                way.recv(65536)
                way.sendall(answer)
        following.join(20)
    store.file.close()
    assert store.shown() == {"c1": {"title": "t1"}}
