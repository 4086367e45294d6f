"""Saved runs performed again for their pages: on the simulator where it can take their steps."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from attrs import define, evolve, field

from syncmodel.campaign.evidence import artefacts
from syncmodel.corpus import Reproduction
from syncmodel.engine.drive import Driver
from syncmodel.engine.following import Following
from syncmodel.engine.history import Verdict, all_of
from syncmodel.engine.invariant import Invariant
from syncmodel.engine.pool import Pool
from syncmodel.engine.replay import Replayed, replay
from syncmodel.engine.script import leaves
from syncmodel.engine.tally import Tally
from syncmodel.engine.trouble import sentence
from syncmodel.errors import SyncModelError
from syncmodel.report.beside import leave_run
from syncmodel.report.page.index import Listed
from syncmodel.report.page.moments import SeenRun, seen
from syncmodel.report.page.versions import Versions
from syncmodel.report.page.why import why
from syncmodel.report.page.writing import Facts, artefacts_of, is_written, saved_page
from syncmodel.steps import vocabulary
from syncmodel.targets import registry
from syncmodel.targets.registry import TargetKind


@define
class Performer:
    """Performs saved runs, on one pool for each kind of target. `tally` counts all of them."""

    closing: ExitStack
    invariants: Sequence[Invariant] = ()
    tally: Tally = field(factory=Tally)
    _pools: dict[str, Pool] = field(factory=dict)

    def page(self, file: Path, kind: TargetKind, run: Reproduction, folder: Path) -> Listed:
        """Perform it, and write its page into the folder."""
        bugs = () if run.bug is None else (run.bug,)
        pool = self._pool(kind)
        target = pool.target(len(run.nodes), bugs)
        follows = Following(target)
        once = replay(target, run, all_of(self.tally, follows), invariants=self.invariants)
        replayed = pool.driver.run(once)
        return put_run(file, run, replayed, folder, kind=kind, follows=follows, driver=pool.driver)

    def _pool(self, kind: TargetKind) -> Pool:
        if kind.name not in self._pools:
            self._pools[kind.name] = self.closing.enter_context(Pool(kind))
        return self._pools[kind.name]


def put_run(
    file: Path,
    run: Reproduction,
    replayed: Replayed,
    folder: Path,
    *,
    kind: TargetKind,
    follows: Following,
    driver: Driver,
) -> Listed:
    """Write the page of a run that was just performed; how an index lists it. Never fails.

    `follows` has followed it; its nodes are still as it left them.
    """
    result, at = replayed.results[-1], folder / f"{file.stem}.html"
    judged = f"{replayed.judgement.value}: the file says that it must {replayed.expected}"
    facts: Facts = [("judged", judged)]
    if kind.name != run.target:
        facts.append(("performed on", kind.name))
    first, told = result.reason, ""
    try:
        sight = seen(result, run.guarantees)
        if sight is not None:
            first, sight = headline(sight), evolve(sight, happened=follows.happened)
            if result.verdict is not Verdict.PASS:
                evidence = artefacts(follows.target, driver, at)
                if evidence.folder is not None:
                    about = {"target": kind.name, "files": [str(file)]}
                    lacking = leave_run(evidence.folder, run, result.history, result, about)
                    evidence = evolve(evidence, lacking=lacking)
                facts += artefacts_of(evidence, folder)
            told = saved_page(run, file, sight, at, facts)
    except Exception as error:  # noqa: BLE001 (the verdict stands, whatever its page lacks)
        told = f"There is no page, and the verdict stands. {sentence(error)}"
    beside = file.with_suffix(".html")
    return Listed(
        file.stem,
        result.verdict,
        first,
        run,
        file,
        at if is_written(told) else None,
        f"{judged}. {told}",
        result.divergences[0].key if result.divergences else None,
        then=beside if beside != at and beside.exists() else None,
    )


def headline(run: SeenRun) -> str:
    """The first sentence of a run's page."""
    return why(run, Versions(run)).headline


def unreadable(file: Path, error: SyncModelError) -> Listed:
    """How an index lists a file that no run can be read from."""
    return Listed(file.stem, Verdict.INVALID, str(error), file=file)


def quickest(kind: TargetKind, run: Reproduction) -> TargetKind:
    """The simulated twin of a kind, if it has one that can take the run's steps; else itself."""
    if kind.twin is None:
        return kind
    twin = registry.get(kind.twin)
    taken = {step.op for _, step in leaves(run.steps)}
    return twin if taken <= twin.ops & vocabulary().keys() else kind
