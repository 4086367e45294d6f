"""Nostr events, keys, NIP-98 and relay messages. Pure: no I/O and no clock."""
