"""OVH Public Cloud, through openstacksdk. The only file that imports `openstack`.

Places are regions. Names are not unique there, and whether there is room shows when a server is
built. Prices are in OVH's public catalogue, which asks for no account.
"""

from __future__ import annotations

import base64
import os
import warnings
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import openstack
import requests
from keystoneauth1 import exceptions as identity
from openstack import exceptions as cloud

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
    Wanted,
    expiry,
    of_status,
)
from syncmodel.providers.reaching import address, broken, silent

# Of versions that they look for, for one.
silent("keystoneauth", "openstack")

CATALOGUE = "https://eu.api.ovh.com/v1/order/catalog/public/cloud?ovhSubsidiary=FR"
#: Prices there are in hundred-millionths of a EUR.
UNIT = Decimal(10) ** -8
SIZE, NETWORK = "syncmodel-size", "Ext-Net"


class Ovh(Provider):
    """A project of OVH Public Cloud."""

    name = "ovh"
    sizes = ("d2-2", "d2-4", "b3-8")
    places = ("GRA11", "SBG7", "DE1")
    image = "Debian 12"

    def __init__(self, catalogue: str = CATALOGUE) -> None:
        self._catalogue = catalogue
        self._at: dict[str, Any] = {}

    @classmethod
    def here(cls) -> Ovh:
        """With the account of the environment: OS_AUTH_URL and so on, or OS_CLOUD."""
        catalogue = os.environ.get("SYNCMODEL_OVH_CATALOGUE", CATALOGUE)
        found = cls(address("SYNCMODEL_OVH_CATALOGUE", catalogue))
        try:
            account = found._connection("").config.config["auth"]
        except (cloud.SDKException, identity.ClientException) as error:
            raise UsageError(
                f"OVH needs an account: set OS_AUTH_URL and so on, or OS_CLOUD ({error})."
            ) from None
        if "auth_url" in account:
            address(_auth_url(), account["auth_url"])
        return found

    @property
    def secrets(self) -> Sequence[str]:
        """Whatever the environment has for logging in."""
        return [
            os.environ[name]
            for name in ("OS_PASSWORD", "OS_APPLICATION_CREDENTIAL_SECRET", "OS_TOKEN")
            if os.environ.get(name)
        ]

    def prices(self, sizes: Sequence[str], places: Sequence[str]) -> Prices:
        """Of flavours that a region has and the catalogue knows."""
        answer = requests.get(self._catalogue, timeout=30)
        answer.raise_for_status()
        hourly = {
            addon["planCode"].removesuffix(".consumption"): UNIT * max(one["price"] for one in some)
            for addon in answer.json()["addons"]
            if addon["planCode"].endswith(".consumption") and (some := addon["pricings"])
        }
        known = self._regions()
        return {
            (flavour.name, place): hourly[flavour.name]
            for place in places
            if place in known
            for flavour in self._connection(place).compute.flavors()
            if flavour.name in sizes and flavour.name in hourly
        }

    def check(self, wanted: Wanted, place: str) -> None:
        """Images have names, and are of a region."""
        if not list(self._connection(place).image.images(name=wanted.image)):
            raise UsageError(
                f"OVH has no image {wanted.image} at {place}: name another with --image."
            )

    def share(self, mark: Mark, wanted: Wanted) -> Any:
        """Nothing: the key is among the first orders."""

    def make(self, mark: Mark, wanted: Wanted, size: str, place: str, shared: Any) -> Thing:
        """A server with a public address."""
        at = self._connection(place)
        (image, *_) = at.image.images(name=wanted.image)
        (flavour,) = (one for one in at.compute.flavors() if one.name == size)
        networks = [{"uuid": one.id} for one in at.network.networks(name=NETWORK)]
        made = at.compute.create_server(
            name=mark.named(wanted.node),
            flavor_id=flavour.id,
            image_id=image.id,
            networks=networks or "auto",
            metadata=mark.labels | {SIZE: size},
            user_data=base64.b64encode(wanted.user_data.encode()).decode(),
        )
        # The answer to this request has little more than an id.
        labels = mark.labels
        expires = expiry(labels[EXPIRES])
        return Thing(SERVER, made.id, mark.named(wanted.node), mark.lease, expires, place, size)

    def start(self, thing: Thing, wanted: Wanted) -> Pending:
        """It starts by itself."""

        def runs() -> bool:
            now = self._connection(thing.place).compute.get_server(thing.id)
            if now.status == "ERROR":
                said = str((now.fault or {}).get("message", "no reason given"))
                raise NoRoomError(said) if "No valid host" in said else FailedError(said)
            return bool(now.status == "ACTIVE")

        return runs

    def things(self, lease: str | None) -> list[Thing]:
        """Servers of every region; nothing else is made."""
        return [
            _server(one, region)
            for region in sorted(self._regions())
            for one in self._connection(region).compute.servers()
            if LEASE in one.metadata and lease in {None, one.metadata[LEASE]}
        ]

    def remove(self, thing: Thing) -> Pending:
        """Its end is that it is not found."""
        compute = self._connection(thing.place).compute
        compute.delete_server(thing.id, ignore_missing=False)
        return lambda: not compute.get_server(thing.id)

    def meant(self, error: Exception) -> Exception:
        """By the status of HTTP."""
        status = getattr(error, "status_code", None) or getattr(error, "http_status", None)
        words = f"{getattr(error, 'details', None) or error}"
        if isinstance(error, identity.Unauthorized) or status == 401:
            return UsageError(f"OVH refuses the login: {words}. Check OS_USERNAME and OS_PASSWORD.")
        if isinstance(status, int):
            if status == 409:
                return BusyError(words)
            known = of_status(status, f"{words} ({status})")
            return known or ProviderError(f"OVH refused it: {words} ({status}).")
        lost = (requests.RequestException, identity.ConnectionError, identity.DiscoveryFailure)
        kinds = (*lost, cloud.InvalidResponse, ConnectionError, ValueError)
        if isinstance(error, kinds) and (
            meant := broken(error, f"{_auth_url()} and SYNCMODEL_OVH_CATALOGUE")
        ):
            return meant
        return ProviderError(f"OVH's client failed: {type(error).__name__}: {error}.")

    def _connection(self, region: str) -> Any:
        if region not in self._at:
            with warnings.catch_warnings():
                # About parts of the SDK that nobody here uses.
                warnings.simplefilter("ignore")
                self._at[region] = (
                    openstack.connection.Connection(
                        session=self._connection("").session, region_name=region
                    )
                    if region
                    else openstack.connect(app_name="syncmodel", api_timeout=30)
                )
        return self._at[region]

    def _regions(self) -> set[str]:
        session = self._connection("").session
        access = session.auth.get_access(session)
        found = access.service_catalog.get_endpoints(service_type="compute")
        return {one["region"] for some in found.values() for one in some}


def _auth_url() -> str:
    """What says where to log in."""
    return "OS_AUTH_URL" if os.environ.get("OS_AUTH_URL") else "auth_url of OS_CLOUD"


def _server(found: Any, region: str) -> Thing:
    labels = found.metadata
    addresses = [one for some in (found.addresses or {}).values() for one in some]
    return Thing(
        SERVER,
        found.id,
        found.name,
        labels[LEASE],
        expiry(labels.get(EXPIRES)),
        place=region,
        size=labels.get(SIZE, ""),
        address=next((one["addr"] for one in addresses if one["version"] == 4), ""),
    )
