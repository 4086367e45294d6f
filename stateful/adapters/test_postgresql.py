"""PostgreSQL with pglogical, searched like any other system: skipped where either is not installed
(`make adapters`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncmodel import ClusterMachine

pytest.importorskip("psycopg", reason="PostgreSQL's client is not installed: make adapters")
if not Path("/usr/share/postgresql/15/extension/pglogical.control").exists():
    pytest.skip(
        "PostgreSQL 15 or pglogical is not installed: make adapters", allow_module_level=True
    )


class TestPostgreSql(ClusterMachine):
    """A search for anything that its documentation does not allow.

    A delete takes a later create that it did not know: docs/adapters.md has the run.
    """

    target = "syncmodel.adapters.postgresql:PostgreSql"
    delete = None  # type: ignore[assignment]
