"""Asking a machine on this host by its control socket. Imports little: it is run for each verb."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from syncmodel.errors import InvalidRunError, UsageError
from syncmodel.reference.node.layout import Layout


def ask(root: Path, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """What the machine at `root` answers to one method of its control. Raises `UsageError`."""
    path = Layout(root).control_socket
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
        try:
            control.connect(os.fspath(path))
        except OSError as error:
            raise UsageError(
                f"No machine runs in {root} ({error.strerror}): start it with "
                f"`syncmodel machine {root}`."
            ) from error
        control.sendall(json.dumps({"method": method, "params": dict(params)}).encode() + b"\n")
        line = control.makefile("rb").readline()
    if not line:
        raise InvalidRunError(f"The machine in {root} ended before it answered `{method}`.")
    answer: dict[str, Any] = json.loads(line)
    return answer
