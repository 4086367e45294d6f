"""Both HTTP surfaces as one OpenAPI 3.1 description, which the node serves at `PATH`.

docs/contract.md says what it all means; this says the same to programs. Tests hold the node's
answers against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from syncmodel.reference.node import admin
from syncmodel.reference.node.config import PLUGIN
from syncmodel.reference.node.entries import CONTENT_LIMIT_CHARS, ID_LIMIT_CHARS, NUMBER_LIMIT

PATH: Final = "/openapi.json"
PLUGIN_PATH: Final = f"/plugins-api/{PLUGIN}"

Schema = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string", "maxLength": CONTENT_LIMIT_CHARS}
_FLAG: Final[Schema] = {"type": "boolean"}
_OBJECT: Final[Schema] = {"type": "object"}
_NUMBER: Final[Schema] = {
    "type": "integer",
    "minimum": -NUMBER_LIMIT,
    "maximum": NUMBER_LIMIT - 1,
}
_ID: Final[Schema] = {
    "type": "string",
    "minLength": 3,
    "maxLength": ID_LIMIT_CHARS,
    "description": "RUN_ID/NAME",
}
_RUN_ID: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": ID_LIMIT_CHARS - 2}
_SECONDS: Final[Schema] = {"type": "number", "description": f"at most {admin.WAIT_LIMIT_S:g}"}
_PLUGINS: Final[Schema] = {"type": "object", "additionalProperties": {"type": "integer"}}
_TEXTS: Final[Schema] = {"type": "object", "additionalProperties": {"type": "string"}}

#: What went wrong, for programs, by HTTP status.
CODES: Final[Mapping[int, tuple[str, ...]]] = {
    400: ("malformed",),
    401: ("unauthorized",),
    404: (
        "no_plugin",
        "no_such_path",
        "no_such_row",
        "unknown_generation",
        "unknown_job",
        "unknown_method",
        "unknown_node",
    ),
    409: (
        "data_loss_unconfirmed",
        "exists",
        "job_running",
        "own_key",
        "reboot_required",
        "stamp_ahead",
        "too_late",
    ),
    422: ("missing_case",),
    503: ("control_lost", "not_ready", "store_failed"),
}


def _object(optional: str = "", /, **fields: Schema) -> Schema:
    """An object with these fields; all are required but those named in `optional`."""
    required = [name for name in fields if name not in optional.split()]
    return {"type": "object", "properties": fields, "required": required}


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


_CASE: Final = _object(
    "severity", id=_ID, run_id=_RUN_ID, title=_TEXT, counter=_NUMBER, severity=_TEXT
)
_EVENT: Final = _object("body text", id=_ID, run_id=_RUN_ID, case_id=_ID, body=_TEXT, text=_TEXT)
_DELETED: Final = _object(id=_ID, run_id=_RUN_ID, deleted={"const": True})
_NODES: Final = _object(
    nodes=_list(
        _object(
            id=_TEXT,
            pubkey=_TEXT,
            name=_TEXT,
            status={"enum": ["joining", "active", "inactive"]},
            trusted=_FLAG,
            addresses=_list(_TEXT),
        )
    )
)
_SYNC: Final = _object(
    log_id=_TEXT,
    position=_NUMBER,
    idle=_FLAG,
    peers={
        "type": "object",
        "additionalProperties": _object(
            connected=_FLAG, log_id=_or_null(_TEXT), applied=_NUMBER, to_send=_NUMBER
        ),
    },
)
_JOB: Final = _object(job=_TEXT)
_NODE: Final = _object(node=_TEXT)
_GENERATION: Final = _object("generation plugins", generation=_NUMBER, plugins=_PLUGINS)
_START: Final = _object(
    "generation plugins at_boot pins",
    generation=_NUMBER,
    plugins=_PLUGINS,
    at_boot=_FLAG,
    pins=_OBJECT,
)
_PLUGIN: Final = _object(plugin=_TEXT)

#: Each admin method: its parameters, and its result.
METHODS: Final[Mapping[str, tuple[Schema, Schema]]] = {
    "cluster_nodes.list": (_OBJECT, _NODES),
    "cluster_nodes.join": (_NODE, _NODES),
    "cluster_nodes.leave": (_NODE, _NODES),
    "cluster_nodes.reactivate": (_NODE, _NODES),
    "cluster_nodes.trust": (_NODE, _NODES),
    "cluster_nodes.distrust": (_NODE, _NODES),
    "cluster_status": (
        _OBJECT,
        _object(
            healthy=_FLAG,
            now_s={"type": "number"},
            problems=_list(_TEXT),
            members=_NODES["properties"]["nodes"],
            generation=_object(selected=_NUMBER, running=_or_null(_NUMBER)),
            plugins=_PLUGINS,
            sync=_SYNC,
        ),
    ),
    "sync.status": (
        _object(
            "wait",
            wait=_object(
                "peers limit_s",
                peers={
                    "type": "object",
                    "additionalProperties": _object(
                        "log_id position", log_id=_or_null(_TEXT), position=_NUMBER
                    ),
                },
                limit_s=_SECONDS,
            ),
        ),
        _SYNC,
    ),
    "sync.resync": (
        _object("full peer limit_s", full=_FLAG, peer=_or_null(_TEXT), limit_s=_SECONDS),
        _object(job=_TEXT, state={"enum": ["done", "running"]}, peers=_list(_TEXT)),
    ),
    "generations.list": (
        _OBJECT,
        _object(
            generations=_list(
                _object(
                    number=_NUMBER,
                    store_item=_TEXT,
                    plugins=_PLUGINS,
                    selected=_FLAG,
                    running=_FLAG,
                )
            )
        ),
    ),
    "rollout.preview": (
        _GENERATION,
        _object(
            generation=_NUMBER,
            channel_delta=_OBJECT,
            incompatible=_list(_object(code=_TEXT, message=_TEXT)),
            migrations=_object(up=_list(_TEXT), down=_list(_TEXT)),
            substitutes=_object(available=_list(_TEXT), missing=_list(_TEXT)),
            restart_required=_FLAG,
            reboot_required=_FLAG,
            reboot_reasons=_list(_TEXT),
        ),
    ),
    "rollout.start": (_START, _JOB),
    "rollout.status": (
        _object("wait", job=_TEXT, wait=_object("limit_s", limit_s=_SECONDS)),
        _object(
            job=_TEXT,
            at_boot=_FLAG,
            state=_TEXT,
            selected=_NUMBER,
            running=_or_null(_NUMBER),
            migrations=_object(up=_list(_TEXT), down=_list(_TEXT)),
            log=_list(_TEXT),
            error=_or_null(_OBJECT),
        ),
    ),
    "rollout.rollback": (_object("at_boot", generation=_NUMBER, at_boot=_FLAG), _JOB),
    "rollout.abort": (_object(job=_TEXT), _JOB),
    "plugins.disable": (_PLUGIN, _JOB),
    "plugins.uninstall": (
        _object("confirm_data_loss", plugin=_TEXT, confirm_data_loss=_FLAG),
        _JOB,
    ),
    "store.tables": (_PLUGIN, _object(tables=_list(_TEXT))),
    "store.deletes": (_OBJECT, _object(deletes=_TEXTS)),
    "store.purge": (_object(deletes=_TEXTS), _object(purged=_NUMBER)),
}


@cache
def description() -> Schema:
    """The description, as JSON data."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "A node of docs/contract.md", "version": "1"},
        "paths": {
            f"{PLUGIN_PATH}/health": {"get": _operation(_object(status=_TEXT, version=_NUMBER))},
            f"{PLUGIN_PATH}/schema": {
                "get": _operation(_object(version=_NUMBER, tables=_OBJECT, migrations=_list(_TEXT)))
            },
            f"{PLUGIN_PATH}/state": {
                "get": _operation(
                    _object(
                        cases=_list(_CASE), events=_list(_EVENT), position=_NUMBER, log_id=_TEXT
                    ),
                    query={"run_id": _RUN_ID},
                )
            },
            f"{PLUGIN_PATH}/cases": {
                "get": _operation(_object(rows=_list(_CASE)), query={"run_id": _RUN_ID}),
                "post": _operation(_CASE, _CASE, status=201),
            },
            f"{PLUGIN_PATH}/cases/{{id}}": {
                "parameters": _parameters("path", {"id": _ID}),
                "get": _operation(_CASE),
                "patch": _operation(_CASE, _object("title severity", title=_TEXT, severity=_TEXT)),
                "delete": _operation(_DELETED),
            },
            f"{PLUGIN_PATH}/cases/{{id}}/increment": {
                "parameters": _parameters("path", {"id": _ID}),
                "post": _operation(_CASE, _object(by=_NUMBER)),
            },
            f"{PLUGIN_PATH}/events": {
                "get": _operation(_object(rows=_list(_EVENT)), query={"run_id": _RUN_ID}),
                "post": _operation(_EVENT, _EVENT, status=201),
            },
            f"{PLUGIN_PATH}/events/{{id}}": {
                "parameters": _parameters("path", {"id": _ID}),
                "get": _operation(_EVENT),
                "delete": _operation(_DELETED),
            },
            admin.PATH: {
                "post": _operation({"anyOf": _results()}, {"oneOf": _requests()}, signed=True)
            },
            PATH: {"get": {"responses": {"200": {"description": "this", **_json(_OBJECT)}}}},
        },
        "components": {
            "securitySchemes": {
                "nip98": {
                    "type": "http",
                    "scheme": "Nostr",
                    "description": "base64 of a signed event of kind 27235 (NIP-98), with the tag "
                    "`p` of the node that is asked",
                }
            }
        },
    }


def _requests() -> list[Schema]:
    return [
        _object(
            *(() if params.get("required") else ("params",)), method={"const": name}, params=params
        )
        for name, (params, _) in METHODS.items()
    ]


def _results() -> list[Schema]:
    return [result for _, result in METHODS.values()]


def _operation(
    result: Schema,
    body: Schema | None = None,
    *,
    status: int = 200,
    query: Mapping[str, Schema] | None = None,
    signed: bool = False,
) -> Schema:
    """One operation: its answers are a result, or an error with a code of its status."""
    good = {"description": "done", **_json(_object(ok={"const": True}, result=result))}
    operation: Schema = {"responses": {str(status): good} | _errors(signed)}
    if body is not None:
        operation["requestBody"] = {"required": True, **_json(body)}
    if query is not None:
        operation["parameters"] = _parameters("query", query)
    if signed:
        operation["security"] = [{"nip98": []}]
    return operation


def _errors(signed: bool) -> Schema:
    return {
        str(status): {
            "description": ", ".join(codes),
            **_json(
                _object(
                    ok={"const": False},
                    error=_object(code={"enum": list(codes)}, message=_TEXT, details=_OBJECT),
                )
            ),
        }
        for status, codes in CODES.items()
        if signed or status != 401
    }


def _parameters(place: str, schemas: Mapping[str, Schema]) -> list[Schema]:
    return [
        {"name": name, "in": place, "required": True, "schema": schema}
        for name, schema in schemas.items()
    ]


def _json(schema: Schema) -> Schema:
    return {"content": {"application/json": {"schema": schema}}}
