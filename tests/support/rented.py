"""Each provider's real client with the emulator that it talks to, and the same words for both."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import attrs
import pytest
from emulated_cloud import Cloud
from emulated_hetzner import Hetzner
from emulated_ovh import Ovh
from emulated_scaleway import Scaleway

from syncmodel.providers.base import Mark, Provider, Thing, Wanted
from syncmodel.providers.quotes import Quote
from syncmodel.providers.renting import Patience, Renter, rent

MARK = Mark("leaseleasel", 2_000_000_000)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBUfNgcQ64tL7hTRwDF9b1bDfXoGgqwGCUn0bp/0XCFG x"
QUICK: dict[str, Any] = {"pace": lambda _: 0.001, "poll": lambda _: 0.001}


@attrs.frozen
class Kind:
    """A provider: its module, its emulator, and how its requests look."""

    module: str
    cloud: type[Cloud]
    rent: str
    delete: str
    client: str


CLOUDS = {
    "hetzner": Kind("hetzner", Hetzner, "POST /servers$", "DELETE /servers/", "hcloud"),
    "ovh": Kind("ovh", Ovh, "POST .*/servers$", "DELETE .*/servers/", "openstack"),
    "scaleway": Kind(
        "scaleway",
        Scaleway,
        "POST .*/servers$",
        "(DELETE .*/(servers|volumes)|POST .*/action$)",
        "scaleway",
    ),
}


#: Those whose client is installed.
THERE = [name for name, kind in CLOUDS.items() if find_spec(kind.client) is not None]


def wanted(provider: Provider, count: int, **others: Any) -> Sequence[Wanted]:
    usual: dict[str, Any] = {
        "sizes": provider.sizes,
        "places": provider.places,
        "image": provider.image,
    }
    more = usual | others
    return [
        Wanted(f"n{number}", key=KEY, user_data="#cloud-config\n", **more)
        for number in range(1, count + 1)
    ]


class Rented:
    """What a test has in hand."""

    def __init__(self, kind: Kind, cloud: Cloud, provider: Provider) -> None:
        self.kind, self.cloud = kind, cloud
        self.told: list[str] = []
        self.fixed: Callable[[], object] = lambda: None
        self.renter = Renter(provider, Patience())
        self.patient(Patience(call_s=20, late_s=20, tries=3, polls=30, **QUICK))

    def patient(self, patience: Patience) -> None:
        self.renter = Renter(self.renter.provider, patience)

    def quote(self, count: int) -> Quote:
        return self.renter.quote(wanted(self.renter.provider, count), 3600)

    def create(self, count: int) -> list[Thing]:
        return rent(MARK, [(self.renter, self.quote(count))], self._tell, lambda made: made)

    def trouble(self, request: str, what: str, times: int) -> None:
        """At requests of this kind, or of this pattern."""
        kinds = {"RENT": self.kind.rent, "DELETE": self.kind.delete}
        self.cloud.trouble(kinds.get(request, request), what, times)

    def calm(self) -> None:
        self.cloud.troubles.clear()

    def when_asked(self, which: int, then: Callable[[], object]) -> None:
        """Do this when a machine is asked for so many times."""
        handle, seen = self.cloud.handle, []

        def handled(method: str, target: str, raw: bytes, headers: Any) -> Any:
            path = target.partition("?")[0].removeprefix(self.cloud.prefix)
            if re.search(self.kind.rent, f"{method} {path}"):
                seen.append(path)
                if len(seen) == which:
                    then()
            return handle(method, target, raw, headers)

        self.cloud.handle = handled  # type: ignore[method-assign]

    def servers(self) -> int:
        return sum(bool(re.search(r"-n\d+$", name)) for name in self.cloud.left())

    def small_pages(self) -> None:
        self.cloud.page = 2

    def forget_token(self) -> None:
        self.cloud.token = "another"

    def _tell(self, text: str) -> None:
        self.told.append(text)
        self.fixed()


@contextmanager
def rented(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rented]:
    kind = CLOUDS[name]
    with kind.cloud() as cloud:
        for key, value in cloud.environment.items():
            monkeypatch.setenv(key, value)
        module = importlib.import_module(f"syncmodel.providers.{kind.module}")
        provider = getattr(module, name.capitalize() if name != "ovh" else "Ovh").here()
        yield Rented(kind, cloud, provider)
