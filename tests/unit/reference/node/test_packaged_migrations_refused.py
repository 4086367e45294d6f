"""Packages whose migrations are missing, can't be read, collide or fail: refused in a sentence, and
nothing is switched."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from one_machine import Machine, as_previewed, live, migration, prepared

from syncmodel.errors import FormatError
from syncmodel.reference.node import packaged, packages
from syncmodel.reference.node.generations import Generation, Generations
from syncmodel.reference.node.layout import Layout
from syncmodel.reference.node.migrations import MIGRATIONS, Migration
from syncmodel.reference.node.packages import Manifest

SHIPPED = MIGRATIONS[0].name
MAPS, NEXT = migration("maps", 1), migration("maps", 2)
LATER = migration("maps", 3)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two versions of a plugin, each in a generation."""
    made, layout = prepared(tmp_path), Layout(tmp_path)
    for version, brought in ((1, [MAPS]), (2, [MAPS, NEXT])):
        packages.package(layout, Manifest("maps", version), brought)
        Generations(layout).install(Generation(3 + version, {"maps": version}))
    return made


async def refused(machine: Machine, number: int, code: str) -> str:
    """Why that generation is not rolled out to: of one kind, known before, and nothing changes."""
    before, calls = machine.snapshot(), machine.application.calls[:]
    preview = await machine.ask("rollout.preview", generation=number)
    ended = await machine.job("rollout.start", generation=number)
    assert (ended["state"], ended["error"]["code"]) == ("aborted", "incompatible")
    assert ended["error"]["details"]["problems"] == preview["incompatible"]
    (problem,) = preview["incompatible"]
    assert problem["code"] == code
    assert (machine.snapshot(), machine.application.calls) == (before, calls)
    message: str = problem["message"]
    return message


def test_migrations_that_a_package_lacks_or_can_t_be_read_are_refused(root: Path) -> None:
    layout = Layout(root)
    file = layout.plugin_migrations("maps", 2)
    shipped = layout.plugin_migrations("supertest", 1)
    shipped.parent.mkdir()

    async def test(machine: Machine) -> None:
        await as_previewed(machine, 4)
        for text in ("[", "{}", '[{"name": "maps-1"}]', "[" * 100_000):
            file.write_text(text)
            assert str(file) in await refused(machine, 5, "bad_migrations")
        shipped.write_text("[]\n[]")  # installed by hand, beside a manifest that is shipped
        await refused(machine, 2, "bad_migrations")
        file.unlink()
        assert "maps 2 was packaged with it" in await refused(machine, 5, "no_migrations")
        # Nor is anything said to change of a plugin whose migrations nobody knows.
        preview = await machine.ask("rollout.preview", generation=5)
        assert preview["migrations"] == {"up": [], "down": []}

    live(root, test)


def test_migrations_of_two_plugins_must_not_have_one_name(root: Path) -> None:
    layout = Layout(root)
    same = attrs.evolve(migration("tiles", 1), name="maps-1")
    as_shipped = attrs.evolve(migration("atlas", 1), name=SHIPPED)
    packages.package(layout, Manifest("tiles", 1), [same])
    packages.package(layout, Manifest("atlas", 1), [as_shipped])
    generations = Generations(layout)
    generations.install(Generation(7, {"maps": 1, "tiles": 1}))
    generations.install(Generation(8, {"supertest": 1, "atlas": 1}))
    generations.install(Generation(9, {"tiles": 1}))

    async def test(machine: Machine) -> None:
        message = await refused(machine, 7, "migrated_twice")
        assert message == "maps and tiles both have a migration maps-1."
        await refused(machine, 8, "migrated_twice")
        # Of one that is disabled the tables are still there.
        await as_previewed(machine, 4)
        await machine.job("plugins.disable", plugin="maps")
        await refused(machine, 9, "migrated_twice")
        await machine.job("plugins.uninstall", plugin="maps", confirm_data_loss=True)
        assert await as_previewed(machine, 9) == {"up": ["maps-1"], "down": []}

    live(root, test)


@pytest.mark.parametrize(
    "statement",
    [
        "no SQL",
        "INSERT INTO nowhere VALUES (1)",
        "INSERT INTO tiles_1 VALUES (?)",
        "CREATE TABLE more (id); CREATE TABLE again (id)",
        "COMMIT",
        "ROLLBACK",
        "INSERT OR ROLLBACK INTO meta VALUES ('twice', 1), ('twice', 2)",
    ],
)
def test_a_statement_that_can_t_be_run_undoes_what_came_before_it(
    root: Path, statement: str
) -> None:
    one = migration("tiles", 1)
    brought = attrs.evolve(one, up=(*one.up, statement))
    packages.package(Layout(root), Manifest("tiles", 1), [brought])
    Generations(Layout(root)).install(Generation(7, {"maps": 1, "tiles": 1}))

    async def test(machine: Machine) -> None:
        before = machine.snapshot()
        failed = await machine.job("rollout.start", generation=7)
        assert (failed["state"], failed["error"]["code"]) == ("failed", "migration_failed")
        assert machine.snapshot() == before
        assert machine.application.calls == ["start 1"]

    live(root, test)


GOOD: dict[str, Any] = {"name": "maps-1", "version": 1, "up": ["a"], "down": ["b"]}
BAD: list[tuple[Any, str]] = [
    ({}, "a list of objects"),
    ("", "a list of objects"),
    ([[]], "an object with name, version, up and down"),
    ([{**GOOD, "name": "Maps"}], "is no name"),
    ([{**GOOD, "name": 1}], "is no name"),
    ([{**GOOD, "plugin": "maps"}], "has no 'plugin'"),
    ([{**GOOD, "version": 3}], "no version of maps from 1 to 2"),
    ([{**GOOD, "version": 0}], "no version"),
    ([{**GOOD, "version": True}], "no version"),
    ([{**GOOD, "up": "a"}], "up is not a list of SQL"),
    ([{**GOOD, "up": []}], "up is not a list of SQL"),
    ([{**GOOD, "down": [" "]}], "down is not a list of SQL"),
    ([{**GOOD, "down": ["\ud800"]}], "down is not a list of SQL"),
    ([{**GOOD, "tables": ["a b"]}], "tables is not a list of names"),
    ([{**GOOD, "leaves": None}], "leaves is not a list of names"),
    ([{**GOOD, "kinds": [-1]}], "kinds is not a list of event kinds"),
    ([{**GOOD, "kinds": [1 << 70]}], "kinds is not a list of event kinds"),
    ([GOOD, GOOD], "maps-1 is there twice"),
]


@pytest.mark.parametrize(("data", "said"), BAD)
def test_what_is_no_list_of_migrations_is_told_in_a_sentence(data: Any, said: str) -> None:
    with pytest.raises(FormatError, match=said) as error:
        packaged.read(data, "maps", 2, "here")
    assert str(error.value).startswith("here: ")
    assert str(error.value).endswith(".")


def test_a_package_is_read_as_it_was_written(tmp_path: Path) -> None:
    brought = (MAPS, attrs.evolve(NEXT, kinds=(30500,), leaves=("maps_old",)))
    layout = Layout(tmp_path)
    packages.package(layout, Manifest("maps", 2), brought)
    assert packaged.load(layout.plugin_migrations("maps", 2), "maps", 2) == brought
    assert packaged.read([GOOD], "maps", 2, "here") == (
        Migration("maps-1", "maps", 1, ("a",), ("b",)),
    )


@pytest.mark.parametrize(
    "brought", [[migration("tiles", 1)], [LATER], [MAPS, MAPS], [attrs.evolve(MAPS, down=())]]
)
def test_a_package_that_can_t_be_migrated_to_is_not_made(
    tmp_path: Path, brought: Sequence[Migration]
) -> None:
    with pytest.raises(FormatError):
        packages.package(Layout(tmp_path), Manifest("maps", 2), brought)
    assert list(tmp_path.iterdir()) == []


def test_a_manifest_says_whether_its_package_has_migrations(root: Path) -> None:
    data = json.loads(Layout(root).manifest("maps", 1).read_text())
    assert data["migrations"] is True
    with pytest.raises(FormatError, match="migrations is not true or false"):
        packages.read({**data, "migrations": "yes"}, "here")
