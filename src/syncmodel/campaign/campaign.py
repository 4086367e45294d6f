"""A search from beginning to end: explore, save what fails, minimise it, confirm it, report.

Whatever ends it (a failure, the last sequence, Ctrl-C, a full disk, a mistake in a target) leaves a
report with all that was found so far. Not here: who explores (`machine`), how it looks (`report`),
who closes targets (`engine.pool`).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from zlib import crc32

from attrs import define, field, frozen

from syncmodel.campaign.keeping import Doubtful, Doubts, Kept, Origin
from syncmodel.campaign.scenes import Looked, look, possible
from syncmodel.campaign.triage import Finding, Triage
from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.drive import Driver
from syncmodel.engine.findings import Failure, Findings, Settings, Undecided
from syncmodel.engine.history import Began, Ended, Entry, Observer, nobody
from syncmodel.engine.invariant import Invariant
from syncmodel.engine.pool import Pool
from syncmodel.engine.run import run
from syncmodel.engine.tally import Tally
from syncmodel.engine.trouble import moment, sentence
from syncmodel.errors import InvalidRunError, SyncModelError, UsageError
from syncmodel.exhaustive.shortest import Shortest
from syncmodel.interrupts import INTERRUPTED_CODE, of_ctrl_c
from syncmodel.model.divergence import Kind
from syncmodel.shrink.minimize import NO_SEARCH, Progress
from syncmodel.targets.base import Networked, Target

#: Local nodes write a few MiB; with less room than this their behaviour means nothing.
ROOM_BYTES = 4 * 2**20


def nowhere(_: Failure | Undecided) -> None:
    """What is found is not kept."""


@frozen
class Place:
    """Where a search runs, and who observes it: what an explorer is given.

    `target` makes the target, or gives it again. The explorer fills `findings`; `observe` gets the
    history of every run, and counts it in `tally`, which an explorer elsewhere fills itself.
    `network` is the simulated one that `target` is on, if it has several, and `bugs` are planted in
    it. `keep` is given what is found, at once; `another` makes a target in place of one that broke
    between two runs.
    """

    target: Callable[[], Target]
    driver: Driver
    settings: Settings
    observe: Observer
    findings: Findings
    tally: Tally
    network: int | None = None
    bugs: tuple[str, ...] = ()
    keep: Callable[[Failure | Undecided], None] = nowhere
    another: Callable[[Target], Awaitable[Target]] | None = None


#: Searches until the first failure. What it raises ends the campaign: see `Report.halted`.
Explore = Callable[[Place], None]


@define
class Report:
    """The outcome of a search. `halted` is what ended it early; `interrupted`: that was Ctrl-C.

    `doubtful` are runs that say nothing of the system, as saved; `unsaved` says why one has none.
    `looked`: how far the small scenes beside the search came, if there were any.
    """

    tally: Tally
    findings: Findings = field(factory=Findings)
    found: Finding | None = None
    interrupted: bool = False
    halted: SyncModelError | None = None
    doubtful: list[Doubtful] = field(factory=list)
    unsaved: list[str] = field(factory=list)
    looked: Looked | None = None

    @property
    def nothing_ran(self) -> bool:
        """Whether it was halted before anything was seen of a node: there is no more to tell."""
        tally, kept = self.tally, self.doubtful or self.unsaved
        seen = tally.steps or tally.rests or tally.verdicts or kept or self.found
        return self.halted is not None and not seen

    @property
    def exit_code(self) -> int:
        """The exit code of a command: 0 fine, 1 divergence, 3 no verdict, 130 Ctrl-C."""
        if self.interrupted:
            return INTERRUPTED_CODE
        if self.found is not None or self.findings.failure is not None:
            return 1
        if self.halted is not None:
            return self.halted.exit_code
        said = self.findings
        nothing = said.out_of_time and not said.sequences
        return InvalidRunError.exit_code if nothing or said.invalid or said.unknown else 0


class Campaign:
    """One search on the targets of one pool. `report` has what was found so far, at any time."""

    def __init__(
        self,
        pool: Pool,
        settings: Settings,
        folder: Path,
        explore: Explore,
        *,
        bugs: Sequence[str] = (),
        minimize: bool = True,
        invariants: Sequence[Invariant] = (),
        facts: Mapping[str, str] | None = None,
        scenes: bool = False,
        gathers: bool = False,
    ) -> None:
        """`folder` is where a failure is saved, with `facts` about who found it.

        `invariants` are those that the explorer checks, for whatever runs a failure again.
        `scenes`: where nothing fails, small scenes are looked at too (see `campaign.scenes`).
        `gathers`: a failure is performed once more for its evidence (see `campaign.evidence`).

        `beginning` is called when there is a target and room for it, `observe` gets every run that
        is explored, `minimizing` the minimiser's progress, `looking` what is looked at in small
        scenes; all may be set before `run`.
        Nothing is touched yet. Raises `UsageError` if there is a file where the folder should be;
        whether it can be written in, `corpus.check_folder` says.
        """
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder} is not a directory: say where failures are to be saved.")
        self.settings = settings
        self.report = Report(Tally())
        self._pool, self._explore_by = pool, explore
        self._minimize = minimize and settings.ours
        self._gathers = gathers
        self._scenes = scenes and possible(pool.kind, settings)
        self.beginning: Callable[[], None] = lambda: None
        self.observe: Observer = nobody
        self.minimizing: Callable[[Progress], None] = lambda _: None
        self.looking: Callable[[str, float], None] = lambda _, __: None
        #: On the simulator the seed also makes the network, so that messages come out of turn.
        simulated = pool.kind.twin == pool.kind.name
        self._network = _number(settings.seed) if simulated else None
        self._bugs = tuple(bugs)
        self._invariants = tuple(invariants)
        self._origin = Origin(folder, {**_facts(settings), **(facts or {})})
        self._kept = Kept(folder)
        self._doubts = Doubts(
            self._origin,
            pool.kind,
            settings.guarantees,
            self._bugs,
            self.report.doubtful,
            self.report.unsaved,
        )

    def run(self) -> Report:
        """Explore; on a failure save it, minimise and confirm it. Never raises for Ctrl-C.

        Never raises an error either: see `Report.halted`.
        """
        with self._ending():
            self._begin()
            self._explore()
        failure, report = self.report.findings.failure, self.report
        if failure is not None:
            self._triage(failure)
        elif self._scenes and not (report.interrupted or report.halted):
            with self._ending():
                self._look_at_scenes()
        return self.report

    # --- the phases ----------------------------------------------------------------------------

    def _begin(self) -> None:
        """Raises what lets no run begin, before anybody is told that there will be some."""
        self._target()
        if self._pool.kind.waits:
            _check_room()
        self.beginning()

    def _explore(self) -> None:
        report, tally = self.report, self.report.tally
        observe = watching(tally, self._pool.kind.waits, self.observe)
        driver = self._pool.driver
        about = (self._target, driver, self.settings, observe, report.findings, tally)
        place = Place(
            *about,
            network=self._network,
            bugs=self._bugs,
            keep=self._keep,
            another=self._another,
        )
        self._explore_by(place)

    def _target(self) -> Target:
        return on_network(self._pool.target(self.settings.nodes, self._bugs), self._network)

    async def _another(self, target: Target) -> Target:
        return on_network(await self._pool.another(target), self._network)

    def _look_at_scenes(self) -> None:
        """What fails in one is a finding like any other: here, or else on the simulator.

        Raises `InvalidRunError` for what fails on neither.
        """
        if self.report.findings.out_of_time:
            return
        waits, here = self._pool.kind.waits, self._pool
        looked = self.report.looked = look(
            self.settings, self._bugs, waits=waits, progress=self.looking
        )
        if looked.failing is None:
            return
        with Pool(self._pool.kind.twin or self._pool.kind) as twin:
            for pool in dict.fromkeys((here, twin)):
                found = self._performed(pool, looked.failing)
                if found is not None:
                    self._pool = pool
                    self.report.findings.failure = failure = Failure(0, found)
                    self._keep(failure)
                    self._triage(failure)
                    self._pool = here
                    return
        steps = "; ".join(map(str, looked.failing.steps))
        raise InvalidRunError(
            f"A small scene fails, and these steps do not fail again: {steps}. Please report this."
        )

    def _performed(self, pool: Pool, failing: Shortest) -> Counterexample | None:
        """The run on a target of that pool, if it fails there."""
        net, steps = failing.net, failing.steps
        target = on_network(pool.target(len(net.nodes), self._bugs), None)
        once = run(target, net, steps, self.settings.guarantees, alone=True)
        result = pool.driver.run(once)
        if not result.divergences:
            return None
        guarantees = self.settings.guarantees
        return Counterexample.of(net, result, bugs=self._bugs, guarantees=guarantees)

    def _keep(self, found: Failure | Undecided) -> None:
        """Have it on disk. What can't be is told at the end, and does not end the search."""
        with suppress(Exception):
            if isinstance(found, Undecided):
                self._doubts.put(found)
            else:
                self._triage_of(found)

    def _triage_of(self, failure: Failure) -> Triage:
        found = failure.counterexample
        about = (self._pool, self._origin, found, self._invariants, self._kept)
        return Triage(*about, gathers=self._gathers)

    def _triage(self, failure: Failure) -> None:
        with self._ending():
            triage = self._triage_of(failure)
            self.report.found = triage.finding
            slow = self._pool.kind.waits and _takes_minutes(failure.counterexample)
            if not self.report.interrupted and not slow:
                with self._ending():
                    triage.minimize(self.minimizing, None if self._minimize else NO_SEARCH)
            self.report.found = triage.save()

    @contextmanager
    def _ending(self) -> Iterator[None]:
        """A phase that may end early; the report says how."""
        try:
            yield
        except KeyboardInterrupt:
            self.report.interrupted = True
        except Exception as error:  # noqa: BLE001 (whatever it is, it is told)
            if of_ctrl_c(error):
                self.report.interrupted = True
            else:
                self.report.halted = halted_by(error)


def on_network(target: Target, number: int | None) -> Target:
    """The target, on that network if it has several."""
    if isinstance(target, Networked):
        target.on_network(number)
    return target


def watching(tally: Tally, waits: bool, observe: Observer) -> Observer:
    """An observer that counts, hands on, and raises `InvalidRunError` if the work folder is full.

    `waits`: the target does real input and output, which takes room.
    """

    def see(entry: Entry) -> None:
        # A run that has no room does not begin; one that has ended counts.
        if waits and isinstance(entry, Began):
            _check_room()
        tally(entry)
        if waits and isinstance(entry, Ended):
            _check_room()
        observe(entry)

    return see


def halted_by(error: Exception) -> SyncModelError:
    """What ended a search, as one of our errors: in one sentence.

    What the operating system refused (a full disk, too many open files) means that the tester can't
    go on; any other error is a mistake in a target or a machine. It is the cause of ours.
    """
    if isinstance(error, SyncModelError):
        return error
    if isinstance(error, OSError):
        place = f" ({error.filename})" if error.filename else ""
        when = f", {moment(error)}" if moment(error) else ""
        told = InvalidRunError(f"The tester can't go on: {error.strerror or error}{place}{when}.")
    else:
        told = InvalidRunError(sentence(error))
    told.__cause__ = error
    return told


def _number(seed: int | str) -> int:
    return seed if isinstance(seed, int) else crc32(seed.encode())


def _facts(settings: Settings) -> dict[str, str | int]:
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "syncmodel": version("syncmodel"),
        "hypothesis": version("hypothesis"),
        "seed": settings.seed,
    }


def _takes_minutes(found: Counterexample) -> bool:
    """Whether each run that fails like this waits for a rest that never comes."""
    return found.key[0] == Kind.NOT_SETTLED.value


def lack_of_room() -> str:
    """What to do if the work folder is full, as what is seen then says nothing; "" if it is not."""
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if free >= ROOM_BYTES:
        return ""
    return (
        f"the work folder {folder} is full ({free / 2**20:.1f} MiB left, and the nodes need "
        f"{ROOM_BYTES / 2**20:.0f}): free some space there, or name another one with TMPDIR"
    )


def _check_room() -> None:
    """Raises `InvalidRunError` if the work folder is full."""
    if lacking := lack_of_room():
        raise InvalidRunError(f"T{lacking[1:]}.")
