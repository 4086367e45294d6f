"""Nostr relays, searched like any other system: skipped without nostr-sdk (`make adapters`)."""

from __future__ import annotations

import pytest

from syncmodel import ClusterMachine

pytest.importorskip("nostr_sdk", reason="Nostr's client is not installed: make adapters")


class TestNostr(ClusterMachine):
    """A search for anything that NIP-01 and NIP-09 do not allow."""

    target = "syncmodel.adapters.nostr:Nostr"
