"""A run that no case explains, though the bounds do: it diverges, is told, and is judged again."""

from __future__ import annotations

import asyncio
from pathlib import Path

from syncmodel.engine.history import Entry, Verdict
from syncmodel.engine.run import Result, run
from syncmodel.model.divergence import Kind
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import Outcome, accepted, refused, unknown
from syncmodel.model.values import Tombstone, Write
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.report.jsonl import Recorder
from syncmodel.report.judged import judged
from syncmodel.report.page.document import document
from syncmodel.report.page.moments import seen
from syncmodel.steps import Concurrently, Create, Delete, Set, Step
from syncmodel.targets import registry
from syncmodel.targets.wire import SUPERTEST

NET = fully_connected(SUPERTEST, 2)
N2_DELETES = Delete("n2", "cases", "c1")
STEPS: tuple[Step, ...] = (
    Create("n2", "cases", "c1", (("title", "t1"),)),
    Concurrently((Delete("n1", "cases", "c1"), Set("n1", "cases", "c1", "title", "t2"))),
    Concurrently((Set("n2", "cases", "c1", "title", "t3"), N2_DELETES, N2_DELETES)),
)


class Answers(SimulatedCluster):
    """A cluster of which n2 `says` this to the change of a row that is deleted; all deletes there,
    and what n1 is asked to change, get no answer and never land."""

    says: Outcome = refused("no_such_row")

    async def write(self, node: str, write: Write) -> Outcome:
        deletes = isinstance(write.change, Tombstone)
        if write.creates or (deletes and node == "n1"):
            return await super().write(node, write)
        return unknown("timeout") if deletes or node == "n1" else self.says


def taken(target: SimulatedCluster, record: Path) -> tuple[Result, list[Entry]]:
    history: list[Entry] = []
    with Recorder(record, {"target": "simulated"}) as recorder:

        def observe(entry: Entry) -> None:
            history.append(entry)
            recorder(entry)

        return asyncio.run(run(target, NET, STEPS, observe=observe)), history


def test_it_diverges_and_the_answer_is_told(tmp_path: Path) -> None:
    target = Answers(2)
    target.says = accepted({"title": "t3", "counter": 0})
    result, _ = taken(target, tmp_path / "record.jsonl")
    assert result.verdict is Verdict.DIVERGED
    (found,) = result.divergences
    assert found.kind is Kind.WRONGLY_ACCEPTED
    assert any("n2 sets title of cases/c1 to t3" in answer for answer in found.answers), found
    (again,) = judged(tmp_path / "record.jsonl", registry.registered)
    assert again.found
    assert again.as_recorded
    page = seen(result, Guarantees())
    assert page is not None
    told = document(page)
    assert told["by_answer"]
    assert "n2 gave an answer about cases/c1 that can't be: accepted" in told["headline"]
    assert "n1 acknowledged the delete in step 2, and n2 must know it" in told["why"][0]


def test_what_is_possible_passes(tmp_path: Path) -> None:
    result, _ = taken(Answers(2), tmp_path / "record.jsonl")
    assert result.verdict is Verdict.PASS
    (again,) = judged(tmp_path / "record.jsonl", registry.registered)
    assert not again.found
