"""A record judged again by the model, from the record alone: the same divergence, and no other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from msgspec.structs import replace
from seen_runs import planted

from syncmodel.engine.history import Verdict
from syncmodel.engine.run import Result, run
from syncmodel.errors import FormatError, InvalidRunError, UsageError
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net, fully_connected
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.report.jsonl import Recorder, read_failing_runs
from syncmodel.report.judged import Judged, judged
from syncmodel.steps import Burst, Create, Delete, Read, Resync, Rollback
from syncmodel.targets import registry
from syncmodel.targets.base import Settled, Unsettled
from syncmodel.targets.wire import SUPERTEST

NET = fully_connected(SUPERTEST, 2)
STEPS = (
    Create("n1", "cases", "c1", (("title", "t1"),)),
    Read("n2", "cases"),
    Burst((Resync("n2"), Delete("n1", "cases", "c1"))),
    Rollback(("n1",), 1),
)
BUG = "tombstone-lost-on-resync"


def record(
    path: Path,
    target: SimulatedCluster | None = None,
    net: Net = NET,
    guarantees: Guarantees | None = None,
) -> Result:
    target = target or SimulatedCluster(len(net.nodes))
    with Recorder(path, {"target": "simulated"}) as recorder:
        return asyncio.run(run(target, net, STEPS, guarantees, recorder))


def only(path: Path) -> Judged:
    (one,) = judged(path, registry.registered)
    return one


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def put(path: Path, changed: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in changed))
    return path


def test_a_run_that_passes_is_found_to_pass(tmp_path: Path) -> None:
    assert record(tmp_path / "run.jsonl").verdict is Verdict.PASS
    one = only(tmp_path / "run.jsonl")
    assert (one.verdict, one.found, one.as_recorded, one.derived) == (Verdict.PASS, (), True, True)


@pytest.mark.parametrize("bug", sorted(planted()))
def test_every_planted_bug_is_derived_from_its_record(bug: str, tmp_path: Path) -> None:
    saved = planted()[bug]
    run_of_it, path = saved.reproduction, tmp_path / "run.jsonl"
    target = SimulatedCluster(len(run_of_it.nodes), [bug])
    target.on_network(run_of_it.network)
    with Recorder(path, {"target": "simulated"}) as recorder:
        about = (run_of_it.net, run_of_it.steps, run_of_it.guarantees, recorder)
        result = asyncio.run(run(target, *about))
    if result.verdict is Verdict.PASS:
        pytest.skip("it takes another network to show")
    one = only(path)
    assert one.keys == result.keys
    assert one.as_recorded
    if one.derived:
        assert one.found == result.divergences
        assert one.index == len(result.steps)
    else:
        assert {each.kind for each in one.found} <= {Kind.NOT_SETTLED}


def test_a_control_plane_that_was_wrong_is_found_by_the_look_alone(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    record(path)
    changed = lines(path)
    (last,) = [at for at, line in enumerate(changed) if line.get("index") == len(STEPS)][-2:-1]
    assert changed[last]["entry"] == "rest"
    changed[last]["control"]["n1"]["selected"] = 2
    one = only(put(path, changed))
    assert not one.as_recorded
    (found,) = one.found
    assert (found.kind, found.node, one.index) == (Kind.CONTROL_PLANE, "n1", len(STEPS))
    assert "selected generation 1" in found.expected


def test_a_sight_that_was_changed_is_found_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    record(path)
    changed = lines(path)
    at = next(i for i, line in enumerate(changed) if line.get("index") == 1 and "views" in line)
    changed[at]["views"]["n2"]["cases"] = []
    one = only(put(path, changed))
    assert [each.kind for each in one.found] == [Kind.MISSING]
    assert (one.index, one.as_recorded, one.verdict) == (1, False, Verdict.PASS)


def test_an_answer_that_was_changed_is_found_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    record(path)
    changed = lines(path)
    at = next(i for i, line in enumerate(changed) if line.get("entry") == "step")
    changed[at]["outcome"] = {"answer": "refused", "code": "exists"}
    assert [each.kind for each in only(put(path, changed)).found] == [Kind.WRONGLY_REFUSED]


def test_what_was_promised_is_in_the_record_and_not_the_targets_word(tmp_path: Path) -> None:
    promises = evolve(Guarantees(), heal_catches_up=False, readers={"n2"})
    path = tmp_path / "run.jsonl"
    net = fully_connected(SUPERTEST, 2)
    result = record(path, net=net, guarantees=promises)
    assert lines(path)[1]["guarantees"] == {"heal_catches_up": False, "readers": ["n2"]}
    assert only(path).keys == result.keys


def test_nodes_that_never_run_are_left_out_of_what_is_searched_again(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    net = replace(fully_connected(SUPERTEST, 3), down=frozenset({"n3"}))
    result = record(path, SimulatedCluster(3, [BUG]), net)
    assert only(path).keys == result.keys != frozenset()
    (found,) = read_failing_runs(path, registry.registered)
    assert found.net == NET


class Silent(SimulatedCluster):
    """Whose nodes answer once, and later in no shape of the contract's."""

    rests = 0

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        self.rests += 1
        if self.rests > 2:
            wrong = Divergence(Kind.CONTROL_PLANE, "n1", None, "an answer", "nothing")
            raise DivergenceFound((wrong,))
        return await super().settle(net, control=control, limit_s=limit_s)


class Busy(SimulatedCluster):
    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        return Unsettled("it never ends", final=True)


class Broken(SimulatedCluster):
    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        raise InvalidRunError("The SSH connection to n2 broke.")


@pytest.mark.parametrize("target", [Silent, Busy])
def test_what_no_sight_shows_is_told_as_recorded_and_said_to_be(
    target: type[SimulatedCluster], tmp_path: Path
) -> None:
    result = record(tmp_path / "run.jsonl", target(2))
    one = only(tmp_path / "run.jsonl")
    assert one.found == result.divergences != ()
    assert (one.as_recorded, one.derived) == (True, False)


def test_a_run_that_says_nothing_says_why(tmp_path: Path) -> None:
    record(tmp_path / "run.jsonl", Broken(2))
    one = only(tmp_path / "run.jsonl")
    assert (one.verdict, one.found, one.derived) == (Verdict.INVALID, (), False)
    assert one.reason == "The SSH connection to n2 broke."


def test_runs_whose_lines_alternate_are_judged_apart(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    record(path, SimulatedCluster(2, [BUG]))
    header, *one = lines(path)
    other = [{**line, "run": 1_000_000} for line in one]
    mixed = [line for pair in zip(one, other, strict=True) for line in pair]
    first, second = judged(put(path, [header, *mixed]), registry.registered)
    assert first.found == second.found != ()
    assert second.number == 1_000_000


def test_a_record_without_looks_is_judged_by_its_rows(tmp_path: Path) -> None:
    """As records were before they had the control plane."""
    path = tmp_path / "run.jsonl"
    result = record(path, SimulatedCluster(2, [BUG]))
    later = {"control", "rested", "guarantees"}
    old = [{name: v for name, v in line.items() if name not in later} for line in lines(path)]
    one = only(put(path, old))
    assert one.found == result.divergences
    assert (one.as_recorded, one.derived) == (True, True)
    (found,) = read_failing_runs(path, registry.registered)
    assert found.divergences == result.divergences


def test_a_record_of_the_first_version_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path / "run.jsonl", [{"format": "syncmodel-record", "version": 1}])
    with pytest.raises(UsageError, match="record the run again"):
        list(judged(path, registry.registered))


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value inside."""
    yield at
    if isinstance(value, dict | list):
        for key, below in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(below, (*at, key))


def with_other(value: Any, way: tuple[Any, ...], other: Any) -> Any:
    if not way:
        return other
    copy = value.copy()
    copy[way[0]] = with_other(value[way[0]], way[1:], other)
    return copy


def test_whatever_is_changed_in_a_record_is_judged_or_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    record(path, SimulatedCluster(2, [BUG]))
    whole = lines(path)
    ways = [way for way in places(whole) if len(way) > 1]
    others: tuple[Any, ...] = (None, [], {}, "n1", -1)
    for number, way in enumerate(ways):
        put(path, with_other(whole, way, others[number % len(others)]))
        with suppress(FormatError, UsageError):
            list(judged(path, registry.registered))
