"""OpenLDAP, searched like any other system: skipped where it is not installed (`make adapters`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncmodel import ClusterMachine

pytest.importorskip("ldap3", reason="OpenLDAP's client is not installed: make adapters")
if not Path("/usr/sbin/slapd").exists():
    pytest.skip("slapd is not installed: make adapters", allow_module_level=True)


class TestOpenLdap(ClusterMachine):
    """A search for anything that its documentation does not allow.

    A delete may lose to an earlier update that it did not know, and servers may keep different ones
    of two writes of one entry at the same time: docs/adapters.md has the runs.
    """

    target = "syncmodel.adapters.openldap:OpenLdap"
    delete = burst = concurrently = None  # type: ignore[assignment]
