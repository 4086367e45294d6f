"""Migrations that come with the packages of plugins: a generation has those of its own packages,
and what undoes them is what was applied."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
from one_machine import (
    Machine,
    as_previewed,
    failing,
    killed,
    live,
    migration,
    prepared,
    without_log,
)

from syncmodel.reference.node import migrations, packages
from syncmodel.reference.node.generations import Generation, Generations
from syncmodel.reference.node.jobs import JobStore
from syncmodel.reference.node.layout import Layout
from syncmodel.reference.node.migrations import MIGRATIONS, Direction, Migration
from syncmodel.reference.node.packages import Manifest
from syncmodel.reference.node.supervisor_pieces import SupervisorPieces

SHIPPED = [one.name for one in MIGRATIONS if one.version == 1]
MAPS = attrs.evolve(migration("maps", 1), kinds=(30500,))
NAMES = Migration(
    "maps-2-names",
    "maps",
    2,
    up=("ALTER TABLE maps_1 ADD COLUMN name TEXT",),
    down=("ALTER TABLE maps_1 DROP COLUMN name",),
)
ANEW = migration("maps", 3)
ANEW_IN_2 = attrs.evolve(ANEW, name="maps-2-anew", version=2)
BASE = {"entries", "meta", "cursors", "migrations"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three versions of a plugin, of which the last one begins anew, each in a generation."""
    made, layout = prepared(tmp_path), Layout(tmp_path)
    for version, brought in ((1, [MAPS]), (2, [MAPS, NAMES]), (3, [ANEW])):
        packages.package(layout, Manifest("maps", version), brought)
        Generations(layout).install(Generation(3 + version, {"maps": version}))
    return made


def gone(root: Path, plugin: str, version: int) -> None:
    shutil.rmtree(Layout(root).manifest(plugin, version).parent)


def tables(machine: Machine) -> set[str]:
    with machine.store() as store:
        found = store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {name for (name,) in found} - BASE


def test_each_generation_has_the_migrations_of_its_own_packages(root: Path) -> None:
    async def test(machine: Machine) -> None:
        assert await as_previewed(machine, 4) == {"up": ["maps-1"], "down": []}
        assert await as_previewed(machine, 5) == {"up": ["maps-2-names"], "down": []}
        assert await as_previewed(machine, 6) == {
            "up": ["maps-3"],
            "down": ["maps-2-names", "maps-1"],
        }
        assert tables(machine) == {"maps_3"}
        assert await as_previewed(machine, 5, back=True) == {
            "up": ["maps-1", "maps-2-names"],
            "down": ["maps-3"],
        }
        assert tables(machine) == {"maps_1"}

    live(root, test)


@pytest.mark.parametrize("target", [1, 4])
@pytest.mark.parametrize("since", ["removed", "replaced", "without a file"])
def test_a_rollback_undoes_what_was_applied_whatever_became_of_its_package(
    root: Path, since: str, target: int
) -> None:
    layout = Layout(root)

    async def rolled_out(machine: Machine) -> None:
        await as_previewed(machine, 5)
        machine.execute("INSERT INTO entries VALUES (30500, 'e', 'me', 9, 1, 'id', '{}')")

    async def test(machine: Machine) -> None:
        if since == "removed":
            gone(root, "maps", 2)
        elif since == "replaced":
            packages.package(layout, Manifest("maps", 2), [failing(MAPS, "down"), ANEW_IN_2])
        else:
            layout.plugin_migrations("maps", 2).unlink()
        went = await as_previewed(machine, target, back=True)
        assert went == {"up": [], "down": ["maps-2-names", "maps-1"][: 2 if target == 1 else 1]}
        assert tables(machine) == (set() if target == 1 else {"maps_1"})
        with machine.store() as store:
            # With the table its part of the log went.
            assert store.execute("SELECT count(*) FROM entries").fetchone() == (int(target == 4),)

    live(root, rolled_out)
    # Nor does the code know any migration by now.
    live(root, test, pieces=SupervisorPieces(migrations=()))


def test_shipped_migrations_are_undone_by_code_that_ships_them_no_more(root: Path) -> None:
    async def rolled_out(machine: Machine) -> None:
        await as_previewed(machine, 3)

    async def test(machine: Machine) -> None:
        names = [one.name for one in MIGRATIONS if one.version <= 2]
        assert await as_previewed(machine, 1, back=True) == {"up": [], "down": names[::-1]}
        assert tables(machine) == set()

    live(root, rolled_out)
    live(root, test, pieces=SupervisorPieces(migrations=()))


def test_a_package_takes_the_place_of_what_is_shipped_for_its_version(root: Path) -> None:
    """Version 1 is shipped, version 2 brings its own, and later it is the shipped one again."""
    layout = Layout(root)
    notes = attrs.evolve(migration("supertest", 2), name="supertest-2-notes")
    packages.package(layout, Manifest("supertest", 2), [*MIGRATIONS[:2], notes])

    async def test(machine: Machine) -> None:
        assert await as_previewed(machine, 2) == {"up": SHIPPED, "down": []}
        assert await as_previewed(machine, 3) == {"up": ["supertest-2-notes"], "down": []}
        packages.package(layout, Manifest("supertest", 2))
        assert not layout.plugin_migrations("supertest", 2).exists()
        preview = await machine.ask("rollout.preview", generation=3)
        assert preview["migrations"] == {
            "up": [one.name for one in MIGRATIONS[2:4]],
            "down": ["supertest-2-notes"],
        }
        assert await as_previewed(machine, 2, back=True) == {
            "up": [],
            "down": ["supertest-2-notes"],
        }

    live(root, test)


# The core's and the first plugin's are shipped. Of two whose names say otherwise one needs the
# other, by way of a third that has no migrations.
CORE = migration("core", 1)
PACKAGED = (migration("tiles", 1, ["core_1"]), migration("atlas", 1, ["tiles_1"]))
ORDER = (CORE, *MIGRATIONS[:2], *PACKAGED)
ALL = Generation(7, {"atlas": 1, "glue": 1, "supertest": 1, "tiles": 1}, core=1)


def several(root: Path, broken: str | None = None, way: Direction = "up") -> SupervisorPieces:
    """Generation 7, of which one migration may fail; the pieces have what is shipped."""
    layout = Layout(root)
    known = [failing(one, way) if one.name == broken else one for one in ORDER]
    for name, needs in (("tiles", ()), ("glue", ("tiles",)), ("atlas", ("glue",))):
        own = [one for one in known if one.plugin == name]
        packages.package(layout, Manifest(name, 1, requires=dict.fromkeys(needs, 1)), own or None)
    Generations(layout).install(ALL)
    shipped = [one for one in known if one.plugin in ("core", "supertest")]
    return SupervisorPieces(migrations=tuple(shipped[::-1]) if broken is None else tuple(shipped))


def test_core_and_plugins_come_up_by_what_they_require_and_go_down_in_reverse(root: Path) -> None:
    async def test(machine: Machine) -> None:
        went = await as_previewed(machine, 7)
        assert went["down"] == []
        assert went["up"][0] == "core-1"
        assert set(went["up"]) == {one.name for one in ORDER}
        assert went["up"].index("tiles-1") < went["up"].index("atlas-1")
        back = await as_previewed(machine, 1, back=True)
        assert back == {"up": [], "down": went["up"][::-1]}
        assert tables(machine) == set()

    live(root, test, pieces=several(root))


@pytest.mark.parametrize("name", [one.name for one in ORDER])
def test_a_failure_at_each_position_leaves_all_as_it_was(root: Path, name: str) -> None:
    async def up(machine: Machine) -> None:
        before = machine.snapshot()
        failed = await machine.job("rollout.start", generation=7)
        assert (failed["state"], failed["error"]["code"]) == ("failed", "migration_failed")
        assert machine.snapshot() == before
        assert machine.application.calls == ["start 1"]

    async def down(machine: Machine) -> None:
        await as_previewed(machine, 7)
        before = machine.snapshot()
        failed = await machine.job("rollout.rollback", generation=1)
        assert (failed["state"], failed["error"]["code"]) == ("failed", "migration_failed")
        assert machine.snapshot() == before
        assert machine.application.state == "running"

    live(root, up, pieces=several(root, name, "up"))
    live(root, down, pieces=several(root, name, "down"))


@pytest.mark.parametrize("state", ["migrating", "committing", "restarting"])
@pytest.mark.parametrize("before_write", [True, False])
@pytest.mark.parametrize("way", [(1, 5), (5, 1), (5, 6)])
def test_a_job_whose_supervisor_died_goes_on(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    before_write: bool,
    way: tuple[int, int],
) -> None:
    died(root, monkeypatch, way, state=state, before_write=before_write)
    live(root, partial(there, way[1]))


@pytest.mark.parametrize("state", ["migrating", "committing", "restarting"])
@pytest.mark.parametrize("before_write", [True, False])
@pytest.mark.parametrize("way", [(1, 5), (5, 1), (5, 6)])
def test_a_job_whose_package_went_with_its_supervisor_goes_on_or_back(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    before_write: bool,
    way: tuple[int, int],
) -> None:
    died(root, monkeypatch, way, state=state, before_write=before_write)
    for version in (2, 3):
        gone(root, "maps", version)
    # What leads on is in the package, unless it was run; what leads back is in the store.
    start, target = way
    live(root, partial(there, target if state == "restarting" or target == 1 else start))


def died(root: Path, monkeypatch: pytest.MonkeyPatch, way: tuple[int, int], **moment: Any) -> None:
    """The supervisor died in a job from one generation to the other."""
    start, target = way
    method = "rollout.start" if start < target else "rollout.rollback"

    async def dies(machine: Machine) -> None:
        if start != 1:
            await as_previewed(machine, start)
        await killed(machine, monkeypatch, method, target, **moment)

    live(root, dies)


async def there(number: int, machine: Machine) -> None:
    """All of the machine is in that generation, and its last job says so."""
    assert (machine.generations.selected(), machine.generations.running()) == (number, number)
    assert tables(machine) == {1: set[str](), 5: {"maps_1"}, 6: {"maps_3"}}[number]
    assert machine.application.state == "running"
    job = JobStore(machine.layout.jobs).load()[-1]
    assert (job.state == "done") == (job.target == number)


def test_a_rollout_to_an_older_version_that_does_not_come_up_is_undone_without_its_package(
    root: Path,
) -> None:
    async def test(machine: Machine) -> None:
        await as_previewed(machine, 5)
        machine.execute("INSERT INTO maps_1 VALUES (1, NULL)")
        gone(root, "maps", 2)
        before = machine.snapshot()
        machine.application.fails_in = {4}
        failed = await machine.job("rollout.start", generation=4)
        assert failed["error"]["code"] == "application_failed"
        assert failed["migrations"] == {"up": [], "down": ["maps-2-names"]}
        assert (failed["selected"], failed["running"]) == (5, 5)
        assert without_log(machine.snapshot()) == without_log(before)
        # What a rollout has dropped does not come back: it stays where it is.
        machine.application.fails_in = {6}
        failed = await machine.job("rollout.start", generation=6)
        assert (failed["selected"], failed["running"]) == (6, 6)
        assert tables(machine) == {"maps_3"}

    live(root, test)


def test_which_plugins_a_rollback_keeps_is_in_the_record_of_its_target(root: Path) -> None:
    """What is selected, what runs and what is loaded lack a plugin that the target has."""
    packages.package(Layout(root), Manifest("tiles", 1), [migration("tiles", 1)])
    for number, plugins in ((7, {"maps": 1, "tiles": 1}), (8, {"maps": 2, "tiles": 1})):
        Generations(Layout(root)).install(Generation(number, plugins))

    async def test(machine: Machine) -> None:
        await as_previewed(machine, 8)
        machine.execute("INSERT INTO tiles_1 VALUES (7)")
        off = await machine.job("plugins.disable", plugin="tiles")
        assert (off["state"], off["running"]) == ("done", 5)
        assert tables(machine) == {"maps_1", "tiles_1"}
        back = await as_previewed(machine, 7, back=True)
        assert back == {"up": [], "down": ["maps-2-names"]}
        with machine.store() as store:
            assert store.execute("SELECT id FROM tiles_1").fetchall() == [(7,)]
        # And one that it has not goes, though it is not loaded either.
        await machine.job("plugins.disable", plugin="tiles")
        back = await as_previewed(machine, 1, back=True)
        assert back == {"up": [], "down": ["tiles-1", "maps-1"]}

    live(root, test)


def test_an_uninstall_says_what_goes_though_the_package_is_gone(root: Path) -> None:
    async def test(machine: Machine) -> None:
        await as_previewed(machine, 5)
        machine.execute("INSERT INTO maps_1 VALUES (1, NULL)")
        gone(root, "maps", 2)
        warned = await machine.refused("plugins.uninstall", plugin="maps")
        assert warned["details"]["rows_lost"] == {"maps_1": 1}
        done = await machine.job("plugins.uninstall", plugin="maps", confirm_data_loss=True)
        assert done["state"] == "done"
        assert tables(machine) == set()

    live(root, test)


def test_a_store_of_before_is_undone_by_what_is_shipped(root: Path) -> None:
    """Its table of migrations has no column for what was applied."""

    async def rolled_out(machine: Machine) -> None:
        await as_previewed(machine, 3)
        machine.execute(
            "ALTER TABLE migrations DROP COLUMN migration",
            "INSERT INTO migrations VALUES ('nobody-knows-it', 5)",
        )

    async def test(machine: Machine) -> None:
        names = [one.name for one in MIGRATIONS if one.version <= 2]
        assert await as_previewed(machine, 2, back=True) == {"up": [], "down": names[:1:-1]}
        assert await as_previewed(machine, 5) == {
            "up": ["maps-1", "maps-2-names"],
            "down": SHIPPED[::-1],
        }
        with machine.store() as store:
            there = migrations.applied(store)
            assert there == ("nobody-knows-it", "maps-1", "maps-2-names")
            assert migrations.as_applied(store) == (MAPS, NAMES)

    live(root, rolled_out)
    live(root, test)
