"""Scaleway Instances, through Scaleway's own SDK. The only file that imports `scaleway`.

Names are not unique there, and a server is told its first orders and started by further requests.
Only sizes with local storage are rented: a volume of theirs goes when its server does.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import requests
from scaleway import Client
from scaleway.instance.v1.custom_api import InstanceUtilsV1API
from scaleway.instance.v1.types import ServerAction, VolumeServerTemplate
from scaleway.marketplace.v2 import MarketplaceV2API
from scaleway_core.api import ScalewayException

from syncmodel.errors import UsageError
from syncmodel.providers.base import (
    EXPIRES,
    LEASE,
    SERVER,
    BusyError,
    FailedError,
    Mark,
    NoRoomError,
    Pending,
    Prices,
    Provider,
    ProviderError,
    Thing,
    TroubleError,
    Wanted,
    expiry,
    of_status,
)
from syncmodel.providers.reaching import address, broken, secret, silent

# Of a configuration that need not be there, for one.
silent("scaleway")

#: Every zone in which something may have been left.
ZONES = tuple(f"{city}-{number}" for city in ("fr-par", "nl-ams", "pl-waw") for number in (1, 2, 3))
VOLUME, GB = "volume", 10**9
#: What an IPv4 address costs an hour, at most; the API does not say.
ADDRESS = Decimal("0.005")
#: The API's types of errors that are to be lived with.
MEANT: Mapping[str, type[TroubleError]] = {
    "out_of_stock": NoRoomError,
    "transient_state": BusyError,
    "locked": BusyError,
    "too_many_requests": BusyError,
}


class Scaleway(Provider):
    """A project at Scaleway."""

    name = "scaleway"
    sizes = ("DEV1-S", "DEV1-M")
    places = ("fr-par-1", "fr-par-2", "nl-ams-1")
    image = "debian_bookworm"

    def __init__(self, client: Any) -> None:
        self._secret = client.secret_key or ""
        try:
            self._api: Any = InstanceUtilsV1API(client)
            self._market: Any = MarketplaceV2API(client)
        except ValueError as error:
            # What it says quotes the key.
            said = str(error).replace(self._secret, "(hidden)") if self._secret else str(error)
            raise UsageError(
                "Scaleway needs an account in the environment: correct SCW_ACCESS_KEY, "
                f"SCW_SECRET_KEY or what else it names ({said})."
            ) from None
        self._disks: dict[tuple[str, str], int] = {}

    @classmethod
    def here(cls) -> Scaleway:
        """With the keys of the environment, or of Scaleway's own configuration."""
        if profile := os.environ.get("SCW_PROFILE"):
            try:
                Client.from_config_file(profile_name=profile)
            except Exception:  # noqa: BLE001 (whatever is wrong may quote a key)
                raise UsageError(
                    f"SCW_PROFILE names {profile!r:.60}, which can't be read from Scaleway's "
                    "configuration: correct it, or leave it out."
                ) from None
        client = Client.from_config_file_and_env()
        if not client.default_project_id:
            raise UsageError("Scaleway needs a project: put its id into SCW_DEFAULT_PROJECT_ID.")
        client.api_url = address("SCW_API_URL", client.api_url).rstrip("/")
        client.secret_key = secret("SCW_SECRET_KEY", client.secret_key or "")
        # Without it only that project's things are listed.
        client.default_organization_id = None
        client.default_zone = os.environ.get("SCW_DEFAULT_ZONE", ZONES[0])
        return cls(client)

    @property
    def secrets(self) -> Sequence[str]:
        """The secret key."""
        return (self._secret,)

    def prices(self, sizes: Sequence[str], places: Sequence[str]) -> Prices:
        """Of sizes with local storage, and an IPv4 address."""
        found = {}
        for place in places:
            for size, kind in self._api.list_servers_types(
                zone=place, per_page=100
            ).servers.items():
                limits = kind.volumes_constraint
                if size in sizes and limits is not None and limits.max_size:
                    found[size, place] = Decimal(str(kind.hourly_price)) + ADDRESS
                    self._disks[size, place] = max(min(limits.max_size, 20 * GB), limits.min_size)
        return found

    def check(self, wanted: Wanted, place: str) -> None:
        """Images have labels, and are of a zone."""
        images = self._market.list_local_images(image_label=wanted.image, zone=place)
        if not images.local_images:
            raise UsageError(
                f"Scaleway has no image {wanted.image} at {place}: name another with --image."
            )

    def share(self, mark: Mark, wanted: Wanted) -> Any:
        """Nothing: the key is among the first orders."""

    def make(self, mark: Mark, wanted: Wanted, size: str, place: str, shared: Any) -> Thing:
        """A server that is stopped."""
        disk = VolumeServerTemplate(volume_type="l_ssd", size=self._disks[size, place])
        answer = self._api._create_server(
            zone=place,
            commercial_type=size,
            name=mark.named(wanted.node),
            dynamic_ip_required=True,
            image=wanted.image,
            volumes={"0": disk},
            protected=False,
            tags=tags(mark.labels),
        )
        return _thing(SERVER, answer.server, place)

    def start(self, thing: Thing, wanted: Wanted) -> Pending:
        """Give it its first orders, then power."""
        api, where = self._api, {"server_id": thing.id, "zone": thing.place}
        if api.get_server(**where).server.state == "stopped":
            orders = wanted.user_data.encode()
            api.set_server_user_data(key="cloud-init", content=orders, **where)
            api.server_action(action=ServerAction.POWERON, **where)

        def runs() -> bool:
            state = api.get_server(**where).server.state
            if state == "locked":
                raise FailedError("Scaleway has locked it")
            return bool(state == "running")

        return runs

    def things(self, lease: str | None) -> list[Thing]:
        """Servers, then volumes that lost theirs."""
        servers, volumes = [], []
        for zone in dict.fromkeys((*ZONES, *self.places)):
            servers += [_thing(SERVER, one, zone) for one in self._api.list_servers_all(zone=zone)]
            volumes += [_thing(VOLUME, one, zone) for one in self._api.list_volumes_all(zone=zone)]
        found = (one for one in servers + volumes if one.lease)
        return [one for one in found if lease is None or one.lease == lease]

    def remove(self, thing: Thing) -> Pending:
        """With its volumes; those of one that never ran stay, so they are marked before."""
        api, zone = self._api, thing.place
        if thing.kind == VOLUME:
            api.delete_volume(volume_id=thing.id, zone=zone)
            return lambda: True
        server = api.get_server(server_id=thing.id, zone=zone).server
        if server.state == "stopped":
            for volume in server.volumes.values():
                api.update_volume(volume_id=volume.id, zone=zone, tags=server.tags)
            api.delete_server(server_id=thing.id, zone=zone)
        elif server.state != "stopping":
            api.server_action(action=ServerAction.TERMINATE, server_id=thing.id, zone=zone)
        # Its end is that it is not found.
        return lambda: not api.get_server(server_id=thing.id, zone=zone)

    def meant(self, error: Exception) -> Exception:
        """By the type of the API's error, or else by the status of HTTP."""
        if isinstance(error, ScalewayException):
            try:
                body = error.response.json()
            except ValueError:
                body = {}
            kind = str(body.get("type", ""))
            status = error.response.status_code
            words = f"{body.get('message') or error.response.reason} ({kind or status})"
            if kind in {"denied_authentication", "permissions_denied"} or status == 401:
                return UsageError(f"Scaleway refuses the key: {words}. Check SCW_SECRET_KEY.")
            if kind in MEANT:
                return MEANT[kind](words)
            known = of_status(status, words)
            return known or ProviderError(f"Scaleway refused it: {words}.")
        lost = isinstance(error, requests.RequestException)
        if lost and (meant := broken(error, "SCW_API_URL")):
            return meant
        return ProviderError(f"Scaleway's client failed: {type(error).__name__}: {error}.")


def tags(labels: Mapping[str, str]) -> list[str]:
    """Labels, as Scaleway has them."""
    return [f"{key}={value}" for key, value in labels.items()]


def _thing(kind: str, found: Any, zone: str) -> Thing:
    labels = dict(one.split("=", 1) for one in found.tags or () if "=" in one)
    ips = getattr(found, "public_ips", None) or []
    return Thing(
        kind,
        found.id,
        found.name,
        labels.get(LEASE, ""),
        expiry(labels.get(EXPIRES)),
        place=zone,
        size=getattr(found, "commercial_type", ""),
        address=next((one.address for one in ips if one.family == "inet"), ""),
        private="",
    )
