"""The node's answers against its own description, for requests that schemathesis draws from it."""

from __future__ import annotations

import asyncio
import json
import secrets
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs
import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from one_node import HOST, PLUGIN, OneNode, exchange, one_node
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from syncmodel.reference.node.admin import CONTROL_METHODS, PATH
from syncmodel.reference.node.deployment import RefusedError
from syncmodel.reference.node.openapi import METHODS, description

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
SCHEMA: Any = schemathesis.openapi.from_dict(description())
OPERATIONS = {one.ok().label: one.ok() for one in SCHEMA.get_all_operations()}
#: What takes nothing can't be asked wrongly.
DRAWN = [
    pytest.param(label, mode, id=f"{label} {mode.value}")
    for label in OPERATIONS
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    if mode == GenerationMode.POSITIVE or not label.endswith(("/health", "/schema", ".json"))
]


@attrs.frozen
class Asked:
    """A node that stays up for many examples, on a loop of its own."""

    runner: asyncio.Runner
    node: OneNode

    def tie(self, case: Any) -> None:
        """Have a drawn request name what is there: a description can't say what ids mean."""
        fresh = f"r/{secrets.token_hex(4)}"
        if case.operation.label.startswith(("DELETE", "GET")) and "id" in case.path_parameters:
            table = "events" if "events" in case.operation.label else "cases"
            self.create(table, fresh)
            case.path_parameters["id"] = fresh
        elif "id" in case.path_parameters:
            case.path_parameters["id"] = "r/c"
        if isinstance(case.body, dict):
            tied = {"id": fresh, "run_id": "r", "case_id": "r/c", "node": "n2", "by": 1}
            for fields in (case.body, case.body.get("params", {})):
                fields |= {name: tied[name] for name in tied.keys() & fields.keys()}

    def create(self, table: str, name: str) -> None:
        row = {"id": name, "run_id": "r", "title": "t", "counter": 0, "case_id": "r/c", "text": "b"}
        body = json.dumps(row).encode()
        self.runner.run(self.node.ask("POST", f"{PLUGIN}/{table}", body))

    def send(self, case: Any) -> httpx.Response:
        """The answer to a drawn request, which is signed if it has to be."""
        told = case.as_transport_kwargs(base_url=f"http://{HOST}")
        wire: Any = requests.Request(**told).prepare()
        body = wire.body.encode() if isinstance(wire.body, str) else wire.body or b""
        parts = urlsplit(wire.url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = [("host", HOST)]
        if parts.path == PATH:
            headers.append(("authorization", self.node.header(body)))
        status, found, content = self.runner.run(
            exchange(self.node.surfaces, wire.method, target, body, headers)
        )
        asked = httpx.Request(wire.method, wire.url, content=body)
        response = httpx.Response(status, headers=found, content=content, request=asked)
        response.elapsed = timedelta(0)  # schemathesis wants one
        return response


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    # Not pytest's folder: a socket's path must be short.
    with asyncio.Runner() as runner, tempfile.TemporaryDirectory(prefix="n-") as folder:
        entering = one_node(Path(folder))
        node = runner.run(entering.__aenter__())
        # A job would change the tables below the application, which nobody restarts here.
        supervisor: Any = node.control._supervisor
        supervisor.begin = busy
        asked = Asked(runner, node)
        asked.create("cases", "r/c")
        yield asked
        runner.run(entering.__aexit__(None, None, None))


def busy(*_: object, **_named: object) -> Any:
    raise RefusedError("job_running", "A job is running: wait for its end.", status=409)


def test_every_admin_method_is_described_and_no_other(asked: Asked) -> None:
    assert set(METHODS) == CONTROL_METHODS | set(asked.node.surfaces._admin._methods)


def test_the_description_is_served(asked: Asked) -> None:
    found = asked.runner.run(asked.node.ask("GET", "/openapi.json"))
    assert found == (200, description())


@pytest.mark.parametrize(
    "method", ["cluster_nodes.list", "cluster_status", "generations.list", "sync.status"]
)
def test_each_question_has_a_described_answer(asked: Asked, method: str) -> None:
    case = OPERATIONS[f"POST {PATH}"].Case(
        method="POST", body={"method": method, "params": {}}, media_type="application/json"
    )
    response = asked.send(case)
    assert response.status_code == 200
    case.validate_response(response, checks=CHECKS)


def fuzz(asked: Asked, label: str, mode: GenerationMode, examples: int) -> None:
    statuses = answered(asked, label, mode, examples)
    if mode == GenerationMode.POSITIVE and min(statuses) >= 300:
        # A few draws may all be such that no row can be made of them.
        statuses = answered(asked, label, mode, 20 * examples)
        assert min(statuses) < 300, "an answer to what is done was never seen"


def answered(asked: Asked, label: str, mode: GenerationMode, examples: int) -> set[int]:
    """The statuses of the answers to as many requests, which all are as described."""

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=OPERATIONS[label].as_strategy(generation_mode=mode),
        known=st.booleans() if mode == GenerationMode.POSITIVE else st.just(False),
    )
    def conforms(case: Any, known: bool) -> None:
        if known:
            asked.tie(case)
        response = asked.send(case)
        statuses.add(response.status_code)
        case.validate_response(response, checks=CHECKS)

    statuses: set[int] = set()
    conforms()
    return statuses


@pytest.mark.parametrize(("label", "mode"), DRAWN)
def test_drawn_requests_have_described_answers(
    asked: Asked, label: str, mode: GenerationMode
) -> None:
    fuzz(asked, label, mode, 10)


@pytest.mark.long
@pytest.mark.parametrize(("label", "mode"), DRAWN)
def test_many_drawn_requests_have_described_answers(
    asked: Asked, label: str, mode: GenerationMode
) -> None:
    fuzz(asked, label, mode, 150)
