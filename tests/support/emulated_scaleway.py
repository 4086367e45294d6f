"""The part of Scaleway's Instance API that renting uses (https://www.scaleway.com/en/developers)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from emulated_cloud import Cloud, Query, RefusedError, Said

GB = 10**9
PROJECT = str(UUID(int=7))


def refusal(status: int, kind: str, message: str = "on order") -> Said:
    return status, {"type": kind, "message": message}


def missing(what: str) -> RefusedError:
    return RefusedError(*refusal(404, "unknown_resource", f'"{what}" not found'))


def kind_of_server(price: float, largest: int) -> dict[str, Any]:
    return {"hourly_price": price, "monthly_price": price * 700, "ncpus": 2, "ram": 2 * GB} | {
        "volumes_constraint": {"min_size": 0, "max_size": largest},
        "alt_names": [],
        "arch": "x86_64",
        "baremetal": False,
    }


TYPES = {"DEV1-S": kind_of_server(0.00898, 20 * GB), "PRO2-S": kind_of_server(0.1, 0)}


class Scaleway(Cloud):
    """One project, in all zones."""

    net = "198.51.100"

    refusals: Mapping[str, Said] = {
        "busy": refusal(429, "too_many_requests"),
        "no room": refusal(409, "out_of_stock"),
        "error": refusal(500, "internal_error"),
        "gateway": (502, b"<html>bad gateway</html>"),
        "locked": refusal(409, "transient_state"),
    }

    def __init__(self, *, polls: int = 2, quota: int = 10) -> None:
        super().__init__(polls=polls, quota=quota)
        self.token = str(UUID(int=5))
        self.store: dict[str, dict[str, dict[str, Any]]] = {"servers": {}, "volumes": {}}
        self.orders: dict[str, bytes] = {}
        self._total = 0

    @property
    def environment(self) -> dict[str, str]:
        return {
            "SCW_ACCESS_KEY": "SCWXXXXXXXXXXXXXXXXX",
            "SCW_SECRET_KEY": self.token,
            "SCW_DEFAULT_PROJECT_ID": PROJECT,
            "SCW_API_URL": self.base,
            "SCW_CONFIG_PATH": "/nowhere/config.yaml",
        }

    def left(self) -> list[str]:
        return [one["name"] for table in self.store.values() for one in table.values()]

    def admitted(self, headers: Mapping[str, str]) -> None:
        if headers.get("x-auth-token") != self.token:
            raise RefusedError(*refusal(401, "denied_authentication", "invalid token"))

    def route(self, method: str, path: str, query: Query, body: Any, failing: bool) -> Said:
        parts = path.strip("/").split("/")
        if parts[0] == "marketplace":
            return images(query)
        assert parts[:3] == ["instance", "v1", "zones"], path
        zone, kind, more = parts[3], parts[4], parts[5:]
        if kind == "products":
            return 200, {"servers": TYPES, "total_count": len(TYPES)}
        if not more:
            if method == "GET":
                return self._page(kind, zone, query)
            return self._create(zone, body, failing)
        item = self.store[kind].get(more[0])
        if item is None or item["zone"] != zone:
            raise missing(more[0])
        return self._more(method, kind, item, more, body, failing)

    def _more(  # noqa: PLR0917 (a request and what it is about)
        self,
        method: str,
        kind: str,
        item: dict[str, Any],
        more: list[str],
        body: Any,
        failing: bool,
    ) -> Said:
        if more[1:2] == ["user_data"]:
            self.orders[item["id"]] = body
            return 204, None
        if more[1:] == ["action"]:
            return self._act(item, body["action"], failing)
        return self._one(method, kind, item, body)

    def _one(self, method: str, kind: str, item: dict[str, Any], body: Any) -> Said:
        if method == "PATCH":
            item |= {key: body[key] for key in ("name", "tags") if key in body}
        elif method == "DELETE":
            attached = kind == "volumes" and item["server"] is not None
            if attached or (kind == "servers" and item["state"] != "stopped"):
                raise RefusedError(*refusal(400, "invalid_request_error", "it is in use"))
            for volume in self.store["volumes"].values():
                if kind == "servers" and owner(volume) == item["id"]:
                    volume["server"] = None
            del self.store[kind][item["id"]]
            return 204, None
        else:
            self._progress(item)
        if item["id"] not in self.store[kind]:
            raise missing(item["id"])
        return 200, {kind[:-1]: shown(item)}

    def _create(self, zone: str, body: dict[str, Any], failing: bool) -> Said:
        if len(self.store["servers"]) >= self.quota:
            raise RefusedError(*refusal(403, "quotas_exceeded", "Quota exceeded for servers."))
        if body["commercial_type"] not in TYPES or body["project"] != PROJECT:
            raise RefusedError(*refusal(400, "invalid_arguments", "no such type or project"))
        number = next(self.ids)
        name, uuid = body["name"], str(UUID(int=number))
        volume: dict[str, Any] = {
            "id": str(UUID(int=number + 10**6)),
            "name": f"{name}-disk",
            "zone": zone,
        }
        volume |= {
            "volume_type": body["volumes"]["0"]["volume_type"],
            "server": {"id": uuid, "name": name},
            "tags": [],
        }
        volume |= {"size": body["volumes"]["0"]["size"], "state": "available"}
        server: dict[str, Any] = {
            "id": uuid,
            "name": name,
            "zone": zone,
            "tags": body["tags"],
            "state": "stopped",
        }
        server |= {"commercial_type": body["commercial_type"], "public_ips": []}
        server |= {"volumes": {"0": {"id": volume["id"]} | volume}, "project": PROJECT}
        server |= {"_failing": failing, "_left": 0, "_to": "", "_number": number}
        self.store["servers"][uuid] = server
        self.store["volumes"][str(volume["id"])] = volume
        return 201, {"server": shown(server)}

    def _act(self, server: dict[str, Any], action: str, failing: bool) -> Said:
        state = {"poweron": "stopped", "terminate": "running"}[action]
        if action == "poweron" and server["id"] not in self.orders:
            raise RefusedError(*refusal(400, "invalid_arguments", "no orders: a test's own rule"))
        if server["state"] != state and action == "poweron":
            raise RefusedError(*refusal(400, "invalid_request_error", f"not {state}"))
        to = {"poweron": "locked" if server["_failing"] else "running", "terminate": "gone"}[action]
        server["state"] = {"poweron": "starting", "terminate": "stopping"}[action]
        server |= {"_left": self.polls, "_to": "running" if failing and to == "gone" else to}
        return 202, {"task": {"id": "t", "description": action, "status": "pending", "progress": 0}}

    def _progress(self, server: dict[str, Any]) -> None:
        if not server.get("_to"):
            return
        server["_left"] -= 1
        if server["_left"] > 0:
            return
        to, server["_to"] = server["_to"], ""
        if to == "gone":
            del self.store["servers"][server["id"]]
            self.on_gone(server["name"])
            volumes = self.store["volumes"]
            for uuid in [one for one in volumes if owner(volumes[one]) == server["id"]]:
                del volumes[uuid]
            return
        server["state"] = to
        address = self.address(server["_number"])
        self.on_made(server["name"], self.orders[server["id"]].decode(), address)
        ip = {"id": "i", "address": address, "family": "inet", "dynamic": True, "tags": []}
        server["public_ips"] = [ip]

    def _page(self, kind: str, zone: str, query: Query) -> Said:
        items = [shown(one) for one in self.store[kind].values() if one["zone"] == zone]
        page = int(query.get("page", ["1"])[0])
        size = min(int(query.get("per_page", ["50"])[0]), self.page)
        found = items[(page - 1) * size : page * size]
        return 200, {kind: found, "total_count": len(items)}


def images(query: Query) -> Said:
    there = query.get("image_label") == ["debian_bookworm"]
    image = {"id": str(UUID(int=9)), "label": "debian_bookworm", "arch": "x86_64"}
    image |= {"zone": query["zone"][0], "type": "unknown_type"}
    return 200, {"local_images": [image] if there else [], "total_count": int(there)}


def owner(volume: dict[str, Any]) -> str:
    return volume["server"]["id"] if volume["server"] else ""


def shown(item: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if not key.startswith("_")}
