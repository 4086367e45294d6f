"""Small files from strangers: none is read without an end, and none is believed."""

from __future__ import annotations

import json
import os
import pwd
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncmodel.cli import main
from syncmodel.corpus.budgets import SMALL_BYTES
from syncmodel.errors import FormatError, UsageError
from syncmodel.inventory import file as inventory
from syncmodel.providers import lease

NODES = "".join(
    f'[nodes.n{number}]\nhost = "h{number}"\npubkey = "{digit * 64}"\n'
    for number, digit in ((1, "a"), (2, "b"))
)


def no_end(path: Path) -> None:
    path.symlink_to("/dev/zero")


def no_beginning(path: Path) -> None:
    os.mkfifo(path)


def too_long(path: Path) -> None:
    path.write_bytes(b" " * (SMALL_BYTES + 1))


def a_folder(path: Path) -> None:
    path.mkdir()


def in_a_circle(path: Path) -> None:
    path.symlink_to(path)


FILES = (no_end, no_beginning, too_long, a_folder, in_a_circle)
#: How each verb is told of the file, where another one lies beside it.
VERBS = {
    "inventory": ("doctor", "{}"),
    "a search's inventory": ("explore", "--inventory", "{}"),
    "an inventory's key": ("doctor", "hosts.toml"),
    "the note of a lease": ("machines", "destroy", "lease"),
    "a machine's configuration": ("machine", "new", "--make", "{}"),
    "a machine's configuration, found": ("machine", "old"),
    "a saved run": ("replay", "{}"),
    "steps": ("import", "{}"),
    "a record": ("export", "{}", "--as", "json"),
}
PLACES = {
    "the note of a lease": "lease/lease.json",
    "a machine's configuration, found": "old/etc/node.json",
}


@pytest.mark.parametrize("make", FILES)
@pytest.mark.parametrize("verb", VERBS)
def test_a_file_that_is_no_text_is_one_sentence(
    verb: str,
    make: Callable[[Path], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / PLACES.get(verb, "strange")
    path.parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "hosts.toml").write_text(f'admin_key = "strange"\n{NODES}')
    make(path)
    assert main([word.format(path) for word in VERBS[verb]]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1, said
    assert "foreseen" not in said


LEASES: tuple[object, ...] = (
    "x",
    [],
    {},
    {"lease": "abc"},
    {"lease": 5, "providers": ["hetzner"]},
    {"lease": "", "providers": ["hetzner"]},
    {"lease": "a,b=c", "providers": ["hetzner"]},
    {"lease": "../../x?y=1#z", "providers": ["hetzner"]},
    {"lease": "abc\n", "providers": ["hetzner"]},
    {"lease": "\u0661", "providers": ["hetzner"]},
    {"lease": "a" * 64, "providers": ["hetzner"]},
    {"lease": "abc", "providers": "hetzner"},
    {"lease": "abc", "providers": []},
    {"lease": "abc", "providers": [["hetzner"]]},
    {"lease": "abc", "providers": [{}]},
    {"lease": "abc", "providers": ["nobody\x1b[2J"]},
)


@pytest.mark.parametrize("said", LEASES, ids=str)
def test_what_names_no_lease_destroys_nothing(said: object, tmp_path: Path) -> None:
    (tmp_path / "lease.json").write_text(json.dumps(said))
    with pytest.raises(FormatError) as told:
        lease.read(tmp_path)
    assert str(told.value).isprintable()


@settings(max_examples=30)
@given(text=st.text() | st.sampled_from(["[" * 100_000, "9" * 5_000, '{"lease":1e999}']))
def test_a_note_of_anything_is_refused_in_a_sentence(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "lease.json").write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(FormatError):
        lease.read(folder)


NUMBERS = ("9" * 5_000, "-" + "9" * 5_000, "0x" + "f" * 5_000, "1e999999", "nan", "-inf")
DEEP = ("[" * 3_000 + "]" * 3_000, "{a=" * 3_000 + "1" + "}" * 3_000)


@pytest.mark.parametrize("value", [*NUMBERS, *DEEP], ids=lambda text: text[:8])
@pytest.mark.parametrize(
    "field", ["x", "sudo", "admin_key", "limits.connect", "nodes.n1.generations"]
)
def test_no_value_of_toml_is_unforeseen(field: str, value: str, tmp_path: Path) -> None:
    path = tmp_path / "hosts.toml"
    path.write_text(f"{field} = {value}\n")
    with pytest.raises(FormatError):
        inventory.load(path)


@pytest.mark.parametrize("field", ["admin_key", "ssh_config"])
def test_a_home_that_nobody_knows_is_a_sentence(field: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("1" * 64)
    fields = {"admin_key": "key"} | {field: "~nobody-of-that-name/x"}
    path = tmp_path / "hosts.toml"
    path.write_text("".join(f'{name} = "{text}"\n' for name, text in fields.items()) + NODES)
    with pytest.raises(UsageError, match=f"{field}: .*nobody knows where that home is"):
        inventory.load(path)


@pytest.mark.parametrize("config", ["", 'ssh_config = "here"\n'])
def test_who_has_no_home_is_told_to_name_one(
    config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)
    (tmp_path / "key").write_text("1" * 64)
    (tmp_path / "here").touch()
    path = tmp_path / "hosts.toml"
    path.write_text(f'admin_key = "key"\n{config}{NODES}')
    assert main(["admin", "n1", "cluster_status", "--inventory", str(path)]) == 2
    assert capsys.readouterr().err.endswith("set HOME, or name the whole path.\n")
    assert main(["doctor"]) == 0


def test_tools_that_are_there_and_those_that_are_not_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda tool, **_: {"ip": "x", "tc": "x"}.get(tool))
    main(["doctor"])
    said = " ".join(capsys.readouterr().out.split())
    assert "found: ip, tc; not found: sshd, unshare, nft, flock, strace" in said


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "1e400", "1e10", "x", ""])
def test_a_limit_is_a_number_of_seconds(text: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["admin", "n1", "cluster_status", "--inventory", "x", f"--limit={text}"])
    assert ended.value.code == 2
