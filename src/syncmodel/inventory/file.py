"""The inventory: a TOML file that names the hosts of one cluster, read strictly.

How a host is reached is the user's ssh_config's to say; keys are named by their files and never
written here. Each mistake is one sentence that names the file, the place, and what to write.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from attrs import frozen

from syncmodel.corpus.fields import shown
from syncmodel.errors import FormatError, UsageError
from syncmodel.model.net import Link
from syncmodel.nostr.keys import Key, MalformedKeyError
from syncmodel.targets.base import How
from syncmodel.targets.wire import PLUGIN_PATH, SUPERTEST
from syncmodel.transport.clients import ADMIN_PATH, BASE_URL

NODES_LIMIT = (2, 32)
#: Ways to cut links: through ways that the tester carries over SSH, or not at all.
WAYS = ("none", "carried")
RESTS = {"position": How.POSITION, "markers": How.MARKERS, "quiet": How.QUIET}
VERBS = ("start", "stop", "kill")
#: What docs/contract.md has a machine offer over SSH.
CONTROL = {verb: f"control {verb}" for verb in VERBS}
_PUBKEY = re.compile(r"[0-9a-f]{64}")
_NODE = re.compile(r"n[1-9][0-9]?")
_PLACE = re.compile(r"(?:\[(?P<v6>[0-9a-fA-F:.%]+)\]|(?P<host>[^\[\]:/\s]+)):(?P<port>[0-9]{1,5})")


@frozen
class Place:
    """An address and a port, as a host itself sees them."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@frozen
class Limits:
    """Time limits, in seconds. `quiet`: how long nothing may change where rest is a guess."""

    connect: float = 10.0
    request: float = 10.0
    start: float = 30.0
    stop: float = 30.0
    quiet: float = 1.0


@frozen
class Host:
    """One node, and the host that it is on.

    `name` is the node's in its cluster, and `alias` the host's in ssh_config. `api` is where its
    HTTP surfaces are; `relay` all places where its peers may find it. `ways` are the ports of its
    own loopback at which it finds its peers, where links are carried. `generations` are its own
    numbers of the schema's generations. `commands`: how its application is started and stopped.
    """

    node: str
    name: str
    alias: str
    pubkey: str
    api: Place
    relay: tuple[Place, ...]
    ways: Mapping[str, int]
    generations: tuple[int, ...]
    commands: Mapping[str, str]
    own_commands: bool


@frozen
class Inventory:
    """The hosts of one cluster, and what is true of all of them."""

    path: Path
    hosts: Mapping[str, Host]
    admin_key: Key
    ssh_config: Path | None
    url: str = BASE_URL
    admin_path: str = ADMIN_PATH
    plugin_path: str = PLUGIN_PATH
    cuts: str = "none"
    rest: How | None = None
    limits: Limits = Limits()

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes, in order."""
        return tuple(self.hosts)

    @property
    def ways(self) -> dict[Link, int]:
        """The port at which b finds a, for each carried link (a, b)."""
        return {(a, b): port for b, host in self.hosts.items() for a, port in host.ways.items()}


def load(path: Path) -> Inventory:
    """The inventory in that file. Raises `FormatError`, or `UsageError` if it can't be read."""
    try:
        raw = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise UsageError(
            f"The inventory {path} can't be read: {error.strerror or error}."
        ) from error
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{path}: no UTF-8 text (byte {error.start}); save it as UTF-8."
        ) from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise FormatError(f"{path}: no TOML: {error or 'nested too deeply'}.") from error
    return of(path, raw)


def of(path: Path, raw: Mapping[str, Any]) -> Inventory:
    """The inventory of these tables; files are named from where `path` is. Raises `FormatError`."""
    top, folder = _Table(raw, str(path)), path.parent
    key = _key(top, folder)
    config = top.take("ssh_config", _text, "")
    cuts = top.take("cuts", _one_of(WAYS), "none")
    rest = top.take("rest", _one_of(RESTS), "")
    api = top.table("api")
    shared = _Shared(
        place=api.take("at", _place, Place("127.0.0.1", 4000)),
        sudo=top.take("sudo", _flag, False),
        commands=_commands(top.table("commands"), {}),
        carried=cuts == "carried",
    )
    url = api.take("url", _url, BASE_URL)
    admin_path, plugin_path = (
        api.take(name, _path, usual)
        for name, usual in (("admin", ADMIN_PATH), ("plugin", PLUGIN_PATH))
    )
    api.done()
    limits = top.table("limits")
    found = {name: limits.take(name, _seconds, usual) for name, usual in _LIMITS.items()}
    limits.done()
    nodes = top.table("nodes")
    hosts = _hosts(nodes, shared)
    top.done()
    return Inventory(
        path=path,
        hosts=hosts,
        admin_key=key,
        ssh_config=folder / Path(config).expanduser() if config else None,
        url=url,
        admin_path=admin_path,
        plugin_path=plugin_path,
        cuts=cuts,
        rest=RESTS[rest] if rest else None,
        limits=Limits(**found),
    )


_LIMITS: dict[str, float] = {
    name: getattr(Limits(), name) for name in ("connect", "request", "start", "stop", "quiet")
}


@frozen
class _Shared:
    """What holds for every node that does not say otherwise."""

    place: Place
    sudo: bool
    commands: Mapping[str, str]
    carried: bool


def _hosts(nodes: _Table, shared: _Shared) -> dict[str, Host]:
    least, most = NODES_LIMIT
    count = len(nodes.raw)
    wanted = [f"n{number}" for number in range(1, count + 1)]
    strange = [name for name in nodes.raw if not _NODE.fullmatch(name) or name not in wanted]
    if strange or not least <= count <= most:
        named = f"found {', '.join(map(shown, nodes.raw))}" if nodes.raw else "found none"
        nodes.wrong(
            f"expected {least} to {most} tables [nodes.n1], [nodes.n2] and so on without a gap, "
            f"{named}"
        )
    hosts = {name: _host(name, nodes.table(name), shared, wanted) for name in wanted}
    _check_twice(nodes, {name: host.pubkey for name, host in hosts.items()}, "pubkey")
    _check_twice(nodes, {name: host.name for name, host in hosts.items()}, "name")
    return hosts


def _host(node: str, table: _Table, shared: _Shared, nodes: list[str]) -> Host:
    commands = table.table("commands")
    own = _commands(commands, shared.commands)
    sudo = "sudo -n " if table.take("sudo", _flag, shared.sudo) else ""
    peers = [other for other in nodes if other != node]
    ways = table.table("ways")
    ports = {peer: ways.take(peer, _port) for peer in peers} if shared.carried else {}
    if not shared.carried and ways.raw:
        ways.wrong('these are ports of carried links: write `cuts = "carried"` above all tables')
    ways.done()
    host = Host(
        node=node,
        name=table.take("name", _text, node),
        alias=table.take("host", _text),
        pubkey=table.take("pubkey", _hex_key),
        api=table.take("api", _place, shared.place),
        relay=table.take("relay", _places, ()),
        ways=ports,
        generations=table.take(
            "generations", _generations, tuple(range(1, len(SUPERTEST.generations) + 1))
        ),
        commands={verb: f"{sudo}{command}" for verb, command in (CONTROL | own).items()},
        own_commands=bool(own),
    )
    if shared.carried and not host.relay:
        table.wrong("carried links need to know where the node's relay is: write `relay`")
    table.done()
    return host


def _commands(table: _Table, others: Mapping[str, str]) -> dict[str, str]:
    own = {verb: table.take(verb, _command, "") for verb in VERBS}
    table.done()
    found = dict(others) | {verb: command for verb, command in own.items() if command}
    missing = [verb for verb in VERBS if verb not in found]
    if found and missing:
        table.wrong(f"{', '.join(missing)} is missing: a node is started, stopped and killed")
    return found


def _key(top: _Table, folder: Path) -> Key:
    named = top.take("admin_key", _text)
    if _PUBKEY.fullmatch(named.strip().lower()):
        top.wrong("this is a key itself: put it into a file of its own and name that", "admin_key")
    path = folder / Path(named).expanduser()
    try:
        return Key.from_hex(path.read_text(encoding="ascii").strip())
    except OSError as error:
        top.wrong(f"the file {path} can't be read: {error.strerror or error}", "admin_key")
    except (MalformedKeyError, UnicodeDecodeError):
        top.wrong(
            f"the file {path} holds no secret key: it is 64 hex digits and nothing else",
            "admin_key",
        )


def _check_twice(nodes: _Table, values: Mapping[str, str], what: str) -> None:
    seen: dict[str, str] = {}
    for node, value in values.items():
        if value in seen:
            nodes.wrong(f"{seen[value]} and {node} have the same {what}: each node has its own")
        seen[value] = node


# --- reading -----------------------------------------------------------------------------------

#: Says that a field must be there.
_NEEDED: Any = object()


class _Table:
    """One table of the file; each field is taken once, and what is left is a mistake."""

    def __init__(self, raw: Any, where: str, inside: str = "") -> None:
        self._where, self._inside = where, inside
        if not isinstance(raw, dict):
            self.wrong(f"expected a table, found {shown(raw)}")
        self.raw: dict[str, Any] = raw
        self._taken: list[str] = []

    def take(self, name: str, read: Callable[[Any], Any], usual: Any = _NEEDED) -> Any:
        self._taken.append(name)
        if name not in self.raw:
            if usual is _NEEDED:
                self.wrong("it is missing", name)
            return usual
        try:
            return read(self.raw[name])
        except ValueError as error:
            # What was taken for a key is not shown: it may be the wrong, secret one.
            found = "" if read is _hex_key else f", found {shown(self.raw[name])}"
            self.wrong(f"expected {error}{found}", name)

    def table(self, name: str) -> _Table:
        self._taken.append(name)
        return _Table(self.raw.get(name, {}), self._where, self._place(name))

    def done(self) -> None:
        left = [name for name in self.raw if name not in self._taken]
        if left:
            meant = get_close_matches(left[0], self._taken, n=1)
            hint = f"; do you mean {meant[0]}?" if meant else f": {', '.join(self._taken)}"
            self.wrong(f"there is no such field{hint}", left[0])

    def wrong(self, what: str, name: str = "") -> NoReturn:
        place = self._place(name) if name else self._inside
        raise FormatError(
            f"{self._where}: {place}: {what}." if place else f"{self._where}: {what}."
        )

    def _place(self, name: str) -> str:
        return f"{self._inside}.{name}" if self._inside else name


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError("a text on one line")
    return value


def _command(value: Any) -> str:
    text = _text(value)
    try:
        shlex.split(text)
    except ValueError:
        raise ValueError("a shell's command whose quotes are closed") from None
    return text


def _hex_key(value: Any) -> str:
    if not isinstance(value, str) or not _PUBKEY.fullmatch(value):
        raise ValueError("the node's public key, 64 small hex digits")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _port(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= 65_535:
        raise ValueError("a port, from 1 to 65535")
    return value


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 3600:
        raise ValueError("seconds, above 0 and at most 3600")
    return float(value)


def _place(value: Any) -> Place:
    found = _PLACE.fullmatch(value) if isinstance(value, str) else None
    if found is None or not 1 <= int(found["port"]) <= 65_535:
        raise ValueError('an address with its port, as "10.0.0.1:4848" or "[fd00::1]:4848"')
    return Place(found["v6"] or found["host"], int(found["port"]))


def _places(value: Any) -> tuple[Place, ...]:
    many = value if isinstance(value, list) else [value]
    if not many:
        raise ValueError('one address or more, as "10.0.0.1:4848"')
    return tuple(map(_place, many))


def _url(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"https?://[^/\s]+", value):
        raise ValueError('the node\'s own URL without a path, as "http://127.0.0.1:4000"')
    return value


def _path(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"(/[^/\s?#]+)+", value):
        raise ValueError('a path, as "/api/admin/management"')
    return value


def _generations(value: Any) -> tuple[int, ...]:
    """The node's own number of each of the schema's generations, in order."""
    roles = [one.role for one in SUPERTEST.generations]
    many = value if isinstance(value, list) else []
    if len(many) != len(roles) or len(set(map(str, many))) != len(many):
        raise ValueError(f"the node's {len(roles)} different numbers of: {', '.join(roles)}")
    if any(type(one) is not int or one < 0 for one in many) or sorted(many) != many:
        raise ValueError(f"rising whole numbers, of: {', '.join(roles)}")
    return tuple(many)


def _one_of(known: Collection[str]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in known:
            raise ValueError(" or ".join(f'"{one}"' for one in known))
        return value

    return read
