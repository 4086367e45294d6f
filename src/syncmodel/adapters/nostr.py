"""Nostr relays of nostr-sdk: one user's notes on several relays, which the tester reconciles.

A note is an addressable event (NIP-01: of those with one kind, author and `d` tag a relay keeps the
one with the latest `created_at`, and on a tie the one with the lowest id), a delete is a request
with an `a` tag (NIP-09: every version up to its own `created_at` goes, and stays away). Stamps are
in seconds, so who writes a note stamps it later than what the relay has of it, one write of a relay
after the other. (nostr-sdk's reconciliation by negentropy wants a store of the client's own, whose
Python binding crashes the interpreter when it ends, with 0.45.1: the tester carries whole events.)
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import nostr_sdk as sdk

from syncmodel.adapter import InProcess
from syncmodel.model.columns import Counter, Token
from syncmodel.model.net import Net
from syncmodel.model.outcome import Outcome
from syncmodel.model.schema import Schema, Table
from syncmodel.model.values import Row, Write

NOTE, DELETE = sdk.Kind(30078), sdk.Kind(5)
CONNECTED = timedelta(seconds=10)


class Nostr(InProcess):
    """Relays that nobody connects but the tester."""

    schema = Schema(Table("notes", Token("title"), Counter("votes")))
    refuses = False
    waits = True
    keys = sdk.Keys.generate()
    client: Any = None

    async def replica(self, node: str) -> Any:
        """A relay with an empty store."""
        at_will = sdk.RateLimit(max_reqs=10**6, notes_per_minute=10**6)
        relay = sdk.LocalRelayBuilder().rate_limit(at_will).build()
        await relay.run()
        return relay

    async def begin(self, net: Net) -> None:
        """New relays, and a client that is connected with all of them."""
        await self.close()
        await super().begin(net)
        self.client = sdk.ClientBuilder().build()
        self.carried: dict[tuple[str, str], set[str]] = {}
        self.writing = {node: asyncio.Lock() for node in self.nodes}
        self.urls = {node: await relay.url() for node, relay in self.at.items()}
        for url in self.urls.values():
            await self.client.add_relay(url)
        await self.client.connect(and_wait=CONNECTED)

    async def close(self) -> None:
        """Leave no relay and no connection."""
        if self.client is not None:
            await self.client.shutdown()
            self.client = None
        for relay in getattr(self, "at", {}).values():
            relay.shutdown()
        self.at = {}

    async def write(self, node: str, write: Write) -> Outcome:
        """As `InProcess.write`: each reads what is there first, so one after the other."""
        async with self.writing[node]:
            return await super().write(node, write)

    async def create(self, node: str, row: Row, columns: Mapping[str, Any]) -> Any:
        """A note."""
        return await self._publish(node, row, NOTE, sdk.Tag.identifier(row.name), dict(columns))

    async def set(self, node: str, row: Row, column: str, value: Any) -> Any:
        """The whole note, with another cell."""
        columns = dict(await self._notes(node))[row.name]
        return await self.create(node, row, {**columns, column: value})

    async def add(self, node: str, row: Row, column: str, by: int) -> Any:
        """The same: it adds to what this relay shows."""
        return await self.set(
            node, row, column, dict(await self._notes(node))[row.name][column] + by
        )

    async def delete(self, node: str, row: Row) -> None:
        """A request to delete the address."""
        await self._publish(node, row, DELETE, sdk.Tag.parse(["a", self._address(row)]))

    async def rows(self, node: str, prefix: str) -> Any:
        """Every note of the store."""
        return [("notes", name, columns) for name, columns in await self._notes(node)]

    async def pull(self, sender: str, receiver: str) -> bool:
        """Every event that was not yet carried, as it is; the receiver may refuse it."""
        carried = self.carried.setdefault((sender, receiver), set())
        events = {event.id().to_hex(): event for event in await self._events(sender)}
        for one in events.keys() - carried:
            await self._send(receiver, events[one])
        more = not events.keys() <= carried
        carried.update(events)
        return more

    def _address(self, row: Row) -> str:
        return f"{NOTE.as_u16()}:{self.keys.public_key().to_hex()}:{row.name}"

    async def _events(self, node: str, **wanted: Any) -> Any:
        target = sdk.ReqTarget.single(self.urls[node], [sdk.Filter.from_json(json.dumps(wanted))])
        return await self.client.fetch_events(target)

    async def _send(self, node: str, event: Any) -> str | None:
        """Why the relay refused it, None if it took it."""
        done = await self.client.send_event(event, sdk.SendEventTarget.to([self.urls[node]]))
        refused: str | None = done.failed.get(self.urls[node])
        return refused

    async def _notes(self, node: str) -> list[tuple[str, dict[str, Any]]]:
        notes = await self._events(node, kinds=[NOTE.as_u16()])
        return [(_name(event), json.loads(event.content())) for event in notes]

    async def _publish(
        self, node: str, row: Row, kind: Any, tag: Any, columns: dict[str, Any] | None = None
    ) -> Any:
        """Store an event that is later than all that the relay has of this row."""
        known = await self._events(node, **{"#d": [row.name]})
        known += await self._events(node, **{"#a": [self._address(row)]})
        stamps = [event.created_at().as_secs() for event in known]
        later = max([sdk.Timestamp.now().as_secs(), *(stamp + 1 for stamp in stamps)])
        content = "" if columns is None else json.dumps(columns)
        draft = sdk.EventBuilder(kind, content).tags([tag])
        event = draft.custom_created_at(sdk.Timestamp.from_secs(later)).finalize(self.keys)
        if (why := await self._send(node, event)) is not None:
            raise RuntimeError(f"the relay refused it: {why}")
        return columns


def _name(event: Any) -> str:
    return next(tag.content() for tag in event.tags() if tag.kind() == "d") or ""
