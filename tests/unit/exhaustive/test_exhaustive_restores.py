"""Searches of disks that are put back among three nodes: not empty, and they find mistakes."""

from __future__ import annotations

import pytest
from attrs import evolve
from immutables import Map
from msgspec.structs import replace

from syncmodel.checker import Bounds, Holds, Unreached, Violated
from syncmodel.exhaustive.came_back import CAME_BACK
from syncmodel.exhaustive.counterexamples import counterexample
from syncmodel.exhaustive.scene import Scene
from syncmodel.exhaustive.scenes import SCENES, scene
from syncmodel.exhaustive.scenes_of_restores import SCENES as RESTORES
from syncmodel.exhaustive.searches import search
from syncmodel.model import backups
from syncmodel.model.rows import RowBelief
from syncmodel.reference.simulated import restoring
from syncmodel.reference.simulated.machine import Machine
from syncmodel.reference.simulated.world import VirtualWorld
from syncmodel.steps.restoring import Restore

PUT_BACK, BELIEVED = restoring._put_back, backups._put_back


def named(name: str) -> Scene:
    found = scene(name)
    assert found is not None
    return found


def test_every_scene_with_restores_must_see_something_come_back() -> None:
    asked = [search(one.grain, one.limits).properties for one in SCENES if one.limits.restores]
    assert len(asked) == len(RESTORES)
    assert all(CAME_BACK in [one.name for one in properties] for properties in asked)


@pytest.mark.parametrize("name", ["model-three-restore", "steps-three-restore"])
def test_a_search_in_which_nothing_comes_back_is_empty(name: str) -> None:
    one = named(name)
    limits = evolve(one.limits, burst=1, ops=frozenset({"create", "set", "backup"}))
    verdict = search(one.grain, limits).run(Bounds())
    assert isinstance(verdict, Unreached), str(verdict)
    assert CAME_BACK in str(verdict)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "bug"),
    [
        ("steps-three-restore", "restore-keeps-cursors"),
        ("steps-three-restore", "restored-rows-are-newest"),
        ("messages-three-restore", "restore-keeps-cursors"),
    ],
)
def test_a_bug_of_restores_is_found_among_three_nodes(name: str, bug: str) -> None:
    one = named(name)
    verdict = search(one.grain, one.limits, (bug,)).run(Bounds())
    assert isinstance(verdict, Violated), str(verdict)
    saved = counterexample(verdict, (bug,))
    assert saved is not None
    assert len(saved.nodes) == 3
    assert saved.confirmed is not None
    assert saved.confirmed.failed
    assert any(isinstance(step, Restore) for step in saved.steps)


def _asks_one_peer(world: VirtualWorld, name: str, fresh: str, *, plain: bool) -> Machine:
    """Of all peers but the first one, what was applied until now still counts as applied."""
    machine = PUT_BACK(world, name, fresh, plain=plain)
    first = min(other for other in world.machines if other != name)
    others = {peer: at for peer, at in world.machines[name].disk.cursors.items() if peer != first}
    return replace(machine, disk=replace(machine.disk, cursors=Map(others)))


def test_who_asks_one_peer_only_is_found_where_there_is_a_third_node(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two nodes can't show it; of three, the one that is asked is down, and the other has it."""
    monkeypatch.setattr(restoring, "_put_back", _asks_one_peer)
    three = named("steps-three-restore-crash")
    found = search(three.grain, three.limits, symmetric=False).run(Bounds())
    assert isinstance(found, Violated), str(found)
    assert "missing" in str(found.path.end.found[0])
    two = named("steps-restore")
    limits = evolve(two.limits, writes=1)
    assert isinstance(search(two.grain, limits, symmetric=False).run(Bounds()), Holds)


def _third_ones_forget(row: RowBelief, node: str) -> RowBelief:
    """What the node lost, nobody is taken to know any more."""
    after = BELIEVED(row, node)
    lost = row.written_by(node) - after.perhaps_known_by(node)
    return replace(
        after,
        must=Map({name: known - lost for name, known in after.must.items() if known - lost}),
        may=Map({name: known - lost for name, known in after.may.items() if known - lost}),
    )


def test_a_model_in_which_others_forget_what_a_node_lost_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backups, "_put_back", _third_ones_forget)
    one = named("model-three-restore")
    verdict = search(one.grain, one.limits).run(Bounds())
    assert isinstance(verdict, Violated), str(verdict)
