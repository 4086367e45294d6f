"""The part of the Hetzner Cloud API that renting uses (https://docs.hetzner.cloud)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from emulated_cloud import Cloud, Query, RefusedError, Said

KEY = re.compile(r"([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
HOSTNAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9-]+)*")
STATUS = {
    "unauthorized": 401,
    "not_found": 404,
    "uniqueness_error": 409,
    "conflict": 409,
    "resource_unavailable": 412,
    "invalid_input": 422,
    "locked": 423,
    "rate_limit_exceeded": 429,
    "resource_limit_exceeded": 403,
    "server_error": 500,
}
THEN = "2026-01-01T00:00:00+00:00"
PLACES = ("fsn1", "nbg1", "hel1")


def refusal(code: str, message: str = "") -> Said:
    said = {"code": code, "message": message or f"{code} on order", "details": None}
    return STATUS[code], {"error": said}


def refuse(code: str, message: str = "") -> RefusedError:
    return RefusedError(*refusal(code, message))


def price(value: str) -> dict[str, str]:
    return {"net": value, "gross": value}


TYPES = [
    {"id": number, "name": name, "description": name, "cores": 2, "memory": 4.0, "disk": 40}
    | {"cpu_type": "shared", "storage_type": "local", "architecture": "x86", "locations": []}
    | {"deprecated": False, "deprecation": None, "category": "shared"}
    | {
        "prices": [
            {"location": place, "price_hourly": price(hourly), "price_monthly": price("4.0")}
            | {"included_traffic": 1, "price_per_tb_traffic": price("1")}
            for place in PLACES
        ]
    }
    for number, name, hourly in ((22, "cx22", "0.0060"), (32, "cx32", "0.0113"))
]
LOCATIONS = [
    {"id": number, "name": name, "description": name, "country": "DE", "city": name}
    | {"latitude": 0.0, "longitude": 0.0, "network_zone": "eu-central"}
    for number, name in enumerate(PLACES, 1)
]
IMAGES = [
    {"id": 114690387, "type": "system", "status": "available", "name": "debian-12"}
    | {"description": "Debian 12", "os_flavor": "debian", "os_version": "12", "labels": {}}
    | {"architecture": "x86", "image_size": None, "disk_size": 5, "created": THEN}
    | {"rapid_deploy": True, "protection": {"delete": False}, "created_from": None}
    | {"bound_to": None, "deprecated": None, "deleted": None}
]
RULE: dict[str, Any] = {"source_ips": [], "destination_ips": [], "port": None, "description": None}
PRICING = {
    "currency": "EUR",
    "vat_rate": "19.0",
    "primary_ips": [
        {
            "type": "ipv4",
            "prices": [{"location": place, "price_hourly": price("0.0006")} for place in PLACES],
        }
    ],
}


class Hetzner(Cloud):
    """One project."""

    prefix = "/v1"
    refusals: Mapping[str, Said] = {
        "busy": refusal("rate_limit_exceeded"),
        "no room": refusal("resource_unavailable"),
        "error": refusal("server_error"),
        "gateway": (502, b"<html>bad gateway</html>"),
        "locked": refusal("locked"),
    }

    def __init__(self, *, polls: int = 2, quota: int = 10) -> None:
        super().__init__(polls=polls, quota=quota)
        self.store: dict[str, dict[int, dict[str, Any]]] = {
            name: {} for name in ("servers", "ssh_keys", "networks", "firewalls", "actions")
        }
        self._then: dict[int, tuple[dict[str, Any], Callable[[], object], bool]] = {}
        self._polled: dict[int, int] = {}

    @property
    def environment(self) -> dict[str, str]:
        return {"HCLOUD_TOKEN": self.token, "HCLOUD_ENDPOINT": f"{self.base}/v1"}

    def left(self) -> list[str]:
        return [
            one["name"]
            for kind, table in self.store.items()
            if kind != "actions"
            for one in table.values()
        ]

    def headers(self) -> Mapping[str, str]:
        return {"RateLimit-Limit": "3600", "X-Correlation-Id": "c1"}

    def admitted(self, headers: Mapping[str, str]) -> None:
        if headers.get("authorization") != f"Bearer {self.token}":
            raise refuse("unauthorized", "unable to authenticate")

    def route(self, method: str, path: str, query: Query, body: Any, failing: bool) -> Said:
        kind, *more = path.strip("/").split("/")
        fixed = {"server_types": TYPES, "locations": LOCATIONS, "images": IMAGES}.get(kind)
        if kind == "pricing":
            return 200, {"pricing": PRICING}
        if fixed is not None:
            return self._page(kind, fixed, query)
        if kind == "actions":
            return 200, {"action": self._poll(int(more[0]))}
        if kind not in self.store:
            raise refuse("not_found")
        if not more:
            return self._all(kind, method, query, body, failing)
        item = self.store[kind].get(int(more[0]))
        if item is None:
            raise refuse("not_found", f"{kind[:-1]} with ID '{more[0]}' not found")
        if method == "DELETE":
            return self._delete(kind, item, failing)
        for number in [one for one, (owner, *_) in self._then.items() if owner is item]:
            self._poll(number)
        return 200, {kind[:-1]: item}

    def _all(self, kind: str, method: str, query: Query, body: Any, failing: bool) -> Said:
        if method == "GET":
            return self._page(kind, list(self.store[kind].values()), query)
        return self._create(kind, body, failing)

    def _create(self, kind: str, body: dict[str, Any], failing: bool) -> Said:
        for key, value in (body.get("labels") or {}).items():
            if not KEY.fullmatch(key) or not VALUE.fullmatch(value):
                raise refuse("invalid_input", f"invalid input in field 'labels' ({key}={value})")
        if any(one["name"] == body["name"] for one in self.store[kind].values()):
            raise refuse("uniqueness_error", "name is already used")
        item = {"id": next(self.ids), "name": body["name"], "labels": body.get("labels") or {}}
        item["created"] = THEN
        if kind == "servers":
            return self._create_server(item, body, failing)
        item |= {
            "ssh_keys": {"public_key": body.get("public_key"), "fingerprint": "aa:bb"},
            "networks": {"ip_range": body.get("ip_range"), "subnets": body.get("subnets", [])}
            | {"routes": [], "servers": [], "load_balancers": [], "protection": {"delete": False}}
            | {"expose_routes_to_vswitch": False},
            "firewalls": {"applied_to": [], "rules": [RULE | one for one in body.get("rules", [])]},
        }[kind]
        self.store[kind][item["id"]] = item
        actions: dict[str, Any] = {"actions": []} if kind == "firewalls" else {}
        return 201, {kind[:-1]: item} | actions

    def _create_server(self, item: dict[str, Any], body: dict[str, Any], failing: bool) -> Said:
        if not HOSTNAME.fullmatch(item["name"]) or len(body.get("user_data") or "") > 32768:
            raise refuse("invalid_input", "invalid input in field 'name' or 'user_data'")
        if len(self.store["servers"]) >= self.quota:
            raise refuse("resource_limit_exceeded", "server limit exceeded")
        for key in body.get("ssh_keys") or []:
            find(list(self.store["ssh_keys"].values()), key)
        low = item["id"] % 250 + 1
        walls = [{"id": one["firewall"], "status": "applied"} for one in body.get("firewalls", [])]
        item |= {
            "status": "initializing",
            "locked": True,
            "server_type": find(TYPES, body["server_type"]),
            "image": find(IMAGES, body["image"]),
            "location": find(LOCATIONS, body.get("location") or "fsn1"),
            "user_data": body.get("user_data"),
            "private_net": [
                {"network": one, "ip": f"10.88.0.{low}", "alias_ips": [], "mac_address": "86"}
                for one in body.get("networks") or []
            ],
            "public_net": {
                "ipv4": {"id": 1, "ip": self.address(item["id"]), "blocked": False, "dns_ptr": "x"},
                "ipv6": {"id": 2, "ip": f"2001:db8:{low:x}::/64", "blocked": False, "dns_ptr": []},
                "floating_ips": [],
                "firewalls": walls,
            },
        } | dict.fromkeys(("backup_window", "iso", "placement_group"), None)
        item |= {"protection": {"delete": False, "rebuild": False}, "volumes": []}
        item |= {"load_balancers": [], "primary_disk_size": 40, "rescue_enabled": False}
        item |= dict.fromkeys(("outgoing_traffic", "ingoing_traffic", "included_traffic"), 0)
        self.store["servers"][item["id"]] = item
        action = self._act("create_server", item, lambda: item.update(status="starting"), failing)
        start = self._act("start_server", item, partial(self._starts, item), False)
        said = {"server": item, "action": action, "next_actions": [start], "root_password": None}
        return 201, said

    def _delete(self, kind: str, item: dict[str, Any], failing: bool) -> Said:
        used = {"networks": "private_net", "firewalls": "public_net"}.get(kind)
        servers = self.store["servers"]
        if used and any(str(item["id"]) in json.dumps(one[used]) for one in servers.values()):
            raise refuse("conflict", f"{kind[:-1]} is still in use")
        if kind != "servers":
            del self.store[kind][item["id"]]
            return 204, None
        gone = self._act("delete_server", item, partial(self._ends, item), failing)
        return 200, {"action": gone}

    def _starts(self, item: dict[str, Any]) -> None:
        item["status"] = "running"
        address = item["public_net"]["ipv4"]["ip"]
        self.on_made(item["name"], item["user_data"], address)

    def _ends(self, item: dict[str, Any]) -> None:
        if self.store["servers"].pop(item["id"], None) is not None:
            self.on_gone(item["name"])

    def _act(
        self, command: str, item: dict[str, Any], then: Callable[[], object], failing: bool
    ) -> dict[str, Any]:
        number = next(self.ids)
        action = {"id": number, "command": command, "status": "running", "progress": 0}
        action |= {"error": None, "finished": None, "started": THEN}
        action |= {"resources": [{"id": item["id"], "type": "server"}]}
        self.store["actions"][number] = action
        self._then[number] = (item, then, failing)
        return dict(action)

    def _poll(self, number: int) -> dict[str, Any]:
        action = self.store["actions"][number]
        self._polled[number] = self._polled.get(number, 0) + 1
        if action["status"] == "running" and self._polled[number] >= self.polls:
            item, then, failing = self._then[number]
            error = {"code": "action_failed", "message": "failed on order"}
            action |= {"progress": 100, "finished": THEN}
            action |= {"status": "error", "error": error} if failing else {"status": "success"}
            item["locked"] = False
            if not failing:
                then()
        return dict(action)

    def _page(self, kind: str, items: list[dict[str, Any]], query: Query) -> Said:
        if "name" in query:
            items = [one for one in items if one["name"] in query["name"]]
        if "label_selector" in query:
            key, _, value = query["label_selector"][0].partition("=")
            items = [
                one
                for one in items
                if key in one["labels"] and (not value or one["labels"][key] == value)
            ]
        page = int(query.get("page", ["1"])[0])
        size = min(int(query.get("per_page", ["25"])[0]), self.page)
        last = max(1, -(-len(items) // size))
        meta = {"page": page, "per_page": size, "previous_page": page - 1 or None}
        meta |= {"next_page": page + 1 if page < last else None, "last_page": last}
        meta |= {"total_entries": len(items)}
        found = items[(page - 1) * size : page * size]
        return 200, {kind: found, "meta": {"pagination": meta}}


def find(items: list[dict[str, Any]], key: Any) -> dict[str, Any]:
    for item in items:
        if str(key) in {str(item["id"]), item["name"]}:
            return item
    raise refuse("invalid_input", f"{key} not found")
