"""Targets by name: those that packages register, and classes of anybody's."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from syncmodel.errors import UsageError
from syncmodel.model.columns import Token
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net
from syncmodel.model.outcome import Outcome, refused
from syncmodel.model.schema import Schema, Table
from syncmodel.model.values import Write
from syncmodel.model.view import View
from syncmodel.reference.kinds import EMBEDDED, SIMULATED
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import vocabulary
from syncmodel.steps.base import Deploys, Malforms, Resyncs, Stops
from syncmodel.targets import registry
from syncmodel.targets.base import Settled, Target
from syncmodel.targets.registry import TargetKind
from syncmodel.targets.wire import SUPERTEST

WRITES = {"create", "set", "add", "delete", "fill", "burst", "concurrently", "refused"}


class Plain(Target):
    """Nothing but writes.

    The rest of this text is no title.
    """

    schema = Schema(Table("notes", Token("text")))

    async def begin(self, net: Net) -> None:
        """Nothing to begin."""

    async def write(self, node: str, write: Write) -> Outcome:
        """It takes none."""
        return refused("read_only")

    async def read(self, node: str) -> View | None:
        """Nothing is there."""
        return View()

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled:
        """At rest."""
        return Settled(dict.fromkeys(net.up, View()))


class Able(Plain, Resyncs, Stops, Malforms):
    title = "able"
    guarantees = Guarantees(passes_on=False)
    waits = False

    async def resync(self, node: str, *, full: bool) -> Outcome:
        """Nothing to ask for."""
        return refused("unreachable")

    async def crash(self, node: str) -> None:
        """It has no process."""

    async def restart(self, node: str) -> None:
        """It has no process."""

    async def malformed(self, node: str, write: Write) -> Outcome:
        """Refused like any other."""
        return refused("malformed")


class NoSchema(Plain):
    """Nobody knows what its nodes store."""

    schema = None  # type: ignore[assignment]


class HalfDone(Target):
    """The class of somebody who has just begun."""

    schema = SUPERTEST

    async def read(self, node: str) -> View | None:
        """Nothing is there."""
        return None


def test_ours_are_registered() -> None:
    assert {"embedded", "simulated"} <= set(registry.names())
    assert registry.get("embedded") is EMBEDDED
    assert registry.get("simulated") is SIMULATED
    assert (EMBEDDED.twin, SIMULATED.waits, EMBEDDED.waits) == ("simulated", False, True)
    made = SIMULATED.make(2, ())
    assert isinstance(made, SimulatedCluster)
    assert made.nodes == ("n1", "n2")


def test_an_unknown_name_lists_those_that_there_are() -> None:
    words = (
        r"no target 'simulatd'; there are: .*simulated.*\. One of your own is named module:Class"
    )
    with pytest.raises(UsageError, match=words):
        registry.get("simulatd")


def test_a_class_says_everything_of_its_kind() -> None:
    plain, able = registry.kind_of(Plain), registry.kind_of(Able, "mine")
    assert plain.name == f"{__name__}:Plain"
    assert (plain.title, able.title) == ("Nothing but writes", "able")
    assert (able.name, able.schema, able.waits) == ("mine", Plain.schema, False)
    assert able.guarantees == Guarantees(passes_on=False)
    assert able.make(4, ()).nodes == ("n1", "n2", "n3", "n4")


def test_ops_follow_from_abilities() -> None:
    assert registry.kind_of(Plain).ops == WRITES
    assert registry.kind_of(Able).ops == WRITES | {"resync", "crash", "restart"}
    assert frozenset(vocabulary()) - SIMULATED.missing_nothing == SIMULATED.ops == EMBEDDED.ops
    assert [registry.kind_of(one).sends_malformed for one in (Plain, Able)] == [False, True]
    scope = registry.kind_of(Plain).scope
    assert scope.ops == WRITES
    assert dict(scope.rows) == {"notes": ("no1", "no2")}


def test_what_the_reference_can_do_is_what_its_kinds_say() -> None:
    for ability in EMBEDDED.abilities.__mro__[1:-2]:
        assert issubclass(SimulatedCluster, ability)
    assert issubclass(EMBEDDED.abilities, Deploys)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (NoSchema, "NoSchema needs a `schema`: say what its nodes store"),
        (HalfDone, "HalfDone is no whole target yet: it lacks begin, settle, write"),
        (Schema, "is no target: name a subclass of syncmodel.Target"),
        (5, "5 is no target"),
    ],
)
def test_what_is_no_target_says_why(found: object, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        registry.kind_of(found)


# --- modules in the folder that the process stands in --------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder, to stand in; what is imported from it is forgotten again."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(dedent(text))


MODULE = """\
    from syncmodel.model.columns import Token
    from syncmodel.model.schema import Schema, Table
    from syncmodel.reference.kinds import SIMULATED
    from syncmodel.reference.simulated import SimulatedCluster

    class Shop(SimulatedCluster):
        '''A shop of mine.'''

    class Shops:
        kind = SIMULATED
    """


def test_a_class_of_the_folder_by_its_name(folder: Path) -> None:
    write(folder / "my_shop.py", MODULE)
    kind = registry.get("my_shop:Shop")
    assert (kind.name, kind.title, kind.schema) == ("my_shop:Shop", "A shop of mine", SUPERTEST)
    assert registry.get("my_shop:Shops.kind") is SIMULATED


def test_a_module_of_the_folder_never_stands_before_an_installed_one(folder: Path) -> None:
    write(folder / "attrs.py", "raise RuntimeError('taken for attrs')")
    with pytest.raises(UsageError, match=r"'attrs:Target' can't be imported: .*no attribute"):
        registry.get("attrs:Target")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no_such_shop:Shop", "'no_such_shop:Shop' can't be imported: No module named"),
        ("my_shop:Stall", "'my_shop:Stall' can't be imported: module 'my_shop' has no attribute"),
        ("my_shop:", "'my_shop:' can't be imported"),
        (":Shop", "':Shop' can't be imported: Empty module name"),
        ("my_shop:Shops", "'my_shop:Shops' is no target"),
    ],
)
def test_what_can_not_be_imported_says_why(folder: Path, name: str, words: str) -> None:
    write(folder / "my_shop.py", MODULE)
    with pytest.raises(UsageError, match=words):
        registry.get(name)


# --- packages that register a target -------------------------------------------------------------


@pytest.fixture
def package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A distribution on the path that registers `shop`, and `broken`."""
    info = folder / "site" / "shop_tester-1.0.dist-info"
    info.parent.mkdir()
    write(info / "METADATA", "Metadata-Version: 2.1\nName: shop-tester\nVersion: 1.0\n")
    points = "shop = shop_tester:Shop\nbroken = shop_tester:Stall\n"
    write(info / "entry_points.txt", f"[{registry.GROUP}]\n{points}")
    write(folder / "site" / "shop_tester.py", MODULE)
    monkeypatch.syspath_prepend(folder / "site")
    registry._registered.cache_clear()
    yield folder
    registry._registered.cache_clear()


def test_a_package_registers_a_target(package: Path) -> None:
    assert {"embedded", "simulated", "shop"} <= set(registry.names())
    assert "shop_tester" not in sys.modules, "imported before anybody asked"
    kind = registry.get("shop")
    assert isinstance(kind, TargetKind)
    assert (kind.name, kind.title) == ("shop", "A shop of mine")


def test_a_registered_target_that_can_not_be_loaded_names_its_package(package: Path) -> None:
    words = "'broken' of shop-tester can't be loaded from shop_tester:Stall: .*no attribute 'Stall'"
    with pytest.raises(UsageError, match=words):
        registry.get("broken")
