"""Hetzner Cloud, through its own client. The only file that imports `hcloud`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import requests
from hcloud import APIException, Client
from hcloud.firewalls import FirewallRule
from hcloud.images import Image
from hcloud.locations import Location
from hcloud.networks import NetworkSubnet
from hcloud.server_types import ServerType

from syncmodel.corpus import budgets
from syncmodel.errors import UsageError
from syncmodel.providers.base import (
    EXPIRES,
    LEASE,
    SERVER,
    BusyError,
    FailedError,
    GoneError,
    LostError,
    Mark,
    NoRoomError,
    Pending,
    Prices,
    Provider,
    ProviderError,
    TakenError,
    Thing,
    Wanted,
    expiry,
    of_status,
)
from syncmodel.providers.reaching import address, broken, secret

ENDPOINT = "https://api.hetzner.cloud/v1"
#: Codes of https://docs.hetzner.cloud/reference/cloud#errors, by what they mean for us.
MEANT = {
    BusyError: ("rate_limit_exceeded", "conflict", "locked", "unavailable", "maintenance"),
    NoRoomError: ("resource_unavailable", "placement_error"),
    TakenError: ("uniqueness_error",),
    GoneError: ("not_found",),
    LostError: ("server_error", "service_error", "bad_gateway", "timeout", "unknown_error"),
}
#: The private network of a lease, and the zone that all of `places` are in.
RANGE, ZONE = "10.88.0.0/24", "eu-central"
ANYWHERE = ["0.0.0.0/0", "::/0"]


class Hetzner(Provider):
    """A project of Hetzner Cloud."""

    name = "hetzner"
    sizes = ("cx23", "cx22", "cpx12", "cpx11")
    places = ("fsn1", "nbg1", "hel1")
    image = "debian-12"

    def __init__(self, token: str, endpoint: str = ENDPOINT) -> None:
        self._token = token
        self._client = Client(token=token, api_endpoint=endpoint, timeout=30)
        # Asking again is for `renting`, which has a bound and looks before it does.
        inner: Any = getattr(self._client, "_client", self._client)
        inner._retry_max_retries = 0
        self._begun: dict[str, list[Any]] = {}

    @classmethod
    def here(cls) -> Hetzner:
        """With the token of the environment. Raises `UsageError`."""
        token, named = os.environ.get("HCLOUD_TOKEN", ""), os.environ.get("HCLOUD_TOKEN_FILE", "")
        source = "HCLOUD_TOKEN"
        if not token and named:
            source = "HCLOUD_TOKEN_FILE"
            try:
                token = budgets.content(budgets.at_home(Path(named))).decode("ascii")
            except (UsageError, UnicodeDecodeError) as error:
                raise UsageError(
                    f"HCLOUD_TOKEN_FILE names {named}, which can't be read."
                ) from error
        if not token.strip():
            raise UsageError(
                "Hetzner needs a token: put it into HCLOUD_TOKEN, or name its file in "
                "HCLOUD_TOKEN_FILE."
            )
        endpoint = address("HCLOUD_ENDPOINT", os.environ.get("HCLOUD_ENDPOINT", ENDPOINT))
        return cls(secret(source, token.strip()), endpoint)

    @property
    def secrets(self) -> Sequence[str]:
        """The token."""
        return (self._token,)

    def prices(self, sizes: Sequence[str], places: Sequence[str]) -> Prices:
        """Of server types with an IPv4 address, taxes included."""
        found = self._client.request("GET", "/pricing")["pricing"]
        if found["currency"] != "EUR":
            raise ProviderError(f"Hetzner's prices are in {found['currency']}, and not in EUR.")
        address = {
            price["location"]: Decimal(price["price_hourly"]["gross"])
            for kind in found.get("primary_ips", ())
            if kind["type"] == "ipv4"
            for price in kind["prices"]
        }
        return {
            (kind.name, price["location"]): Decimal(price["price_hourly"]["gross"])
            + address.get(price["location"], Decimal(0))
            for kind in self._client.server_types.get_all()
            if kind.name is not None and kind.name in sizes
            for price in kind.prices or ()
            if price["location"] in places
        }

    def check(self, wanted: Wanted, place: str) -> None:
        """Images are the same everywhere."""
        if not self._client.images.get_all(name=wanted.image):
            raise UsageError(f"Hetzner has no image {wanted.image}: name another with --image.")

    def share(self, mark: Mark, wanted: Wanted) -> Any:
        """The key, a firewall that lets SSH in, and a private network."""
        client, name, labels = self._client, mark.named("all"), mark.labels
        key = client.ssh_keys.get_by_name(name) or client.ssh_keys.create(
            name, wanted.key, labels=labels
        )
        rules = [
            FirewallRule("in", "tcp", ANYWHERE, port="22"),
            FirewallRule("in", "icmp", ANYWHERE),
        ]
        # Annotated as a text there, and documented as what it is.
        marked: Any = labels
        firewall = (
            client.firewalls.get_by_name(name)
            or client.firewalls.create(name, rules=rules, labels=marked).firewall
        )
        subnet = NetworkSubnet(ip_range=RANGE, type="cloud", network_zone=ZONE)
        network = client.networks.get_by_name(name) or client.networks.create(
            name, RANGE, subnets=[subnet], labels=labels
        )
        return key, firewall, network

    def make(self, mark: Mark, wanted: Wanted, size: str, place: str, shared: Any) -> Thing:
        """A server that starts by itself."""
        key, firewall, network = shared
        answer = self._client.servers.create(
            name=mark.named(wanted.node),
            server_type=ServerType(name=size),
            image=Image(name=wanted.image),
            ssh_keys=[key],
            firewalls=[firewall],
            networks=[network],
            user_data=wanted.user_data,
            labels=mark.labels,
            location=Location(name=place),
        )
        thing = _server(answer.server)
        self._begun[thing.id] = [answer.action, *answer.next_actions]
        return thing

    def start(self, thing: Thing, wanted: Wanted) -> Pending:
        """Every action that creating it has begun; or, if that answer was lost, that it runs."""
        if thing.id in self._begun:
            return self._finished(self._begun[thing.id])
        servers = self._client.servers

        def runs() -> bool:
            now = servers.get_by_id(int(thing.id))
            return now.status == "running" and not now.locked

        return runs

    def things(self, lease: str | None) -> list[Thing]:
        """Servers, then what they need."""
        client, selector = self._client, LEASE if lease is None else f"{LEASE}={lease}"
        found = [_server(one) for one in client.servers.get_all(label_selector=selector)]
        for kind, asked in (
            ("firewall", client.firewalls.get_all),
            ("network", client.networks.get_all),
            ("SSH key", client.ssh_keys.get_all),
        ):
            found += [_thing(kind, one) for one in asked(label_selector=selector)]
        return found

    def remove(self, thing: Thing) -> Pending:
        """Servers take an action; the rest is gone at once."""
        client, number = self._client, int(thing.id)
        if thing.kind == SERVER:
            action = client.servers.delete(client.servers.get_by_id(number))
            return self._finished([action])
        others: dict[str, Callable[[Any], Any]] = {
            "firewall": client.firewalls.delete,
            "network": client.networks.delete,
            "SSH key": client.ssh_keys.delete,
        }
        others[thing.kind](_Numbered(number))
        return lambda: True

    def meant(self, error: Exception) -> Exception:
        """By the code of the API, or else by the status of HTTP."""
        if isinstance(error, APIException):
            words = f"{error.message} ({error.code})"
            if error.code in ("unauthorized", "forbidden", "token_readonly", 401, 403):
                return UsageError(
                    f"Hetzner refuses the token: {words}. It has to be one that reads and writes."
                )
            for kind, codes in MEANT.items():
                if error.code in codes:
                    return kind(words)
            known = of_status(error.code, words) if isinstance(error.code, int) else None
            return known or ProviderError(f"Hetzner refused it: {words}.")
        lost = isinstance(error, requests.RequestException)
        if lost and (meant := broken(error, "HCLOUD_ENDPOINT")):
            return meant
        return ProviderError(f"Hetzner's client failed: {type(error).__name__}: {error}.")

    def _finished(self, actions: list[Any]) -> Pending:
        """All of these actions have ended well."""
        left = list(actions)

        def done() -> bool:
            while left:
                action = self._client.actions.get_by_id(left[0].id)
                if action.status == "error":
                    said: Any = action.error or {}
                    raise FailedError(f"{action.command}: {said.get('message', 'no reason given')}")
                if action.status == "running":
                    return False
                left.pop(0)
            return True

        return done


class _Numbered:
    """What the client needs of something to delete it."""

    def __init__(self, number: int) -> None:
        self.id = number


def _thing(kind: str, found: Any) -> Thing:
    labels = found.labels or {}
    lease, expires = labels.get(LEASE, ""), expiry(labels.get(EXPIRES))
    return Thing(kind, str(found.id), found.name, lease, expires)


def _server(found: Any) -> Thing:
    labels = found.labels or {}
    public, inside = found.public_net, found.private_net or []
    place = getattr(found, "location", None) or getattr(found, "datacenter", None)
    return Thing(
        SERVER,
        str(found.id),
        found.name,
        labels.get(LEASE, ""),
        expiry(labels.get(EXPIRES)),
        place=place.name if place is not None else "",
        size=found.server_type.name if found.server_type is not None else "",
        address=public.ipv4.ip if public is not None and public.ipv4 is not None else "",
        private=inside[0].ip if inside else "",
    )
