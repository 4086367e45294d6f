"""The inventory is read strictly: each mistake is one sentence that says where it is, and what to
write."""

from __future__ import annotations

import contextlib
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncmodel.errors import FormatError, UsageError
from syncmodel.inventory.file import CONTROL, load, of
from syncmodel.inventory.reading import Place
from syncmodel.nostr.keys import Key
from syncmodel.targets.base import How

A, B = "a" * 64, "b" * 64
NODES = f"""
[nodes.n1]
host = "alpha"
pubkey = "{A}"
relay = ["10.0.0.1:4848", "[fd00::1]:4848"]
[nodes.n2]
host = "beta"
pubkey = "{B}"
relay = "10.0.0.2:4848"
"""


def written(folder: Path, text: str) -> Path:
    (folder / "admin.key").write_text(Key.generate().reveal())
    file = folder / "hosts.toml"
    file.write_text(text)
    return file


def small(top: str = "", nodes: str = NODES, key: str = "admin.key") -> str:
    return f'admin_key = "{key}"\n{top}\n{nodes}'


def test_a_small_inventory_has_the_contracts_places(tmp_path: Path) -> None:
    inventory = load(written(tmp_path, small()))
    one = inventory.hosts["n1"]
    assert (inventory.nodes, one.alias, one.name) == (("n1", "n2"), "alpha", "n1")
    assert one.api == Place("127.0.0.1", 4000)
    assert one.relay == (Place("10.0.0.1", 4848), Place("fd00::1", 4848))
    assert [str(place) for place in one.relay] == ["10.0.0.1:4848", "[fd00::1]:4848"]
    assert (one.generations, one.commands, one.own_commands) == ((1, 2, 3), CONTROL, False)
    assert (inventory.cuts, inventory.rest, inventory.ssh_config) == ("none", None, None)


def test_what_holds_for_all_nodes_can_be_said_otherwise_by_one(tmp_path: Path) -> None:
    top = (
        'ssh_config = "ssh_config"\nsudo = true\nrest = "markers"\n'
        '[api]\nat = "127.0.0.1:8080"\nurl = "http://localhost:8080"\n'
        '[commands]\nstart = "herd start tribes"\nstop = "herd stop tribes"\n'
        'kill = "pkill -9 tribes"\nclock = "printf %+ds {} > /run/ahead"\n[limits]\nstart = 60\n'
    )
    own = (
        'sudo = false\napi = "[::1]:81"\ngenerations = [41, 42, 50]\nname = "Alpha"\n'
        '[nodes.n2.commands]\nstart = "systemctl start tribes"'
    )
    inventory = load(written(tmp_path, small(top) + own))
    one, two = inventory.hosts.values()
    assert one.commands["start"] == "sudo -n herd start tribes"
    # All of it by sudo, also what a shell does.
    assert one.commands["clock"] == "sudo -n sh -c 'printf %+ds {} > /run/ahead'"
    assert two.commands["start"] == "systemctl start tribes"
    assert two.commands["kill"] == "pkill -9 tribes"
    assert (two.api, two.generations, two.name) == (Place("::1", 81), (41, 42, 50), "Alpha")
    assert inventory.ssh_config == tmp_path / "ssh_config"
    assert (inventory.url, inventory.limits.start) == ("http://localhost:8080", 60.0)
    assert inventory.rest is How.MARKERS


def test_carried_links_have_a_way_for_each_direction(tmp_path: Path) -> None:
    nodes = NODES.replace("[nodes.n2]", "ways = { n2 = 4902 }\n[nodes.n2]") + "ways = { n1 = 4901 }"
    inventory = load(written(tmp_path, small('cuts = "carried"', nodes)))
    assert inventory.ways == {("n2", "n1"): 4902, ("n1", "n2"): 4901}


WRONG: dict[str, tuple[str, str]] = {
    "no TOML": ("admin_key = ", "is not valid TOML: "),
    "no key": (NODES, "admin_key: it is missing"),
    "the key itself": (small(key=A), "a key itself: put it into a file of its own"),
    "a key file that is not there": (small(key="none"), "none can't be read: No such file"),
    "a key file with something else": (small(key="hosts.toml"), "holds no secret key"),
    "an unknown field": (small('ssh_conf = "x"'), "ssh_conf: there is no such field; do you mean"),
    "an unknown field of a node": (small() + "port = 1", "nodes.n2.port: there is no such field"),
    "an unknown field of a table": (
        small("[limits]\nstrat = 1"),
        "limits.strat: there is no such field; do you mean start",
    ),
    "no nodes": (small(nodes=""), "found none"),
    "one node": (small(nodes=NODES[: NODES.index("[nodes.n2]")]), "expected 2 to 32 tables"),
    "a gap": (small(nodes=NODES.replace("n2", "n3")), "without a gap, found 'n1', 'n3'"),
    "another name": (small(nodes=NODES.replace("n2", "db")), "found 'n1', 'db'"),
    "nodes that are no table": (small("nodes = 3", ""), "nodes: expected a table, found 3"),
    "no host": (small(nodes=NODES.replace('host = "beta"', "")), "nodes.n2.host: it is missing"),
    "a host of two lines": (small(nodes=NODES.replace("beta", "b\\n")), "nodes.n2.host: expected"),
    "a wrong public key": (small(nodes=NODES.replace(B, "b1")), "64 small hex digits."),
    "one public key twice": (small(nodes=NODES.replace(B, A)), "n1 and n2 have the same pubkey"),
    "one name twice": (small() + 'name = "n1"', "n1 and n2 have the same name"),
    "an address without a port": (
        small(nodes=NODES.replace("10.0.0.2:4848", "10.0.0.2")),
        "nodes.n2.relay: expected an address with its port",
    ),
    "a port that is none": (small() + 'api = "a:65536"', "nodes.n2.api: expected an address"),
    "a URL with a path": (small('[api]\nurl = "http://a/b"'), "api.url: expected the node's own"),
    "a path that is none": (small('[api]\nadmin = "x"'), "api.admin: expected a path"),
    "too few generations": (small() + "generations = [1, 2]", "the node's 3 different numbers"),
    "one generation twice": (small() + "generations = [1, 1, 2]", "the node's 3 different numbers"),
    "generations that fall": (small() + "generations = [3, 2, 4]", "rising whole numbers"),
    "a truth for a number": (small() + "generations = [true, 2, 3]", "rising whole numbers"),
    "a way of cutting": (small('cuts = "nft"'), 'cuts: expected "none" or "carried" or "packets"'),
    "a name where packets go": (
        small('cuts = "packets"', NODES.replace("10.0.0.2", "beta.example")),
        "nodes.n2.relay: packets have addresses and no names: write that of beta.example",
    ),
    "cuts of nobody knows what": (
        small('cuts = "packets"', NODES.replace('relay = "10.0.0.2:4848"', "")),
        "nodes.n2: who cuts links needs to know where the node's relay is",
    ),
    "a way of rest": (small('rest = "sleep"'), 'rest: expected "position" or "markers"'),
    "ways that nobody carries": (small() + "ways = { n1 = 1 }", 'write `cuts = "carried"`'),
    "ways that lack one": (small('cuts = "carried"'), "nodes.n1.ways.n2: it is missing"),
    "a way from itself": (
        small(
            'cuts = "carried"', NODES.replace("[nodes.n2]", "ways = { n2 = 1, n1 = 2 }\n[nodes.n2]")
        ),
        "nodes.n1.ways.n1: there is no such field",
    ),
    "a command of three": (small('[commands]\nstart = "a"'), "stop, kill are missing: a"),
    "two commands of three": (
        small('[commands]\nstart = "a"\nstop = "a"'),
        "kill is missing: a",
    ),
    "a command with an open quote": (small('[commands]\nstart = "a \'"'), "quotes are closed"),
    "a pause alone": (
        small('[commands]\nstart = "a"\nstop = "b"\nkill = "c"\npause = "d"'),
        "commands: who stands still must go on: write both, `pause` and `resume`",
    ),
    "a clock of no time": (
        small('[commands]\nstart = "a"\nstop = "b"\nkill = "c"\nclock = "d"'),
        "commands.clock: write {} where the command has the seconds",
    ),
    "no limit": (small("[limits]\nstart = 0"), "limits.start: expected seconds, above 0"),
    "sudo that is no flag": (small('sudo = "yes"'), "sudo: expected true or false, found 'yes'"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_each_mistake_is_one_sentence(tmp_path: Path, mistake: str) -> None:
    text, said = WRONG[mistake]
    with pytest.raises(FormatError) as caught:
        load(written(tmp_path, text))
    words = str(caught.value)
    assert said in words
    assert re.match(r": | is not valid ", words.removeprefix(f"{tmp_path}/hosts.toml"))
    assert "\n" not in words
    assert words.endswith(".")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"hosts.toml can't be read: No such file"):
        load(tmp_path / "hosts.toml")


SECRET = "5" * 64


@pytest.mark.parametrize("text", [small(key=SECRET), small(nodes=NODES.replace(B, f"{SECRET}0"))])
def test_what_may_be_a_secret_key_is_never_shown(tmp_path: Path, text: str) -> None:
    with pytest.raises(FormatError) as caught:
        load(written(tmp_path, text))
    assert SECRET not in str(caught.value)


values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
FIELDS = (
    "admin_key", "ssh_config", "cuts", "rest", "api", "sudo", "commands", "limits", "nodes",
    "nodes.n1", "nodes.n1.host", "nodes.n1.pubkey", "nodes.n1.relay", "nodes.n1.ways",
    "nodes.n1.generations", "nodes.n1.commands", "nodes.n1.api", "limits.quiet", "api.at",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small inventory and its key."""
    made = tmp_path_factory.mktemp("any")
    written(made, small())
    return made


@given(field=st.sampled_from(FIELDS), value=values)
def test_whatever_a_field_holds_is_taken_or_told(folder: Path, field: str, value: Any) -> None:
    raw: dict[str, Any] = tomllib.loads((folder / "hosts.toml").read_text())
    *path, last = field.split(".")
    place = raw
    for name in path:
        place = place.setdefault(name, {})
    place[last] = value
    with contextlib.suppress(FormatError):
        of(folder / "hosts.toml", raw)
