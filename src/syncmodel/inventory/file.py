"""The inventory: a TOML file that names the hosts of one cluster, read strictly.

How a host is reached is the user's ssh_config's to say; keys are named by their files and never
written here. Each mistake is one sentence that names the file, the place, and what to write.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import fields, frozen

from syncmodel.corpus import budgets
from syncmodel.corpus.fields import shown
from syncmodel.errors import FormatError, UsageError
from syncmodel.inventory import reading
from syncmodel.inventory.reading import Place, Table
from syncmodel.model.net import Link
from syncmodel.nostr.keys import Key, MalformedKeyError
from syncmodel.targets.base import How
from syncmodel.targets.wire import PLUGIN_PATH, SUPERTEST
from syncmodel.transport.urls import ADMIN_PATH, BASE_URL

NODES_LIMIT = (2, 32)
#: Ways to cut links: not at all, through ways that the tester carries over SSH, or by nft there.
WAYS = ("none", "carried", "packets")
RESTS = {"position": How.POSITION, "markers": How.MARKERS, "quiet": How.QUIET}
VERBS = ("start", "stop", "kill")
#: What need not be: that of a pair comes with the other. `clock` has the seconds for `{}`.
MORE = ("pause", "resume", "clock", "reboot")
AHEAD = "{}"
#: What docs/contract.md has a machine offer over SSH.
CONTROL = {verb: f"control {verb}" for verb in (*VERBS, "pause", "resume")} | {
    "clock": f"control clock '{{\"ahead_s\": {AHEAD}}}'"
}
#: What a command has that only a shell understands; quotes it keeps.
SHELLS = frozenset("|&;<>()$`*?[#~=%")
_NODE = re.compile(r"n[1-9][0-9]?")


@frozen
class Limits:
    """Time limits, in seconds.

    `quiet`: how long nothing may change where rest is a guess. `hold`: how long a fault lasts that
    no tester renews. `boot`: until a host that reboots lets us in again. `silence`: by then every
    node has given up a connection on which nothing comes.
    """

    connect: float = 10.0
    request: float = 10.0
    start: float = 30.0
    stop: float = 30.0
    quiet: float = 1.0
    hold: float = 240.0
    boot: float = 300.0
    silence: float = 30.0


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
    sudo: str


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
    nft: str = "nft"
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
    content = budgets.content(path)
    try:
        raw = tomllib.loads(content.decode())
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{path} is not valid UTF-8 (byte {error.start}): save it as UTF-8."
        ) from error
    except RecursionError as error:
        raise FormatError(f"{path}: nested too deeply.") from error
    except ValueError as error:
        # Numbers of thousands of digits, too.
        raise FormatError(f"{path} is not valid TOML: {error}.") from error
    return of(path, raw)


def of(path: Path, raw: Mapping[str, Any]) -> Inventory:
    """The inventory of these tables; files are named from where `path` is. Raises `FormatError`."""
    top, folder = Table(raw, str(path)), path.parent
    key = _key(top, folder)
    config = top.take("ssh_config", reading.text, "")
    cuts = top.take("cuts", reading.one_of(WAYS), "none")
    nft = top.take("nft", reading.command, "nft")
    rest = top.take("rest", reading.one_of(RESTS), "")
    api = top.table("api")
    shared = _Shared(
        place=api.take("at", reading.place, Place("127.0.0.1", 4000)),
        sudo=top.take("sudo", reading.flag, False),
        commands=_commands(top.table("commands"), {}),
        cuts=cuts,
    )
    url = api.take("url", reading.url, BASE_URL)
    admin_path, plugin_path = (
        api.take(name, reading.path, usual)
        for name, usual in (("admin", ADMIN_PATH), ("plugin", PLUGIN_PATH))
    )
    api.done()
    limits = top.table("limits")
    found = {name: limits.take(name, reading.seconds, usual) for name, usual in _LIMITS.items()}
    limits.done()
    nodes = top.table("nodes")
    hosts = _hosts(nodes, shared)
    top.done()
    return Inventory(
        path=path,
        hosts=hosts,
        admin_key=key,
        ssh_config=_named(top, folder, "ssh_config", config) if config else None,
        url=url,
        admin_path=admin_path,
        plugin_path=plugin_path,
        cuts=cuts,
        nft=nft,
        rest=RESTS[rest] if rest else None,
        limits=Limits(**found),
    )


_LIMITS: dict[str, float] = {field.name: getattr(Limits(), field.name) for field in fields(Limits)}


@frozen
class _Shared:
    """What holds for every node that does not say otherwise."""

    place: Place
    sudo: bool
    commands: Mapping[str, str]
    cuts: str

    @property
    def carried(self) -> bool:
        return self.cuts == "carried"


def _hosts(nodes: Table, shared: _Shared) -> dict[str, Host]:
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


def _host(node: str, table: Table, shared: _Shared, nodes: list[str]) -> Host:
    commands = table.table("commands")
    own = _commands(commands, shared.commands)
    sudo = "sudo -n " if table.take("sudo", reading.flag, shared.sudo) else ""
    peers = [other for other in nodes if other != node]
    ways = table.table("ways")
    ports = {peer: ways.take(peer, reading.port) for peer in peers} if shared.carried else {}
    if not shared.carried and ways.raw:
        ways.wrong('these are ports of carried links: write `cuts = "carried"` above all tables')
    ways.done()
    host = Host(
        node=node,
        name=table.take("name", reading.text, node),
        alias=table.take("host", reading.text),
        pubkey=table.take("pubkey", reading.hex_key),
        api=table.take("api", reading.place, shared.place),
        relay=table.take("relay", reading.places, ()),
        ways=ports,
        generations=table.take(
            "generations", reading.generations, tuple(range(1, len(SUPERTEST.generations) + 1))
        ),
        commands={verb: _by(sudo, command) for verb, command in (own or CONTROL).items()},
        own_commands=bool(own),
        sudo=sudo,
    )
    if shared.cuts != "none" and not host.relay:
        table.wrong("who cuts links needs to know where the node's relay is: write `relay`")
    names = [place.host for place in host.relay if not reading.is_address(place.host)]
    if shared.cuts == "packets" and names:
        table.wrong(f"packets have addresses and no names: write that of {names[0]}", "relay")
    table.done()
    return host


def _commands(table: Table, others: Mapping[str, str]) -> dict[str, str]:
    own = {verb: table.take(verb, reading.command, "") for verb in (*VERBS, *MORE)}
    table.done()
    found = dict(others) | {verb: command for verb, command in own.items() if command}
    missing = [verb for verb in VERBS if verb not in found]
    if found and missing:
        are = "is" if len(missing) == 1 else "are"
        table.wrong(f"{', '.join(missing)} {are} missing: a node is started, stopped and killed")
    if ("pause" in found) is not ("resume" in found):
        table.wrong("who stands still must go on: write both, `pause` and `resume`")
    if AHEAD not in found.get("clock", AHEAD):
        table.wrong("write {} where the command has the seconds that it is ahead", "clock")
    return found


def _by(sudo: str, command: str) -> str:
    """The command as it is run: all of it by sudo, also what only a shell understands."""
    if not sudo or not set(command) & SHELLS:
        return f"{sudo}{command}"
    return f"{sudo}sh -c {shlex.quote(command)}"


def _key(top: Table, folder: Path) -> Key:
    named = top.take("admin_key", reading.text)
    if reading.PUBKEY.fullmatch(named.strip().lower()):
        top.wrong("this is a key itself: put it into a file of its own and name that", "admin_key")
    path = _named(top, folder, "admin_key", named)
    try:
        return Key.from_hex(budgets.content(path).decode("ascii").strip())
    except UsageError as error:
        top.wrong(str(error).rstrip("."), "admin_key")
    except (MalformedKeyError, UnicodeDecodeError):
        top.wrong(
            f"the file {path} holds no secret key: it is 64 hex digits and nothing else",
            "admin_key",
        )


def _named(top: Table, folder: Path, field: str, named: str) -> Path:
    """A file that the inventory names: from where it is, or from a home."""
    try:
        return folder / budgets.at_home(Path(named))
    except UsageError as error:
        top.wrong(str(error).rstrip("."), field)


def _check_twice(nodes: Table, values: Mapping[str, str], what: str) -> None:
    seen: dict[str, str] = {}
    for node, value in values.items():
        if value in seen:
            nodes.wrong(f"{seen[value]} and {node} have the same {what}: each node has its own")
        seen[value] = node
