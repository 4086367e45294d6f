"""Between the model's words and the plugin API's: paths, run prefixes, answers.

Runs share a cluster, so on the wire a row is `run_id/name`; in the model it is `name`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.outcome import Outcome, accepted, refused, unknown
from syncmodel.model.values import Case, Event
from syncmodel.model.view import View
from syncmodel.steps.base import Request


def to_wire(request: Request, run_id: str) -> tuple[str, str, dict[str, Any] | None]:
    """(method, path below the plugin API, JSON body or None) of a request."""
    name = f"{run_id}/{request.name}"
    creates = request.method == "POST" and request.action is None
    if not creates:
        action = f"/{request.action}" if request.action else ""
        body = None if request.body is None else dict(request.body)
        return request.method, f"{request.table}/{name}{action}", body
    body = dict(request.body or {})
    if body:
        body |= {"id": name, "run_id": run_id}
    if "case_id" in body:
        body["case_id"] = f"{run_id}/{body['case_id']}"
    return request.method, request.table, body


def to_outcome(status: int, body: Any, run_id: str) -> Outcome:
    """The outcome of an answer: 2xx happened, 4xx did not, of anything else nothing is known."""
    match body:
        case {"ok": True, "result": {**row}} if 200 <= status < 300:
            return accepted(_unprefixed({str(key): row[key] for key in row}, run_id))
        case {"error": {"code": str(code)}} if 400 <= status < 500:
            return refused(code)
        case {"error": {"code": "not_ready"}}:
            return refused("not_ready")
    if 200 <= status < 300:
        return accepted({"answer": repr(body)[:200]})
    return refused(f"http {status}") if 400 <= status < 500 else unknown(f"http {status}")


def _unprefixed(row: Mapping[str, Any], run_id: str) -> dict[str, Any]:
    """The row with the run's prefix taken off its ids; any other prefix stays to be seen."""
    prefix = f"{run_id}/"
    return {
        key: value.removeprefix(prefix)
        if key in ("id", "case_id") and isinstance(value, str)
        else value
        for key, value in row.items()
    }


def to_view(node: str, result: Any, run_id: str) -> View:
    """The view of a `GET state` result.

    Raises `DivergenceFound` (control plane) if the answer has not the contract's shape.
    """
    try:
        cases = [_unprefixed(row, run_id) for row in result["cases"]]
        events = [_unprefixed(row, run_id) for row in result["events"]]
        return View(
            tuple((str(r["id"]), Case(str(r["title"]), int(r["counter"]))) for r in cases),
            tuple((str(r["id"]), Event(str(r["case_id"]), str(r["body"]))) for r in events),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        expected = "the state's cases and events as the contract has them"
        raise DivergenceFound(
            (Divergence(Kind.CONTROL_PLANE, node, None, expected, repr(result)[:200]),)
        ) from None
