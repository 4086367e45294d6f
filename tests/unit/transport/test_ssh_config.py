"""A host of an ssh_config that has no address."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from syncmodel.errors import TransportError
from syncmodel.transport.ssh_config import connect


@pytest.mark.parametrize(
    ("errno", "named", "said"),
    [
        (
            socket.EAI_NONAME,
            "alpha",
            'neither ssh_config nor DNS knows "alpha": write its HostName into ssh_config',
        ),
        (
            socket.EAI_NONAME,
            "alpha.example",
            'DNS does not know "alpha.example", which is its HostName in ssh_config',
        ),
        (
            socket.EAI_AGAIN,
            "alpha",
            "DNS gives no answer for alpha; see that this computer is connected",
        ),
    ],
)
def test_a_host_without_an_address_is_told_by_its_name(
    errno: int, named: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_args: Any, **_kwargs: Any) -> Any:
        raise socket.gaierror(errno, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", refused)
    config = tmp_path / "config"
    config.write_text("" if named == "alpha" else f"Host alpha\n  HostName {named}\n")
    with pytest.raises(TransportError) as found:
        asyncio.run(connect("alpha", config))
    assert str(found.value) == f"alpha can't be reached: {said}."
