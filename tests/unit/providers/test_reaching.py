"""What keeps an API from being reached: a mistake is told at once, what may heal is waited for."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from rented import MARK, QUICK, THERE, Rented, rented

from syncmodel.cli import main
from syncmodel.providers.base import ProviderError
from syncmodel.providers.renting import Patience

#: OpenStack's client warns of its own parts.
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::PendingDeprecationWarning"
)
URL = {"hetzner": "HCLOUD_ENDPOINT", "scaleway": "SCW_API_URL", "ovh": "OS_AUTH_URL"}
TOKEN = {"hetzner": "HCLOUD_TOKEN", "scaleway": "SCW_SECRET_KEY"}
WRONG = (
    "nonsense",
    "http://",
    "https:///v1",
    "htp://host",
    "http://a b",
    "http://[x",
    "http://host:99999",
    "http://host\n/v1",
)


@pytest.fixture(params=THERE)
def at(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rented]:
    with rented(request.param, monkeypatch) as made:
        yield made


def listed(at: Rented) -> int:
    """What listing what is rented there ends with."""
    return main(["machines", "list", "--provider", at.renter.provider.name])


Find = Callable[..., Any]


def strange(monkeypatch: pytest.MonkeyPatch, errno: int) -> None:
    """No host but this one is found any more."""
    find: Find = socket.getaddrinfo

    def refused(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host == "api.invalid":
            raise socket.gaierror(errno, "not found")
        return find(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", refused)


@pytest.mark.parametrize("url", WRONG)
def test_a_malformed_url_is_told_at_once_with_its_variable(
    at: Rented, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    variable = URL[at.renter.provider.name]
    monkeypatch.setenv(variable, url)
    assert listed(at) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"syncmodel machines: {variable} is not a valid URL: write it as https")


def test_a_password_in_a_malformed_url_is_not_shown(
    at: Rented, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(URL[at.renter.provider.name], "htp://me:hush@host")
    assert listed(at) == 2
    assert "hush" not in capsys.readouterr().err


@pytest.mark.parametrize("token", ["ab\nc", "ab c", "ab\N{EURO SIGN}", "ab\x01"])
def test_a_token_that_no_header_takes_is_told_at_once_and_not_shown(
    at: Rented, token: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = at.renter.provider.name
    if name not in TOKEN:  # OVH's is no token, and goes in a body
        monkeypatch.setenv("OS_PASSWORD", token)
        listed(at)
        assert "is not a valid" not in capsys.readouterr().err
        assert at.cloud.requests
        return
    monkeypatch.setenv(TOKEN[name], token)
    assert listed(at) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"syncmodel machines: {TOKEN[name]} is not a valid token: copy it again")
    assert token not in line
    assert not at.cloud.requests


def test_a_token_file_is_named_when_its_token_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("ab\nc\n")
    monkeypatch.delenv("HCLOUD_TOKEN", raising=False)
    monkeypatch.setenv("HCLOUD_TOKEN_FILE", str(file))
    assert main(["machines", "list", "--provider", "hetzner"]) == 2
    assert "HCLOUD_TOKEN_FILE is not a valid token" in capsys.readouterr().err


def test_a_host_that_nobody_knows_is_told_at_once_with_its_variable(
    at: Rented, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    variable = URL[at.renter.provider.name]
    monkeypatch.setenv(variable, "http://api.invalid/v3")
    strange(monkeypatch, socket.EAI_NONAME)
    assert listed(at) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("syncmodel machines: DNS does not know the host api.invalid: check ")
    assert variable in line


def _elsewhere(at: Rented, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """The same account, at that URL, asked quickly."""
    monkeypatch.setenv(URL[at.renter.provider.name], url)
    at.renter = type(at.renter)(
        type(at.renter.provider).here(),  # type: ignore[attr-defined]
        Patience(call_s=20, late_s=20, tries=7, polls=30, **QUICK),
        at.told.append,
    )


def test_dns_that_gives_no_answer_is_asked_again(
    at: Rented, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange(monkeypatch, socket.EAI_AGAIN)
    _elsewhere(at, monkeypatch, "http://api.invalid/v3")
    with pytest.raises(ProviderError, match="asked 7 times: DNS gives no answer"):
        at.renter.find()


def test_a_refused_connection_is_asked_again_and_one_line_says_so(
    at: Rented, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        _elsewhere(at, monkeypatch, f"http://127.0.0.1:{closed.getsockname()[1]}/v3")
        with pytest.raises(ProviderError, match="asked 7 times: connection refused"):
            at.renter.find()
    name = at.renter.provider.name
    assert at.told == [f"{name} does not answer (connection refused), asked 3 times of 7."]


def test_a_provider_that_is_busy_for_long_is_told_in_one_line(at: Rented) -> None:
    at.patient(Patience(call_s=20, late_s=20, tries=7, polls=30, **QUICK))
    at.renter.tell = at.told.append
    at.trouble("GET", "busy", 99)
    with pytest.raises(ProviderError, match="asked 7 times"):
        at.renter.find()
    (line,) = at.told
    assert line.startswith(f"{at.renter.provider.name} can't do it now (")
    assert line.endswith(", asked 3 times of 7.")


def test_a_trouble_that_passes_at_once_is_told_nobody(at: Rented) -> None:
    at.patient(Patience(call_s=20, late_s=20, tries=7, polls=30, **QUICK))
    at.renter.tell = at.told.append
    at.trouble("GET", "gateway", 2)
    at.renter.find()
    assert at.told == []


def test_a_host_that_was_known_before_is_asked_again(
    at: Rented, monkeypatch: pytest.MonkeyPatch
) -> None:
    at.create(1)
    provider = at.renter.provider
    things, asked = provider.things, list[str | None]()

    def third_time(lease: str | None) -> Any:
        asked.append(lease)
        if len(asked) <= 2:
            raise requests.ConnectionError(socket.gaierror(socket.EAI_NONAME, "not found"))
        return things(lease)

    monkeypatch.setattr(provider, "things", third_time)
    assert len(at.renter.destroy(MARK.lease)) >= 1
    assert at.cloud.left() == []


def test_a_client_logs_nothing_on_standard_error(
    at: Rented, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    # As outside of a test, where nobody set up logging.
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    assert listed(at) == 0
    assert capfd.readouterr().err == ""
    monkeypatch.setenv(URL[at.renter.provider.name], "http://api.invalid/v3")
    strange(monkeypatch, socket.EAI_NONAME)
    assert listed(at) == 2
    assert len(capfd.readouterr().err.splitlines()) == 1


@pytest.mark.skipif("scaleway" not in THERE, reason="its client is not installed")
def test_a_profile_that_is_asked_for_and_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with rented("scaleway", monkeypatch) as at:
        monkeypatch.setenv("SCW_PROFILE", "mine")
        assert listed(at) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "SCW_PROFILE names 'mine', which can't be read from Scaleway's configuration" in line
