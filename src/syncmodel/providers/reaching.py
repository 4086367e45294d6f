"""Reaching an API over HTTP: what its user names is looked at before anything is asked, and what
breaks on the way is told apart by whether it may heal."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import requests

from syncmodel.errors import UsageError
from syncmodel.providers.base import LostError, StrangeHostError, TroubleError

HOST = re.compile(r"[A-Za-z0-9._:-]+")
#: What no API is asked with: a server named a wrong address, say. It stays as it is.
NEVER_SENT = (
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidHeader,
)


def address(variable: str, url: str) -> str:
    """The URL of an API, as it is. Raises `UsageError` that names the variable of who set it."""
    try:
        parts = urlsplit(url)
        whole = parts.port != 0 and parts.scheme in {"http", "https"}
    except ValueError:
        whole = False
    if not whole or not HOST.fullmatch(parts.hostname or "") or re.search(r"[^!-~]", url):
        # A password may be in there.
        shown = "" if "@" in url else f", not {url!r:.60}"
        raise UsageError(f"{variable} is not a valid URL: write it as https://HOST/PATH{shown}.")
    return url


def secret(variable: str, text: str) -> str:
    """A token that is sent in a header, as it is. Raises `UsageError` that does not show it."""
    if re.search(r"[^!-~]", text):
        raise UsageError(
            f"{variable} is not a valid token: copy it again, without line breaks, spaces and "
            "letters that are not ASCII."
        )
    return text


def broken(error: Exception, variables: str) -> TroubleError | None:
    """What it means that a connection broke, or was never made; None if it will never do.

    `variables` say where the API is.
    """
    found = [*_causes(error)]
    if any(isinstance(one, NEVER_SENT) for one in found):
        return None
    for one in found:
        if isinstance(one, socket.gaierror) and one.errno != socket.EAI_AGAIN:
            host = getattr(getattr(_named(found), "conn", None), "host", "of it")
            return StrangeHostError(f"DNS does not know the host {host}: check {variables}.")
    words = (
        (ConnectionRefusedError, "connection refused"),
        (socket.gaierror, "DNS gives no answer"),
        ((TimeoutError, requests.Timeout), "no answer in time"),
        (ConnectionError, "the connection broke"),
    )
    for kind, said in words:
        if any(isinstance(one, kind) for one in found):
            return LostError(said)
    return LostError(f"{type(error).__name__}: the connection broke")


def silent(*loggers: str) -> None:
    """Let what a client logs go only to who set up logging, not to standard error."""
    for name in loggers:
        logging.getLogger(name).addHandler(logging.NullHandler())


def _named(found: list[BaseException]) -> BaseException | None:
    """What says which connection it was."""
    return next((one for one in found if hasattr(one, "conn")), None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and those that led to it, each once; clients pack them in several ways."""
    left, seen = [error], set[int]()
    while left:
        one = left.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
        left += [each for each in inner if isinstance(each, BaseException)]
