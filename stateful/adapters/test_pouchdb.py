"""PouchDB Server, searched like any other system: skipped where it is not installed
(`make adapters`)."""

from __future__ import annotations

import pytest

from syncmodel import ClusterMachine
from syncmodel.adapter.places import program

if program("pouchdb-server") is None:
    pytest.skip("pouchdb-server is not installed: make adapters", allow_module_level=True)


class TestPouchDb(ClusterMachine):
    """A search for anything that its documentation does not allow.

    After a full disk all that it accepts is lost by a kill: docs/adapters.md has the run.
    """

    target = "syncmodel.adapters.pouchdb:PouchDb"
    full_disk = None  # type: ignore[assignment]
