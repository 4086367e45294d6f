"""Redis, searched like any other system: skipped where it is not installed (`make adapters`)."""

from __future__ import annotations

import shutil

import pytest

from syncmodel import ClusterMachine

pytest.importorskip("redis", reason="Redis's client is not installed: make adapters")
if shutil.which("redis-server") is None:
    pytest.skip("redis-server is not installed: make adapters", allow_module_level=True)


class TestRedis(ClusterMachine):
    """A search for anything that its documentation does not allow."""

    target = "syncmodel.adapters.redis:Redis"
