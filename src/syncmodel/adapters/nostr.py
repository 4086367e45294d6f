"""Nostr relays of nostr-sdk: one user's notes on several relays, which the tester reconciles.

A note is an addressable event (NIP-01: of those with one kind, author and `d` tag a relay keeps the
one with the latest `created_at`, and on a tie the one with the lowest id), a delete is a request
with an `a` tag (NIP-09: every version up to its own `created_at` goes, and stays away). Stamps are
in seconds, so who writes a note stamps it later than what the relay has of it. (nostr-sdk's own
reconciliation crashes the interpreter when it ends, with 0.45.1: the tester carries events.)
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import nostr_sdk as sdk

from syncmodel.adapter import IDS, Columns, Counter, InProcess, Row, Schema, Table, Token

NOTE, DELETE = sdk.Kind(30078), sdk.Kind(5)
LOOKS = IDS - {"json"}  # a note is not deleted whose id has a colon (docs/adapters.md)


class Nostr(InProcess):
    """Relays that nobody connects but the tester."""

    schema = Schema(Table("notes", Token("title"), Counter("votes")), ids=LOOKS)
    refuses, waits = False, True
    keys = sdk.Keys.generate()

    async def replica(self, node: str) -> Any:
        at_will = sdk.RateLimit(max_reqs=10**6, notes_per_minute=10**6)
        relay = sdk.LocalRelayBuilder().rate_limit(at_will).build()
        await relay.run()
        client, url = sdk.ClientBuilder().build(), await relay.url()
        await client.add_relay(url)
        await client.connect(and_wait=timedelta(seconds=10))
        return SimpleNamespace(relay=relay, client=client, url=url, carried=defaultdict(set))

    async def discard(self, replica: Any) -> None:
        await replica.client.shutdown()
        replica.relay.shutdown()

    async def create(self, node: str, row: Row, columns: Columns) -> Columns:
        tag = sdk.Tag.identifier(row.name)
        await self._publish(node, row, sdk.EventBuilder(NOTE, json.dumps(dict(columns))), tag)
        return columns

    async def set(self, node: str, row: Row, column: str, value: Any) -> Columns:
        return await self.create(node, row, {**await self._note(node, row), column: value})

    async def add(self, node: str, row: Row, column: str, by: int) -> Columns:
        return await self.set(node, row, column, (await self._note(node, row))[column] + by)

    async def delete(self, node: str, row: Row) -> None:
        tag = sdk.Tag.parse(["a", self._address(row)])
        await self._publish(node, row, sdk.EventBuilder(DELETE, ""), tag)

    async def rows(self, node: str, prefix: str) -> Any:
        notes = await self._events(node, kinds=[NOTE.as_u16()])
        return [("notes", _name(event), json.loads(event.content())) for event in notes]

    async def pull(self, sender: str, receiver: str) -> bool:
        carried = self.at[receiver].carried[sender]
        events = {event.id().to_hex(): event for event in await self._events(sender)}
        more = events.keys() - carried
        for one in more:  # as it is; the receiver may refuse it
            await self._send(receiver, events[one])
        carried.update(more)
        return bool(more)

    def _address(self, row: Row) -> str:
        return f"{NOTE.as_u16()}:{self.keys.public_key().to_hex()}:{row.name}"

    async def _events(self, node: str, **wanted: Any) -> Any:
        at, chosen = self.at[node], [sdk.Filter.from_json(json.dumps(wanted))]
        return await at.client.fetch_events(sdk.ReqTarget.single(at.url, chosen))

    async def _note(self, node: str, row: Row) -> Any:
        return {name: cells for _, name, cells in await self.rows(node, "")}[row.name]

    async def _send(self, node: str, event: Any) -> Any:
        done = await self.at[node].client.send_event(event)
        return done.failed.get(self.at[node].url)  # why the relay refused it, None if it took it

    async def _publish(self, node: str, row: Row, draft: Any, tag: Any) -> None:
        # Later than all that the relay has of this row.
        notes = await self._events(node, **{"#d": [row.name]})
        deletes = await self._events(node, **{"#a": [self._address(row)]})
        stamps = [event.created_at().as_secs() + 1 for event in (*notes, *deletes)]
        later = sdk.Timestamp.from_secs(max([sdk.Timestamp.now().as_secs(), *stamps]))
        event = draft.tags([tag]).custom_created_at(later).finalize(self.keys)
        if (why := await self._send(node, event)) is not None:
            raise RuntimeError(f"the relay refused it: {why}")


def _name(event: Any) -> str:
    return next(tag.content() for tag in event.tags() if tag.kind() == "d") or ""
