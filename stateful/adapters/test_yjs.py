"""Yjs, searched like any other system: skipped where it is not installed (`make adapters`)."""

from __future__ import annotations

import pytest

from syncmodel import ClusterMachine

pytest.importorskip("pycrdt", reason="Yjs's client is not installed: make adapters")


class TestYjs(ClusterMachine):
    """A search for anything that its documentation does not allow."""

    target = "syncmodel.adapters.yjs:Yjs"
