"""What plugins need of each other and of their host: packaged, planned, loaded, and in which order.

Graphs of plugins are random; migrations run on a real store.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from one_machine import Machine, failing, live, migration, prepared

from syncmodel.errors import FormatError
from syncmodel.nostr.keys import Key
from syncmodel.reference.node import config, migrations, packages
from syncmodel.reference.node.generations import Generation, Generations
from syncmodel.reference.node.layout import Layout
from syncmodel.reference.node.migrations import Migration
from syncmodel.reference.node.packages import CORE, HOST_API, Manifest
from syncmodel.reference.node.supervisor_pieces import SupervisorPieces


@attrs.frozen
class World:
    """Plugins that need each other, with all their migrations in no order, and two sets of them."""

    manifests: tuple[Manifest, ...]
    migrations: tuple[Migration, ...]
    before: dict[str, int]
    after: dict[str, int]

    @property
    def ordered(self) -> tuple[Migration, ...]:
        return packages.in_order(self.migrations, self.manifests)

    def of(self, versions: dict[str, int]) -> tuple[Migration, ...]:
        there = [one for one in self.migrations if one.version <= versions.get(one.plugin, 0)]
        return packages.in_order(there, self.manifests)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    names = [f"p{number}" for number in range(draw(st.integers(1, 5)))]
    versions = {name: draw(st.integers(1, 3)) for name in [CORE, *names]}
    requires = {
        name: draw(st.sets(st.sampled_from(names[:place]))) if place else set()
        for place, name in enumerate(names)
    }
    manifests = [
        Manifest(name, versions[name], requires=dict.fromkeys(sorted(requires[name]), 1))
        for name in names
    ]
    known = [
        migration(
            name,
            version,
            [
                *(f"{other}_1" for other in sorted(requires.get(name, ()))),
                *([f"{name}_{version - 1}"] if version > 1 else []),
                *([f"{CORE}_1"] if name != CORE else []),
            ],
        )
        for name, latest in versions.items()
        for version in range(1, latest + 1)
    ]

    def some() -> dict[str, int]:
        """Some plugins with all that they require, and the core, which is always there."""
        wanted = draw(st.sets(st.sampled_from(names)))
        while True:
            more = wanted.union(*(requires[name] for name in wanted))
            if more == wanted:
                break
            wanted = more
        chosen = {name: draw(st.integers(1, versions[name])) for name in sorted(wanted)}
        return {CORE: draw(st.integers(1, versions[CORE])), **chosen}

    shuffled = draw(st.permutations(known))
    return World(tuple(draw(st.permutations(manifests))), tuple(shuffled), some(), some())


def store() -> closing[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrations.ensure_base(connection)
    return closing(connection)


def carried_out(
    connection: sqlite3.Connection, steps: migrations.Plan, known: Sequence[Migration]
) -> None:
    with migrations.transaction(connection):
        migrations.run(connection, steps, new_log_id="new", now_s=5, migrations=known)


@settings(max_examples=25, deadline=None)
@given(world=worlds())
def test_what_is_needed_comes_before_and_goes_after(world: World) -> None:
    with store() as connection:
        known = world.ordered
        carried_out(connection, migrations.plan({}, world.before, known), known)
        assert migrations.installed(connection) == world.before
        for start, end in ((world.before, world.after), (world.after, world.before)):
            carried_out(connection, migrations.plan(start, end, known), known)
            assert migrations.installed(connection) == end
            tables = {f"{name}_{n}" for name, latest in end.items() for n in range(1, latest + 1)}
            assert tables == {one for name in end for one in migrations.tables(connection, name)}
    up = [name for _, name in migrations.plan({}, world.after, known)]
    down = [name for _, name in migrations.plan(world.after, {}, known)]
    assert down == up[::-1]
    cores = world.after[CORE]
    assert up[:cores] == [f"{CORE}-{number}" for number in range(1, cores + 1)]


@settings(max_examples=15, deadline=None)
@given(world=worlds())
def test_a_failure_at_any_position_leaves_all_as_it_was(world: World) -> None:
    known = world.ordered
    steps = migrations.plan(world.before, world.after, known)
    for way, name in steps:
        broken = [failing(one, way) if one.name == name else one for one in known]
        with store() as connection:
            carried_out(connection, migrations.plan({}, world.before, known), broken)
            there = list(connection.iterdump())
            with pytest.raises(sqlite3.OperationalError, match="nowhere"):
                carried_out(connection, steps, broken)
            assert list(connection.iterdump()) == there


def plugins(versions: dict[str, int]) -> dict[str, int]:
    return {name: version for name, version in versions.items() if name != CORE}


@settings(max_examples=4, deadline=None)
@given(world=worlds(), data=st.data())
def test_a_job_that_fails_at_any_position_leaves_all_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, world: World, data: st.DataObject
) -> None:
    root = prepared(tmp_path_factory.mktemp("machine"))
    layout = Layout(root)
    for one in world.manifests:
        for version in range(1, one.version + 1):
            packages.package(layout, attrs.evolve(one, version=version))
    for number, versions in ((4, world.before), (5, world.after)):
        generation = Generation(number, plugins(versions), core=versions[CORE])
        Generations(layout).install(generation)
    steps = migrations.between(world.of(world.before), world.of(world.after))
    broken = data.draw(st.sampled_from([None, *steps]))

    async def to_the_first(machine: Machine) -> None:
        done = await machine.job("rollout.start", generation=4)
        assert done["error"] is None

    async def to_the_second(machine: Machine) -> None:
        before = machine.snapshot()
        previewed = await machine.ask("rollout.preview", generation=5)
        assert previewed["migrations"] == migrations.directions(steps)
        ended = await machine.job("rollout.start", generation=5)
        if broken is None:
            assert (ended["state"], ended["running"]) == ("done", 5)
            assert ended["migrations"] == previewed["migrations"]
        else:
            assert ended["error"]["code"] == "migration_failed"
            assert machine.snapshot() == before
            assert machine.application.state == "running"

    known = tuple(
        failing(one, broken[0]) if broken and one.name == broken[1] else one
        for one in world.migrations
    )
    live(root, to_the_first, pieces=SupervisorPieces(migrations=known))
    live(root, to_the_second, pieces=SupervisorPieces(migrations=known))


def codes(*manifests: Manifest) -> list[str]:
    return [problem.code for problem in packages.together(manifests)]


def test_what_does_not_fit_together_is_named() -> None:
    maps, tiles = Manifest("maps", 1, requires={"tiles": 2}), Manifest("tiles", 2)
    assert codes(maps, tiles) == []
    assert codes(maps) == codes(maps, Manifest("tiles", 1)) == ["missing_requirement"]
    assert codes(maps, Manifest("disk", 1, provides={"tiles": 3})) == []
    assert codes(Manifest("disk", 1, provides={"tiles": 3}), tiles) == ["provided_twice"]
    assert codes(maps, attrs.evolve(tiles, requires={"maps": 1})) == ["cycle"]
    assert codes(Manifest("loner", 1, requires={"loner": 1})) == ["cycle"]
    # Of a few plugins that all need each other there are more cycles than can be counted.
    names = {f"p{place}" for place in range(40)}
    knot = [Manifest(name, 1, requires=dict.fromkeys(names - {name}, 1)) for name in sorted(names)]
    assert codes(*knot) == ["cycle"]
    for other in (HOST_API + 1, packages.OLDEST_HOST_API - 1):
        assert codes(Manifest("odd", 1, host_api=other)) == ["host_api"]
    assert codes(Manifest(CORE, 1)) == ["reserved"]
    (problem,) = packages.together([maps, Manifest("tiles", 1)])
    assert problem.message == "maps 1 requires tiles 2, and there is version 1."


BAD: list[dict[str, Any]] = [
    {"plugin": "Maps", "version": 1},
    {"plugin": "", "version": 1},
    {"plugin": "../maps", "version": 1},
    {"plugin": "maps", "version": 0},
    {"plugin": "maps", "version": True},
    {"plugin": "maps", "version": 1, "host_api": "1"},
    {"plugin": "maps", "version": 1, "requires": ["tiles"]},
    {"plugin": "maps", "version": 1, "requires": {"tiles": None}},
    {"plugin": "maps", "version": 1, "provides": {"a b": 1}},
    {"plugin": "maps", "version": 1, "depends": {}},
]


@pytest.mark.parametrize("data", BAD)
def test_what_can_t_be_loaded_is_not_packaged(tmp_path: Path, data: dict[str, Any]) -> None:
    with pytest.raises(FormatError) as error:
        packages.read(data, "here")
    assert str(error.value).startswith("here: ")
    layout = Layout(tmp_path)
    for manifest in (Manifest("odd", 1, host_api=HOST_API + 1), Manifest("Odd", 1)):
        with pytest.raises(FormatError):
            packages.package(layout, manifest)
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_fit_is_refused_when_it_is_planned(tmp_path: Path) -> None:
    root = prepared(tmp_path)
    layout = Layout(root)
    packages.package(layout, Manifest("maps", 1, requires={"tiles": 2}))
    packages.package(layout, Manifest("tiles", 1))
    generations = Generations(layout)
    generations.install(Generation(4, {"maps": 1, "tiles": 1}))
    generations.install(Generation(5, {"nobody": 1}))

    async def test(machine: Machine) -> None:
        for number, code in ((4, "missing_requirement"), (5, "no_manifest")):
            before = machine.snapshot()
            preview = await machine.ask("rollout.preview", generation=number)
            assert [one["code"] for one in preview["incompatible"]] == [code]
            ended = await machine.job("rollout.start", generation=number)
            assert (ended["state"], ended["error"]["code"]) == ("aborted", "incompatible")
            assert [one["code"] for one in ended["error"]["details"]["problems"]] == [code]
            assert machine.snapshot() == before
            assert machine.application.calls == ["start 1"]

    live(root, test)


def test_what_was_installed_by_hand_is_checked_when_it_is_loaded(tmp_path: Path) -> None:
    root = prepared(tmp_path)
    layout = Layout(root)
    Generations(layout).set_running(2)
    layout.key.write_text(Key.generate().reveal())
    layout.config.parent.mkdir(exist_ok=True)
    layout.config.write_text(json.dumps({"name": "n1"}))
    assert config.load(root).plugin == 1
    by_hand = layout.manifest("supertest", 1)
    by_hand.parent.mkdir(parents=True)
    for text in (
        json.dumps({"plugin": "supertest", "version": 1, "host_api": HOST_API + 1}),
        json.dumps({"plugin": "supertest", "version": 1, "requires": {"tiles": 1}}),
        json.dumps({"plugin": "supertest", "version": 2}),
        "{",
    ):
        by_hand.write_text(text)
        with pytest.raises(FormatError, match="Generation 2 can't be loaded"):
            config.load(root)
