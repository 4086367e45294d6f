"""`syncmodel machines`, against an account that is emulated."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from email import message_from_string
from pathlib import Path

import pytest
from emulated_hetzner import Hetzner
from rented import CLOUDS, THERE

from syncmodel.cli import main

CREATE = ("machines", "create", "hetzner:2")


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hetzner]:
    monkeypatch.chdir(tmp_path)
    for name in ("SCW_SECRET_KEY", "SCW_PROFILE", "OS_AUTH_URL", "OS_CLOUD", "HCLOUD_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    with Hetzner() as made:
        for key, value in made.environment.items():
            monkeypatch.setenv(key, value)
        yield made


def lease_in(folder: Path) -> str:
    lease: str = json.loads((folder / "lease.json").read_text())["lease"]
    return lease


def test_machines_are_quoted_rented_listed_and_destroyed(
    cloud: Hetzner, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["machines", "quote", "hetzner:3", "--ttl", "90m"]) == 0
    assert "2 begun hours: at most 0.04 EUR" in capsys.readouterr().out
    assert main([*CREATE, "--at-most", "0.05", "--to", "c"]) == 0
    lease = lease_in(tmp_path / "c")
    out = capsys.readouterr().out
    assert f"n1: syncmodel-{lease}-n1, cx22 at fsn1, 192.0.2." in out
    assert main(["machines", "list"]) == 0
    assert capsys.readouterr().out.count(f"{lease} hetzner server syncmodel-") == 2
    assert main(["machines", "destroy", "c"]) == 0
    assert cloud.left() == []
    assert main(["machines", "list"]) == 0
    assert "Nothing is rented." in capsys.readouterr().out


def test_a_lease_names_its_machines_and_their_keys_before_they_are_there(
    cloud: Hetzner, tmp_path: Path
) -> None:
    (tmp_path / "mine").write_text("#!/bin/sh\ntrue\n")
    assert main([*CREATE, "--at-most", "1", "--to", "c", "--user-data", "mine"]) == 0
    folder = tmp_path / "c"
    assert stat.S_IMODE((folder / "id").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    known = (folder / "known_hosts").read_text().splitlines()
    for line, server in zip(known, cloud.store["servers"].values(), strict=True):
        address, key = line.split(" ", 1)
        assert address == server["public_net"]["ipv4"]["ip"]
        ours, mine = (
            bytes(part.get_payload(decode=True))
            for part in message_from_string(server["user_data"]).walk()
            if not part.is_multipart()
        )
        assert json.loads(ours.partition(b"\n")[2])["ssh_keys"]["ed25519_public"] == key
        assert mine == b"#!/bin/sh\ntrue\n"
    config = (folder / "ssh_config").read_text()
    assert re.findall(r"^Host (.*)$", config, re.M) == ["n1", "n2"]
    secret = (folder / "id").read_text().splitlines()[2]
    assert not any(secret in server["user_data"] for server in cloud.store["servers"].values())


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((*CREATE,), 2, "say with --at-most EUR how much"),
        ((*CREATE, "--at-most", "0.01"), 2, "Nothing was rented"),
        ((*CREATE, "--at-most", "1", "--only-if", "false"), 2, "false ended with 1. Nothing was"),
        ((*CREATE, "--at-most", "1", "--size", "huge"), 2, "hetzner has no huge at"),
        ((*CREATE, "--at-most", "1", "--to", "."), 2, "is there already: name another with --to"),
        ((*CREATE, "--at-most", "1", "--size", "ovh=b"), 2, "nothing is asked for at ovh"),
        ((*CREATE, "--at-most", "1", "--then", "scenario", "x"), 2, "There is no scenario x in"),
        ((*CREATE, "--at-most", "1", "--then"), 2, "--then needs a verb: explore, replay,"),
        ((*CREATE, "--at-most", "1", "--then", "bugs"), 2, "and its arguments, not bugs"),
        ((*CREATE, "--at-most", "1", "--then", "explore", "--sed", "1"), 2, "do you mean --seed?"),
        ((*CREATE, "--at-most", "1", "--then", "explore", "--seed"), 2, "--then: argument --seed"),
        ((*CREATE, "--at-most", "1", "--then", "explore", "-h"), 2, "say syncmodel explore --help"),
        ((*CREATE, "--at-most", "1", "--then", "replay", "--inventory=x", "f"), 2, "leave --inve"),
        (("machines", "list", "--then", "explore"), 2, "--then is for create"),
        (("machines", "create", "--at-most", "1"), 2, "Say where: syncmodel machines create"),
        (("machines", "create", "ec2:1", "--at-most", "1"), 2, "There is no provider ec2"),
        (
            ("machines", "create", "hetzner:0", "--at-most", "1"),
            2,
            "hetzner:0 is not a valid PROVIDER:COUNT",
        ),
        ((*CREATE, "--at-most", "1", "--size", "="), 2, "--size needs at least one name, and none"),
        ((*CREATE, "--at-most", "1", "--place", "a,,b"), 2, "none may be empty: 'a,,b'"),
        (("machines", "destroy"), 2, "Say what to destroy"),
        (("machines", "destroy", "../x y"), 2, "neither a folder nor the name of a lease"),
        (("machines", "destroy", "."), 2, "not the folder of a lease"),
        (("machines", "list", "x"), 2, "list takes no x"),
    ],
)
def test_a_wrong_request_is_one_sentence_and_rents_nothing(
    cloud: Hetzner, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, said: str
) -> None:
    assert main(list(words)) == code
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 1
    assert not [one for one in cloud.requests if one.startswith("POST")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*CREATE, "--at-most", "nan"), "nan is not a valid amount in EUR, such as 0.50"),
        ((*CREATE, "--ttl", "0"), "0 is not a valid time from 5m to 30d, such as 90m or 2h"),
        (("machines",), "the following arguments are required: DO (see"),
    ],
)
def test_a_wrong_argument_is_one_sentence_that_says_what_it_takes(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_a_token_comes_from_a_file_and_no_token_is_told(
    cloud: Hetzner, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HCLOUD_TOKEN")
    assert main(["machines", "list"]) == 2
    assert "The environment has no account: set HCLOUD_TOKEN" in capsys.readouterr().err
    Path("token").write_text(f"{cloud.token}\n")
    monkeypatch.setenv("HCLOUD_TOKEN_FILE", "token")
    assert main(["machines", "list"]) == 0


def test_a_failure_is_one_sentence_with_the_command_that_destroys(
    cloud: Hetzner, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    cloud.quota = 1
    assert main([*CREATE, "--at-most", "1", "--to", "c"]) == 3
    err = capsys.readouterr().err
    assert "server limit exceeded" in err
    assert re.search(r"syncmodel machines destroy \w{10} --provider hetzner", err)
    assert cloud.left() == []
    assert not (tmp_path / "c").exists()


def test_a_sweep_destroys_what_is_over_and_names_what_has_no_time(
    cloud: Hetzner, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main([*CREATE, "--at-most", "1", "--to", "c"]) == 0
    assert main(["machines", "sweep"]) == 0
    assert "nothing is over" in capsys.readouterr().out
    for table in cloud.store.values():
        for one in table.values():
            if "labels" in one:
                one["labels"]["syncmodel-expires"] = str(int(time.time()) - 1)
    strange = {"id": 1, "name": "strange", "labels": {"syncmodel": "old"}, "fingerprint": "a"}
    cloud.store["ssh_keys"][1] = strange | {"public_key": "k", "created": "2026-01-01T00:00:00Z"}
    assert main(["machines", "sweep"]) == 0
    said = capsys.readouterr()
    assert f"destroyed {lease_in(tmp_path / 'c')}" in said.out
    assert "SSH key strange has no time" in said.err
    assert cloud.left() == ["strange"]


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_who_is_told_to_end_says_within_two_seconds_what_is_rented_and_destroys_it(
    cloud: Hetzner, tmp_path: Path, number: signal.Signals
) -> None:
    with creating(cloud) as tester:
        tester.send_signal(number)
        told = time.monotonic()
        assert tester.stderr is not None
        line = tester.stderr.readline()
        assert time.monotonic() - told < 2
        lease = lease_in(tmp_path / "c")
        assert f"Lease {lease} at hetzner is being destroyed" in line
        assert f"syncmodel machines destroy {lease} --provider hetzner" in line
        assert "syncmodel machines sweep" in line
        cloud.let_come()
        assert tester.wait(60) == 130
    assert cloud.left() == []


@pytest.mark.long
def test_what_a_killed_tester_leaves_is_swept(cloud: Hetzner, tmp_path: Path) -> None:
    with creating(cloud) as tester:
        tester.kill()
        tester.wait(60)
    cloud.let_come()
    assert len(cloud.left()) == 5
    assert main(["machines", "destroy", "c"]) == 0
    assert cloud.left() == []


def creating(cloud: Hetzner) -> subprocess.Popen[str]:
    """A tester that waits for the answer to its request for a second machine."""
    handle, seen = cloud.handle, []

    def handled(method: str, target: str, raw: bytes, headers: object) -> object:
        if method == "POST" and target == "/v1/servers":
            seen.append(target)
            if len(seen) == 2:
                cloud.trouble("POST /servers$", "late")
        return handle(method, target, raw, headers)

    cloud.handle = handled  # type: ignore[assignment]
    command = [sys.executable, "-m", "syncmodel", *CREATE, "--at-most", "1", "--to", "c"]
    tester = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    assert cloud.asked.wait(60)
    return tester


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")
@pytest.mark.skipif(len(THERE) < 3, reason="not all clients are installed")
def test_one_cluster_is_rented_at_three_providers_and_given_back_by_its_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    three = ("hetzner", "scaleway", "ovh")
    with ExitStack() as stack:
        clouds = [stack.enter_context(CLOUDS[name].cloud()) for name in three]
        for cloud in clouds:
            for key, value in cloud.environment.items():
                monkeypatch.setenv(key, value)
        assert main(["machines", "create", *three, "--at-most", "1", "--to", "c"]) == 0
        lease = lease_in(tmp_path / "c")
        names = [name for cloud in clouds for name in cloud.left() if name[-3:-1] == "-n"]
        assert names == [f"syncmodel-{lease}-n{number}" for number in (1, 2, 3)]
        config = (tmp_path / "c" / "ssh_config").read_text()
        addresses = re.findall(r"HostName (\d+)\.", config)
        assert addresses == ["192", "198", "203"]
        # One that has no room takes the others along.
        clouds[2].quota = 1
        assert main(["machines", "create", *three, "--at-most", "1", "--to", "d"]) == 3
        assert not (tmp_path / "d").exists()
        assert capsys.readouterr().err.count("is being destroyed") == 3
        assert sum(len(cloud.left()) for cloud in clouds) == 4 + 2 + 1
        assert main(["machines", "destroy", "c"]) == 0
        assert [cloud.left() for cloud in clouds] == [[], [], []]
