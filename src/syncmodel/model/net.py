"""Who runs what, and over which links knowledge travels: the part that plan and belief share.

A link `(a, b)` is the connection over which a's rows reach b. Knowledge flows along the links that
are up, between members that run with the table's plugin in their running generation, and to nodes
that trust its author. A node that stands still is not up; but what is sent to it waits for it, so
it may know that.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property, lru_cache
from itertools import permutations, product

from immutables import Map
from msgspec.structs import replace

from syncmodel.model import spreading
from syncmodel.model.schema import Schema
from syncmodel.model.spreading import KEPT
from syncmodel.record import Record

Link = spreading.Link
NOBODY: frozenset[str] = frozenset()


class Net(Record, cache_hash=True, dict=True, gc=True):
    """What nodes store, their generations, who is down or stands still, and which links are cut.

    A value. No node is `down` and `paused`.
    """

    schema: Schema
    nodes: tuple[str, ...]
    running: Map[str, int]
    down: frozenset[str] = frozenset()
    cut: frozenset[Link] = frozenset()
    #: Links that broke since their receiving node's last resync; kept only where a heal alone need
    #: not catch a node up.
    interrupted: frozenset[Link] = frozenset()
    #: Whether a node hands on what it learnt from others, or only what it wrote itself.
    passes_on: bool = True
    #: Whether a rollback keeps the rows of the tables that it drops.
    keeps_log: bool = False
    #: Nodes that refuse every write.
    readers: frozenset[str] = NOBODY
    #: Whether a node that does not reach most of the nodes refuses writes.
    quorum: bool = False
    #: Nodes whose application stands still: it answers nobody, and loses nothing.
    paused: frozenset[str] = NOBODY
    #: Nodes whose plugin is disabled: it does not run, and its tables and their log are kept.
    disabled: frozenset[str] = NOBODY
    #: The generation that a node will boot, where that is not the one that it runs.
    staged: Map[str, int] = Map()
    #: (told, node): the first one was told that the other (or it itself) is no member, so that no
    #: row passes between them.
    away: frozenset[Link] = frozenset()
    #: (node, author): the node takes no rows of that author, and shows none.
    distrusts: frozenset[Link] = frozenset()
    #: The generation that is selected on the copy of each node's disk, where there is one.
    backups: Map[str, int] = Map()

    def __repr__(self) -> str:
        """Where it is: nodes with their generations, who is down, what is cut."""
        nodes = ", ".join(f"{node}={self.running[node]}" for node in self.nodes)
        facts = [(name, [*getattr(self, name)]) for name in ("down", "paused", "disabled")]
        facts += [("staged", [f"{n}={number}" for n, number in self.staged.items()])]
        for mark, name in (("->", "cut"), (":", "away"), (":", "distrusts")):
            facts += [(name, [f"{a}{mark}{b}" for a, b in getattr(self, name)])]
        said = "".join(f", {name}={sorted(those)}" for name, those in facts if those)
        return f"Net({nodes}{said})"

    # --- questions -----------------------------------------------------------------------------

    @cached_property
    def links(self) -> frozenset[Link]:
        """Every directed link, cut or not."""
        return frozenset(permutations(self.nodes, 2))

    @property
    def generations(self) -> Map[int, int | None]:
        """The plugin's version in each generation, None where it has none."""
        return self.schema.deployment

    def plugin(self, node: str) -> int | None:
        """The plugin's version in the node's running generation, or None."""
        return self.schema.deployment[self.running[node]]

    def selected(self, node: str) -> int:
        """The generation that the node's machine will boot."""
        return self.staged.get(node, self.running[node])

    @property
    def lives(self) -> tuple[object, ...]:
        """What each node runs and will boot, and whether it is there: not the links."""
        return self.running, self.still, self.disabled, self.staged

    def has_tables(self, node: str) -> bool:
        """Whether the plugin's tables are in the node's store, which keeps their log."""
        return node in self.disabled or self.plugin(node) is not None

    def carries(self, node: str) -> bool:
        """Whether the node runs, with the plugin: only such a node accepts, serves and shows."""
        return node in self.carriers

    def writes(self, node: str) -> bool:
        """Whether the node takes writes: it runs with the plugin, and is no reader."""
        return node in self.writers

    @cached_property
    def writers(self) -> tuple[str, ...]:
        """The nodes that take writes."""
        if not self.readers:
            return self.carriers
        return tuple(node for node in self.carriers if node not in self.readers)

    @cached_property
    def up(self) -> tuple[str, ...]:
        """The nodes that run, with the plugin or without, and do not stand still."""
        return tuple(node for node in self.nodes if node not in self.still)

    @cached_property
    def still(self) -> frozenset[str]:
        """The nodes that are down, or stand still."""
        return self.down | self.paused if self.paused else self.down

    @cached_property
    def asked(self) -> tuple[str, ...]:
        """The nodes that a write may be sent to: those that take it, and those that stand still,
        where it waits."""
        if not self.paused:
            return self.writers
        waits = self.paused - self.readers
        return tuple(
            node
            for node in self.nodes
            if node in self.writers or (node in waits and self.plugin(node) is not None)
        )

    @cached_property
    def carriers(self) -> tuple[str, ...]:
        """The nodes that show rows."""
        return tuple(node for node in self.up if self.plugin(node) is not None)

    @cached_property
    def connected(self) -> tuple[Link, ...]:
        """The links that must be connected once the system is at rest, in a fixed order."""
        return tuple(
            (a, b)
            for a, b in permutations(self.nodes, 2)
            if (a, b) not in self.off and a not in self.still and b not in self.still
        )

    @cached_property
    def off(self) -> frozenset[Link]:
        """The links that carry nothing: those that are cut, and those between nodes of which one
        holds the other, or itself, for no member."""
        if not self.away:
            return self.cut
        return self.cut.union([link for link in self.links if not self.are_members(*link)])

    def are_members(self, *nodes: str) -> bool:
        """Whether none of these nodes holds any of them for no member."""
        return self.away.isdisjoint(product(nodes, nodes))

    @cached_property
    def flow(self) -> frozenset[Link]:
        """The links along which knowledge travels."""
        return frozenset([link for link in permutations(self.carriers, 2) if link not in self.off])

    @cached_property
    def told(self) -> frozenset[Link]:
        """The links along which knowledge may travel: also to a node that stands still, and finds
        it when it goes on, though the link is cut by then."""
        if not self.paused:
            return self.flow
        waits = [node for node in sorted(self.paused) if self.plugin(node) is not None]
        links = {(a, b) for a in self.carriers for b in waits}
        return self.flow | (links - self.off)

    def reach_of(self, author: str) -> dict[str, frozenset[str]]:
        """The same as `reach`, for what that author wrote."""
        if not self.distrusts:
            return self.reach
        return spreading.reach(self.nodes, self._told_of(author), self.passes_on)

    def sources_of(self, author: str) -> dict[str, frozenset[str]]:
        """The same as `sources`, for what that author wrote."""
        if not self.distrusts:
            return self.sources
        return spreading.sources(self.nodes, self._told_of(author), self.passes_on)

    def _told_of(self, author: str) -> frozenset[Link]:
        return spreading.heard(self.told, self.distrusts, author)

    @cached_property
    def reach(self) -> dict[str, frozenset[str]]:
        """For each node: all that may learn what it knows, itself among them."""
        return spreading.reach(self.nodes, self.told, self.passes_on)

    @cached_property
    def sources(self) -> dict[str, frozenset[str]]:
        """For each node: all whose knowledge it may have learnt, itself among them."""
        return spreading.sources(self.nodes, self.told, self.passes_on)

    @cached_property
    def tellers(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Each node that may learn of others, with these others, in a fixed order."""
        return spreading.tellers(self.nodes, self.told, self.passes_on)

    @cached_property
    def whole(self) -> Net:
        """This net with only the links over which knowledge *must* travel."""
        if not self.interrupted and not self.quorum and not self.paused:
            return self
        gone = self.cut | self.interrupted
        if self.paused:
            gone |= {link for link in self.links if not self.paused.isdisjoint(link)}
        if self.quorum:
            gone |= {link for link in self.links if not self.voters.issuperset(link)}
        return replace(self, cut=gone, interrupted=frozenset())

    @cached_property
    def settles(self) -> bool:
        """Whether all that was under way has come at a rest: what comes later is sent anew."""
        if not self.quorum and not self.paused:
            return True
        return self.whole.flow == replace(self, cut=self.cut | self.interrupted).flow

    @cached_property
    def circles(self) -> tuple[tuple[str, ...], ...]:
        """The groups of nodes that learn all from each other: at rest each knows the same."""
        if not self.passes_on:
            return tuple((node,) for node in self.carriers)
        if self.distrusts:
            return spreading.agreeing(self.carriers, self.whole.flow, self.distrusts, self.nodes)
        return spreading.circles(self.carriers, self.whole.flow)

    @cached_property
    def voters(self) -> frozenset[str]:
        """The nodes that must be able to write in a quorum: most of all, which hear each other."""
        return next(filter(self._is_most, spreading.mutual(self.carriers, self.flow)), NOBODY)

    def must_answer(self, node: str) -> bool:
        """Whether a node that runs must show its rows: any, but where a quorum decides only one
        that must have it."""
        return not self.quorum or node in self.voters

    @cached_property
    def perhaps_voters(self) -> frozenset[str]:
        """The nodes that may be able to: some path, over links of any direction, joins most."""
        return NOBODY.union(*filter(self._is_most, spreading.joined(self.carriers, self.flow)))

    def _is_most(self, group: frozenset[str]) -> bool:
        return 2 * len(group) > len(self.nodes)

    # --- changes -------------------------------------------------------------------------------

    def with_cut(self, cut: Iterable[Link]) -> Net:
        """Exactly these links are cut."""
        return only(replace(self, cut=frozenset(cut)))

    def stop(self, node: str) -> Net:
        """The node's application is down."""
        return only(replace(self, down=self.down | {node}, paused=self.paused - {node}))

    def start(self, node: str) -> Net:
        """The node's application runs."""
        return only(replace(self, down=self.down - {node}, paused=self.paused - {node}))

    def pause(self, node: str) -> Net:
        """The node's application stands still."""
        return only(replace(self, paused=self.paused | {node}))

    def resume(self, node: str) -> Net:
        """The node's application goes on."""
        return only(replace(self, paused=self.paused - {node}))

    def leave(self, node: str) -> Net:
        """Every node that can be told holds this one for no member."""
        return only(replace(self, away=self.away.union(product(self.up, (node,)))))

    def join(self, node: str) -> Net:
        """Every node that can be told holds this one for a member."""
        return only(replace(self, away=self.away.difference(product(self.up, (node,)))))

    def distrust(self, node: str, author: str) -> Net:
        """The node does not trust that author any more."""
        return only(replace(self, distrusts=self.distrusts | {(node, author)}))

    def trust(self, node: str, author: str) -> Net:
        """The node trusts that author."""
        return only(replace(self, distrusts=self.distrusts - {(node, author)}))

    def backup(self, nodes: Iterable[str]) -> Net:
        """The disks of these nodes are copied."""
        running = {node: self.running[node] for node in nodes}
        return only(replace(self, backups=self.backups.update(running)))

    def restore(self, nodes: Iterable[str]) -> Net:
        """The disks of these nodes are as they were, and their applications run."""
        back = {node: self.backups[node] for node in nodes if node in self.backups}
        gone = self.still.intersection(back)
        return only(
            replace(
                self,
                running=self.running.update(back),
                down=self.down - gone,
                paused=self.paused - gone,
            )
        )

    def deploy(self, nodes: Iterable[str], generation: int) -> Net:
        """These nodes run that generation, and will boot it."""
        nodes = tuple(nodes)
        running = self.running.update(dict.fromkeys(nodes, generation))
        if not self.disabled and not self.staged:
            return only(replace(self, running=running))
        disabled, staged = self.disabled.difference(nodes), self.staged
        for node in nodes:
            staged = staged.delete(node) if node in staged else staged
        return only(replace(self, running=running, disabled=disabled, staged=staged))

    def disable(self, node: str, generation: int) -> Net:
        """The node runs that generation, which has no plugin, and keeps the tables of it."""
        return only(replace(self.deploy((node,), generation), disabled=self.disabled | {node}))

    def select(self, node: str, generation: int) -> Net:
        """The node's machine will boot that generation."""
        staged = self.staged.delete(node) if node in self.staged else self.staged
        if generation != self.running[node]:
            staged = staged.set(node, generation)
        return only(replace(self, staged=staged))

    def boot(self, node: str) -> Net:
        """The node's machine boots the generation that is selected."""
        net = self.deploy((node,), self.staged[node]) if node in self.staged else self
        return net.start(node)

    def interrupt(self, after: Net, touched: frozenset[str]) -> Net:
        """`after`, which follows this net, with the links that broke or are new on the way noted.

        `touched` are the nodes whose application was restarted, though it may run again.
        """
        changed = self.flow ^ after.flow
        restarted = {link for link in after.links if not touched.isdisjoint(link)}
        return replace(after, interrupted=after.interrupted | changed | restarted)

    def resynced(self, node: str) -> Net:
        """The node asked those that it hears for all that it lacks."""
        return replace(
            self,
            interrupted=frozenset(
                link for link in self.interrupted if link[1] != node or link not in self.flow
            ),
        )

    def either(self, other: Net) -> Net:
        """What is up at any moment while this net becomes the other one."""
        return self if other is self else _either(self, other)

    def drops(self, after: Net) -> frozenset[str]:
        """The nodes that lose their log while this net becomes `after`."""
        switched = after.running is not self.running or after.disabled != self.disabled
        return _dropping(self, after) if switched and not self.keeps_log else NOBODY


# Searches meet few nets, and plan and belief the same ones. A net is a value, and so all that
# follows from it: each of these is found once for all equal arguments. What is equal is mostly one
# object then, so that comparing it is cheap; nothing relies on that for its result.


@lru_cache(maxsize=KEPT)
def only(net: Net) -> Net:
    """The object that stands for every net that is equal to this one, as long as it is known."""
    return net


@lru_cache(maxsize=KEPT)
def _either(net: Net, other: Net) -> Net:
    bare = {node: other.running[node] for node in net.nodes if net.plugin(node) is None}
    running = net.running.update(bare) if bare else net.running
    down, cut = net.down & other.down, net.cut & other.cut
    paused = (net.still & other.still) - down
    told = {"away": net.away & other.away, "distrusts": net.distrusts & other.distrusts}
    return only(replace(net, running=running, down=down, cut=cut, paused=paused, **told))


@lru_cache(maxsize=KEPT)
def _dropping(net: Net, after: Net) -> frozenset[str]:
    return frozenset(
        node for node in net.nodes if net.has_tables(node) and not after.has_tables(node)
    )


def fully_connected(schema: Schema, count: int, generation: int | None = None) -> Net:
    """`count` nodes n1, n2, ... on `generation` (default: the usual one), every link whole."""
    nodes = tuple(f"n{i}" for i in range(1, count + 1))
    running = Map(dict.fromkeys(nodes, schema.usual if generation is None else generation))
    return only(Net(schema=schema, nodes=nodes, running=running))
