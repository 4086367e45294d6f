"""ROOT/etc/node.json and whatever else a node reads before it starts, checked. Reading only."""

import json
from pathlib import Path
from typing import Any, Final, NoReturn

import attrs

from syncmodel.errors import FormatError, UsageError
from syncmodel.faults.who_dials import users_of
from syncmodel.nostr.keys import Key, MalformedKeyError
from syncmodel.reference.node import packages
from syncmodel.reference.node.generations import Generations
from syncmodel.reference.node.layout import Layout
from syncmodel.reference.node.state import Peer

PLUGIN: Final = "supertest"
SILENCE_LIMIT_S: Final = 20.0
MOST_SECONDS: Final = 86_400
#: Where a machine's own clients find its node: the contract's address.
ORIGIN: Final = "http://127.0.0.1:4000"


@attrs.frozen
class Config:
    """Who a node is, whom it knows, and how.

    `reconnect_cap_s` bounds the pause between dials. A connection whose other end says nothing, and
    answers no ping, for `silence_limit_s` is given up (see silence.py). `origins` are the
    beginnings of its own URLs. `plain_nip98`: an admin request need not name this node.
    """

    name: str
    key: Key
    admins: frozenset[str]
    peers: tuple[Peer, ...]
    trusted: frozenset[str]
    bugs: tuple[str, ...]
    reconnect_cap_s: float
    plugin: int | None
    """Version of the plugin in the running generation, None without it."""
    silence_limit_s: float = SILENCE_LIMIT_S
    origins: tuple[str, ...] = (ORIGIN,)
    plain_nip98: bool = False
    http_at: str | None = None
    """HOST:PORT where clients of this machine find the surfaces; only a machine that is a host."""
    http_users: frozenset[int] = frozenset()
    """Whose processes may use a port of the loopback there, besides the node's own user."""
    relay_at: tuple[str, ...] = ()
    """Each HOST:PORT where peers find the relay, and nothing else."""


def load(root: Path) -> Config:
    """The configuration of the machine under `root`. Raises FormatError, OSError."""
    layout = Layout(root)
    path = layout.config
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as exc:
        raise FormatError(f"{path} is not valid JSON: {exc}.") from exc
    if not isinstance(data, dict):
        _wrong(path, "the file", "an object")
    try:
        key = Key.from_hex(layout.key.read_text(encoding="ascii").strip())
    except MalformedKeyError as exc:
        raise FormatError(f"{layout.key}: {exc}") from exc
    return Config(
        name=_text(path, data, "name"),
        key=key,
        admins=frozenset(_texts(path, data, "admins")),
        peers=_peers(path, data.get("peers", [])),
        trusted=frozenset(_texts(path, data, "trusted")) | {key.public},
        bugs=_texts(path, data, "bugs"),
        reconnect_cap_s=_seconds(path, data, "reconnect_cap_s", 0.2),
        plugin=_running_plugin(Generations(layout)),
        silence_limit_s=_seconds(path, data, "silence_limit_s", SILENCE_LIMIT_S),
        origins=_texts(path, data, "origins") or (ORIGIN,),
        plain_nip98=_flag(path, data, "plain_nip98"),
        http_at=_place(path, "http_at", _text(path, data, "http_at"))
        if "http_at" in data
        else None,
        http_users=_users(path, _texts(path, data, "http_users")),
        relay_at=tuple(_place(path, "relay_at", at) for at in _texts(path, data, "relay_at")),
    )


def _running_plugin(generations: Generations) -> int | None:
    """The version of the plugin that is loaded. Raises `FormatError` if what runs does not fit."""
    running = generations.running()
    if running is None:
        return None
    plugins = generations.get(running).plugins
    # Planned as it was, any of them may have been installed by hand since.
    wrong = packages.fit(generations.layout, plugins)
    if wrong:
        raise FormatError(f"Generation {running} can't be loaded: {wrong[0].message}")
    return plugins.get(PLUGIN)


def _peers(path: Path, data: Any) -> tuple[Peer, ...]:
    if not isinstance(data, list):
        _wrong(path, "peers", "a list of objects")
    return tuple(_peer(path, one) for one in data)


def _peer(path: Path, data: Any) -> Peer:
    if not isinstance(data, dict):
        _wrong(path, "peers", "a list of objects")
    addresses = _texts(path, data, "addresses")
    if not addresses:
        _wrong(path, "addresses", "a list of one address or more")
    return Peer(_text(path, data, "name"), _text(path, data, "pubkey"), addresses)


def _text(path: Path, data: dict[str, Any], field: str) -> str:
    value = data.get(field)
    if not isinstance(value, str):
        _wrong(path, field, "a text")
    return value


def _texts(path: Path, data: dict[str, Any], field: str) -> tuple[str, ...]:
    value = data.get(field, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        _wrong(path, field, "a list of texts")
    return tuple(value)


def _place(path: Path, field: str, at: str) -> str:
    host, _, port = at.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        _wrong(path, field, "HOST:PORT")
    return at


def _users(path: Path, names: tuple[str, ...]) -> frozenset[int]:
    try:
        return users_of(names)
    except UsageError as exc:
        raise FormatError(f"{path}: http_users: {exc}") from exc


def _flag(path: Path, data: dict[str, Any], field: str) -> bool:
    value = data.get(field, False)
    if not isinstance(value, bool):
        _wrong(path, field, "true or false")
    return value


def _seconds(path: Path, data: dict[str, Any], field: str, default: float) -> float:
    value = data.get(field, default)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and 0 < value <= MOST_SECONDS):
        _wrong(path, field, f"a number of seconds, above 0 and at most {MOST_SECONDS:,}")
    return float(value)


def _wrong(path: Path, field: str, wanted: str) -> NoReturn:
    raise FormatError(f"{path}: {field} is not {wanted}.")
