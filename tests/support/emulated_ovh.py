"""The parts of OpenStack's Keystone, Nova, Glance and Neutron, and of OVH's catalogue, that renting
uses (https://docs.openstack.org/api-ref)."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from emulated_cloud import Cloud, Query, RefusedError, Said

REGIONS = ("GRA11", "SBG7")
FLAVOURS = {"d2-2": str(UUID(int=2)), "d2-4": str(UUID(int=4))}
IMAGE = {"id": str(UUID(int=12)), "name": "Debian 12", "status": "active"}
NETWORK = {"id": str(UUID(int=13)), "name": "Ext-Net", "status": "ACTIVE"}
PRICES = {"d2-2": 990_000, "d2-4": 1_890_000}
NO_ROOM = "No valid host was found. There are not enough hosts available."


def refusal(status: int, message: str = "on order") -> Said:
    return status, {"error": {"message": message, "code": status}}


class Ovh(Cloud):
    """One project, in all regions."""

    net = "203.0.113"

    refusals: Mapping[str, Said] = {
        "busy": refusal(429),
        "error": refusal(500),
        "gateway": (502, b"<html>bad gateway</html>"),
        "locked": refusal(409),
    }

    def __init__(self, *, polls: int = 2, quota: int = 10) -> None:
        super().__init__(polls=polls, quota=quota)
        self.servers: dict[str, dict[str, Any]] = {}
        self._no_room = False

    @property
    def environment(self) -> dict[str, str]:
        return {
            "OS_AUTH_URL": f"{self.base}/v3",
            "OS_USERNAME": "somebody",
            "OS_PASSWORD": self.token,
            "OS_PROJECT_NAME": "project",
            "OS_USER_DOMAIN_NAME": "Default",
            "OS_PROJECT_DOMAIN_NAME": "Default",
            "OS_REGION_NAME": REGIONS[0],
            "OS_CLIENT_CONFIG_FILE": "/nowhere/clouds.yaml",
            "SYNCMODEL_OVH_CATALOGUE": f"{self.base}/catalogue",
        }

    def left(self) -> list[str]:
        return [one["name"] for one in self.servers.values()]

    def headers(self) -> Mapping[str, str]:
        return {"X-Subject-Token": "the-token", "OpenStack-API-Version": "compute 2.1"}

    def admitted(self, headers: Mapping[str, str]) -> None:
        self._token = headers.get("x-auth-token", "")

    def handle(self, method: str, target: str, raw: bytes, headers: Any) -> Said | None:
        # There is no such answer: it shows when the server is built.
        for one in self.troubles:
            one[1] = "builds elsewhere" if one[1] == "no room" else one[1]
        return super().handle(method, target, raw, headers)

    def _trouble(self, request: str) -> str:
        what = super()._trouble(request)
        self._no_room = what == "builds elsewhere"
        return what

    def route(self, method: str, path: str, query: Query, body: Any, failing: bool) -> Said:
        service, *parts = path.strip("/").split("/")
        if service == "catalogue":
            addons = [
                {"planCode": f"{name}.consumption", "pricings": [{"price": price}]}
                for name, price in PRICES.items()
            ]
            return 200, {"addons": addons}
        if service == "v3":
            return self._identity(method, parts, body)
        if self._token != "the-token":
            raise RefusedError(*refusal(401, "The request you have made requires authentication."))
        region, version, *more = parts
        if not more:
            return 200, self._version(service, region, version)
        if service == "image":
            return 200, {"images": [IMAGE] if query.get("name") == [IMAGE["name"]] else []}
        if service == "network":
            return 200, {"networks": [NETWORK]}
        return self._compute(method, region, more, query, body, failing)

    def _identity(self, method: str, parts: list[str], body: Any) -> Said:
        if parts[:1] != ["auth"]:
            link = [{"rel": "self", "href": f"{self.base}/v3"}]
            return 200, {"version": {"id": "v3.14", "status": "stable", "links": link}}
        password = body["auth"]["identity"]["password"]["user"]["password"]
        if password != self.token:
            raise RefusedError(*refusal(401, "The request you have made requires authentication."))
        catalogue = [
            {
                "type": service,
                "name": service,
                "id": service,
                "endpoints": [
                    {"region": region, "region_id": region, "interface": "public", "id": region}
                    | {"url": f"{self.base}/{service}/{region}/{version}"}
                    for region in REGIONS
                ],
            }
            for service, version in (("compute", "v2.1"), ("image", "v2"), ("network", "v2.0"))
        ]
        token: dict[str, Any] = {"catalog": catalogue, "expires_at": "2099-01-01T00:00:00.000000Z"}
        token |= {"project": {"id": "p", "name": "project", "domain": {"id": "d", "name": "D"}}}
        token |= {"user": {"id": "u", "name": "somebody", "domain": {"id": "d", "name": "D"}}}
        token |= {"issued_at": "2026-01-01T00:00:00.000000Z", "methods": ["password"], "roles": []}
        return 201, {"token": token}

    def _version(self, service: str, region: str, version: str) -> Any:
        link = [{"rel": "self", "href": f"{self.base}/{service}/{region}/{version}/"}]
        found = {"id": version, "status": "CURRENT", "links": link}
        if service == "compute":
            found |= {"version": "2.1", "min_version": "2.1"}
        return {"version": found}

    def _compute(  # noqa: PLR0917 (a request, and where)
        self, method: str, region: str, more: list[str], query: Query, body: Any, failing: bool
    ) -> Said:
        if more[0] == "flavors":
            some = FLAVOURS if region == REGIONS[0] else {"d2-2": FLAVOURS["d2-2"]}
            return 200, {"flavors": [{"id": id_, "name": name} for name, id_ in some.items()]}
        if method == "POST":
            return self._create(region, body["server"], failing)
        if more == ["servers", "detail"]:
            return self._page(region, query)
        server = self.servers.get(more[1])
        if server is None or server["_region"] != region:
            raise RefusedError(*refusal(404, f"Instance {more[1]} could not be found."))
        if method == "DELETE":
            server |= {"_to": "ACTIVE" if failing else "gone", "_left": self.polls}
            return 204, None
        self._progress(server)
        if server["id"] not in self.servers:
            raise RefusedError(*refusal(404, f"Instance {more[1]} could not be found."))
        return 200, {"server": shown(server)}

    def _create(self, region: str, body: dict[str, Any], failing: bool) -> Said:
        if len(self.servers) >= self.quota:
            raise RefusedError(403, {"forbidden": {"message": "Quota exceeded for instances"}})
        assert body["networks"] == [{"uuid": NETWORK["id"]}], body
        number = next(self.ids)
        server = {"id": str(UUID(int=number)), "name": body["name"], "status": "BUILD"}
        server |= {"metadata": body["metadata"], "addresses": {}, "user_data": body["user_data"]}
        fault = NO_ROOM if self._no_room else "failed on order"
        bad = failing or self._no_room
        server |= {"_region": region, "_to": "ERROR" if bad else "ACTIVE", "_left": self.polls}
        server |= {"_number": number, "_fault": fault}
        self.servers[server["id"]] = server
        return 202, {"server": {"id": server["id"], "links": []}}

    def _progress(self, server: dict[str, Any]) -> None:
        server["_left"] -= 1
        if server["_left"] > 0 or not server["_to"]:
            return
        to, server["_to"] = server["_to"], ""
        if to == "gone":
            del self.servers[server["id"]]
            self.on_gone(server["name"])
            return
        server["status"] = to
        if to == "ERROR":
            server["fault"] = {"code": 500, "message": server["_fault"]}
            return
        address = self.address(server["_number"])
        self.on_made(server["name"], b64decode(server["user_data"]).decode(), address)
        server["addresses"] = {"Ext-Net": [{"addr": address, "version": 4}]}

    def _page(self, region: str, query: Query) -> Said:
        items = [shown(one) for one in self.servers.values() if one["_region"] == region]
        after = query.get("marker", [""])[0]
        ids = [one["id"] for one in items]
        first = ids.index(after) + 1 if after in ids else 0
        found: dict[str, Any] = {"servers": items[first : first + self.page]}
        if first + self.page < len(items):
            last = found["servers"][-1]["id"]
            url = f"{self.base}/compute/{region}/v2.1/servers/detail?marker={last}"
            found["servers_links"] = [{"rel": "next", "href": url}]
        return 200, found


def shown(item: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if not key.startswith("_")}
