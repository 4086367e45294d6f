"""The channels that generations are built from: which commits, of what lineage, signed by whom.

A commit is a signed event, whose tags name its channel and its parents. Lives here: reading what a
machine knows of its channels, and the delta from one set of pins to another. Not here: what is
refused because of it (`deployment`). The words are those of Guix, which refuses to pull what does
not descend from what is there ("Channel Authentication", its manual).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

import attrs
import networkx as nx

from syncmodel.errors import FormatError
from syncmodel.nostr.events import Event, MalformedEventError, verify
from syncmodel.nostr.keys import Key
from syncmodel.reference.node.layout import Layout

#: The kind of a commit's event, that of patches in NIP-34; nodes do not pass it on.
COMMIT = 1617


class Lineage(Enum):
    """How what is to be pulled follows from what is there."""

    SAME = "same"
    FORWARD = "forward"
    NEW = "new"
    REWRITTEN = "rewritten"
    UNSIGNED = "unsigned"
    UNKNOWN = "unknown"


#: What is pulled without being asked about.
FOLLOWS = (Lineage.SAME, Lineage.FORWARD, Lineage.NEW)


@attrs.frozen
class Delta:
    """One channel that two generations pin at different commits, or that one of them lacks."""

    channel: str
    before: str | None
    after: str | None
    lineage: Lineage

    def told(self) -> dict[str, Any]:
        """As a client is told of it."""
        return {
            "channel": self.channel,
            "from": self.before,
            "to": self.after,
            "lineage": self.lineage.value,
        }


@attrs.frozen
class Channels:
    """What a machine knows: who may sign in each channel, and all commits by their ids."""

    authorised: Mapping[str, frozenset[str]] = attrs.field(factory=dict)
    commits: Mapping[str, Event] = attrs.field(factory=dict)

    def deltas(self, before: Mapping[str, str], after: Mapping[str, str]) -> list[Delta]:
        """Every channel that is pinned elsewhere afterwards, by name. None: no pull is needed."""
        return [
            Delta(name, before.get(name), after.get(name), self._lineage(name, before, after))
            for name in sorted({*before, *after})
            if before.get(name) != after.get(name)
        ]

    def _lineage(
        self, channel: str, before: Mapping[str, str], after: Mapping[str, str]
    ) -> Lineage:
        old, new = before.get(channel), after.get(channel)
        if new is None:
            # A channel that is no longer used is not pulled.
            return Lineage.SAME
        graph = self._graph(channel)
        if new not in graph or (old is not None and old not in graph):
            return Lineage.UNKNOWN
        line = nx.ancestors(graph, new) | {new}
        if old is not None:
            line -= nx.ancestors(graph, old) | {old}
        if not all(self._signed(channel, one) for one in line):
            return Lineage.UNSIGNED
        if old is None:
            return Lineage.NEW
        return Lineage.FORWARD if nx.has_path(graph, old, new) else Lineage.REWRITTEN

    def _graph(self, channel: str) -> nx.DiGraph[str]:
        """The channel's commits, each with an edge from its parents."""
        graph: nx.DiGraph[str] = nx.DiGraph()
        for commit in self.commits.values():
            if channel in _named(commit, "channel"):
                graph.add_node(commit.id)
                graph.add_edges_from((parent, commit.id) for parent in _named(commit, "parent"))
        return graph

    def _signed(self, channel: str, commit: str) -> bool:
        event = self.commits.get(commit)
        return event is not None and event.pubkey in self.authorised.get(channel, frozenset())


def commit(key: Key, channel: str, parents: Iterable[str], content: str = "") -> Event:
    """A new commit of a channel, signed."""
    tags = (("channel", channel), *(("parent", parent) for parent in parents))
    return key.sign_new(0, COMMIT, tags, content)


def store(layout: Layout, channels: Channels) -> None:
    """Write what a machine knows of its channels."""
    layout.channels.parent.mkdir(parents=True, exist_ok=True)
    data = {
        "authorised": {name: sorted(keys) for name, keys in channels.authorised.items()},
        "commits": [event.to_json() for event in channels.commits.values()],
    }
    layout.channels.write_text(json.dumps(data), encoding="utf-8")


def known(layout: Layout) -> Channels:
    """What this machine knows of its channels; nothing where there is no file.

    A commit whose signature is not right is not known. Raises `FormatError`.
    """
    try:
        data = json.loads(layout.channels.read_text(encoding="utf-8"))
        authorised = {name: frozenset(keys) for name, keys in data["authorised"].items()}
        events = [Event.from_json(one) for one in data["commits"]]
    except FileNotFoundError:
        return Channels()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, MalformedEventError) as error:
        raise FormatError(f"{layout.channels}: not a list of channels: {error}") from None
    return Channels(authorised, {event.id: event for event in events if verify(event)})


def _named(event: Event, name: str) -> list[str]:
    return [tag[1] for tag in event.tags if len(tag) > 1 and tag[0] == name]
