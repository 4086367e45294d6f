"""A search from beginning to end: explore, minimise what fails, confirm it, save it, report.

Whatever ends it (a failure, the last sequence, Ctrl-C, a full disk) leaves a report with all that
was found so far. Not here: how it looks (`report`), who closes the targets (`stage`).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from attrs import define, evolve, field

from syncmodel.campaign.triage import Found, Origin, Work
from syncmodel.engine.history import Began, Ended, Entry, Observer, Verdict, nobody
from syncmodel.engine.pool import Stage
from syncmodel.engine.run import Result
from syncmodel.engine.tally import Tally
from syncmodel.errors import InvalidRunError, SyncModelError, UsageError
from syncmodel.machine.explore import Explorer, Failure, Findings, Settings
from syncmodel.machine.guard import Guarded, cant_go_on
from syncmodel.model.divergence import Kind
from syncmodel.shrink.minimize import NO_SEARCH, Progress
from syncmodel.targets.base import Networked

#: Local nodes write a few MiB; with less room than this nothing that they do means anything.
ROOM_BYTES = 4 * 2**20
INTERRUPTED_CODE = 130


@define
class Report:
    """What came of a search. `halted` is what ended it early; `interrupted`: that was Ctrl-C."""

    tally: Tally
    findings: Findings = field(factory=Findings)
    found: Found | None = None
    interrupted: bool = False
    halted: SyncModelError | None = None

    @property
    def exit_code(self) -> int:
        """What a command ends with: 0 fine, 1 divergence, 3 nothing can be said, 130 Ctrl-C."""
        if self.interrupted:
            return INTERRUPTED_CODE
        if self.found is not None:
            return 1
        if self.halted is not None:
            return self.halted.exit_code
        return InvalidRunError.exit_code if self.findings.invalid or self.findings.unknown else 0


class Campaign:
    """One search on one stage. `report` has what was found so far, at any time."""

    def __init__(
        self,
        stage: Stage,
        settings: Settings,
        folder: Path,
        *,
        bugs: Sequence[str] = (),
        minimize: bool = True,
    ) -> None:
        """`folder` is where a failure is saved.

        `observe` hears of every run that is explored, `minimizing` how the minimiser gets on; both
        may be set before `run`.
        Nothing is touched yet. Raises `UsageError` if there is a file where the folder should be.
        """
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder} is not a directory: say where failures are to be saved.")
        self.settings = settings
        self.report = Report(Tally())
        self._stage, self._minimize = stage, minimize and not settings.shrink
        self.observe: Observer = nobody
        self.minimizing: Callable[[Progress], None] = lambda _: None
        self._last_failure: Ended | None = None
        #: On the simulator the seed also makes the network, so that messages come out of turn.
        network = settings.seed if stage.kind.twin == stage.kind.name else None
        guarantees = settings.guarantees
        self._origin = Origin(folder, stage.kind.name, tuple(bugs), guarantees, network=network)

    def run(self) -> Report:
        """Explore; on a failure minimise, confirm and save it. Never raises for Ctrl-C.

        Raises nothing of ours either: see `Report.halted`.
        """
        with self._ending():
            self._explore()
        failure = self.report.findings.failure
        if failure is not None:
            self._keep(failure)
        return self.report

    # --- the phases ----------------------------------------------------------------------------

    def _explore(self) -> None:
        guarded = Guarded(self._stage.driver, self._see)
        target = self._stage.target(self.settings.nodes, self._origin.bugs)
        if isinstance(target, Networked):
            target.on_network(self._origin.network)
        explorer = Explorer(target, guarded, self.settings, guarded.observe)
        self.report.findings = explorer.findings
        explorer.run()

    def _see(self, entry: Entry) -> None:
        self.report.tally(entry)
        if isinstance(entry, Began | Ended) and self._stage.kind.waits:
            _check_room()
        if isinstance(entry, Ended) and entry.verdict is Verdict.DIVERGED:
            self._last_failure = entry
        self.observe(entry)

    def _keep(self, failure: Failure) -> None:
        assert self._last_failure is not None
        result = Result(Verdict.DIVERGED, failure.steps, failure.over.divergences)
        origin = evolve(self._origin, facts=_facts(self.settings))
        work = Work(self._stage, origin, failure.net, result, self._last_failure)
        if not self.report.interrupted and not _takes_minutes(failure):
            with self._ending():
                work.minimize(self.minimizing, None if self._minimize else NO_SEARCH)
        self.report.found = work.saved()

    @contextmanager
    def _ending(self) -> Iterator[None]:
        """A phase that may end early; the report says how."""
        try:
            yield
        except KeyboardInterrupt:
            self.report.interrupted = True
        except SyncModelError as error:
            self.report.halted = error
        except OSError as error:
            self.report.halted = cant_go_on(error)


def _facts(settings: Settings) -> dict[str, str | int]:
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "syncmodel": version("syncmodel"),
        "hypothesis": version("hypothesis"),
        "seed": settings.seed,
    }


def _takes_minutes(failure: Failure) -> bool:
    """Whether each run that fails like this waits for a rest that never comes."""
    return failure.over.divergences[0].kind is Kind.NOT_SETTLED


def _check_room() -> None:
    """Raises `InvalidRunError` if the work folder is full: then what is seen says nothing."""
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if free < ROOM_BYTES:
        raise InvalidRunError(
            f"The work folder {folder} is full ({free / 2**20:.1f} MiB left, and the nodes need "
            f"{ROOM_BYTES / 2**20:.0f}): free some space there, or name another one with TMPDIR."
        )
