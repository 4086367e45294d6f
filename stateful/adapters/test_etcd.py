"""etcd, searched like any other system: skipped where it is not installed (`make adapters`)."""

from __future__ import annotations

import shutil

import pytest

from syncmodel import ClusterMachine

if shutil.which("etcd") is None:
    pytest.skip("etcd is not installed: make adapters", allow_module_level=True)


class TestEtcd(ClusterMachine):
    """A search for anything that its documentation does not allow."""

    target = "syncmodel.adapters.etcd:Etcd"
