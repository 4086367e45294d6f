"""A search shared among processes: each worker has a cluster, and every N-th sequence.

The sequences are the same whatever N is, and so is the failure: the one with the lowest number. A
worker that found one reports its number; the others go on until their next number is beyond it. Not
here: minimising, which happens once, in the process that asked.
"""

from __future__ import annotations

import pickle
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from syncmodel.campaign.campaign import Place, halted_by, on_network, watching
from syncmodel.engine.findings import Failure, Findings, Settings, Undecided
from syncmodel.engine.history import Entry, Observer, nobody
from syncmodel.engine.pool import Pool
from syncmodel.engine.tally import Tally
from syncmodel.errors import InvalidRunError, SyncModelError
from syncmodel.interrupts import ENDING, like_ctrl_c
from syncmodel.machine.loading import load
from syncmodel.machine.search import Search, Share
from syncmodel.machine.wanted import Wanted, deadline_s
from syncmodel.machine.workers import CONTEXT, held, prepare
from syncmodel.machines.children import end_children
from syncmodel.report.jsonl import Recorder
from syncmodel.safe_path import LAST, SafeChildren, search_last, started
from syncmodel.targets.base import Target

#: How often a worker reports its progress.
SAY_S = 0.1
#: How long workers have to close their clusters once the search is broken off.
CLOSE_LIMIT_S = 20.0
#: Not the number of a sequence: no worker has failed yet.
NOBODY = 2**62


@frozen
class Job:
    """A worker's job, as it is sent to it."""

    machine: str
    folder: Path | None
    wanted: Wanted
    settings: Settings
    network: int | None
    share: Share
    until_s: float | None


@frozen
class Said:
    """What a worker has counted by now, and what it has just found (`kept`).

    At its end also all that it found, and what halted it.
    """

    tally: Tally
    findings: Findings | None = None
    halted: SyncModelError | None = None
    kept: Failure | Undecided | None = None


@define
class Jobs:
    """An explorer whose work is done by `count` processes.

    `machine` is the class by its name, which may lie in `folder`. `watch` is called whenever one of
    them reports progress.
    """

    machine: str
    folder: Path | None
    wanted: Wanted
    count: int
    watch: Callable[[], None] = lambda: None
    _parts: dict[int, Said] = field(init=False, factory=dict)
    _failures: dict[int, Failure] = field(init=False, factory=dict)

    def __call__(self, place: Place) -> None:
        """Search; raises what halted a worker. Ctrl-C ends them all, and keeps what they found."""
        prepare()
        with SafeChildren():
            best = CONTEXT.Value("q", NOBODY)
        workers: dict[Connection, BaseProcess] = {}
        try:
            for job in self._jobs(place):
                ours, theirs = CONTEXT.Pipe(duplex=False)
                # What the job refers to may be in a module of the user's, so it is read later.
                about = (pickle.dumps(job), tuple(LAST), theirs, best)
                worker = CONTEXT.Process(target=work, args=about, daemon=True)
                # What comes before a worker can answer it waits until then.
                with held(ENDING), SafeChildren():
                    worker.start()
                theirs.close()
                workers[ours] = worker
            self._listen(place, workers, best)
        except BaseException:
            _end(workers.values())
            self._listen(place, workers, best, limit_s=CLOSE_LIMIT_S)
            raise
        finally:
            _finish(workers.values())
            for part in self._parts.values():
                place.findings.add(part.findings or Findings())
        for part in self._parts.values():
            if part.halted is not None and place.findings.failure is None:
                raise part.halted

    def _jobs(self, place: Place) -> list[Job]:
        until_s, settings = deadline_s(place.settings), place.settings
        shares = (Share(first, self.count) for first in range(1, self.count + 1))
        about = (self.machine, self.folder, self.wanted, settings, place.network)
        return [Job(*about, share, until_s) for share in shares]

    def _listen(
        self,
        place: Place,
        workers: dict[Connection, BaseProcess],
        best: Any,
        limit_s: float | None = None,
    ) -> None:
        """Take in reports until all workers have ended, or until the limit."""
        open_ends = {end: number for number, end in enumerate(workers) if not end.closed}
        until_s = None if limit_s is None else time.monotonic() + limit_s
        while open_ends:
            left_s = None if until_s is None else max(0.0, until_s - time.monotonic())
            ready = wait(list(open_ends), left_s)
            if not ready:
                return
            for end in ready:
                assert isinstance(end, Connection)
                try:
                    said: Said = end.recv()
                except EOFError:
                    number = open_ends.pop(end)
                    end.close()
                    self._gone(number, workers[end], best)
                    continue
                self._parts[open_ends[end]] = said
                if said.kept is not None:
                    self._keep(place, open_ends[end], said.kept)
                if said.halted is not None:
                    best.value = 0
            place.tally.become(part.tally for part in self._parts.values())
            self.watch()

    def _keep(self, place: Place, number: int, kept: Failure | Undecided) -> None:
        """What a worker has found, saved at once; of failures the one with the lowest number."""
        if isinstance(kept, Failure):
            lower = all(kept.number < other.number for other in self._failures.values())
            self._failures[number] = kept
            if not lower:
                return
        place.keep(kept)

    def _gone(self, number: int, worker: BaseProcess, best: Any) -> None:
        """A worker is gone without having reported its end."""
        said = self._parts.get(number, Said(Tally()))
        if said.findings is None:
            worker.join(CLOSE_LIMIT_S)
            halted = InvalidRunError(
                f"Worker {number + 1} ended with exit code {worker.exitcode} in the middle of its "
                f"search: see what it printed."
            )
            found = Findings(failure=self._failures.get(number))
            self._parts[number] = Said(said.tally, found, halted)
            best.value = 0


def _end(workers: Iterable[BaseProcess]) -> None:
    for worker in workers:
        if worker.is_alive():
            worker.terminate()


def _finish(workers: Iterable[BaseProcess]) -> None:
    """End every worker."""
    for worker in workers:
        worker.join(CLOSE_LIMIT_S)
        if worker.is_alive():
            # Its target hangs.
            end_children(pid=worker.pid)
            worker.kill()
            worker.join()


# --- in the worker -------------------------------------------------------------------------------


def work(packed: bytes, folders: tuple[str, ...], ends: Connection, best: Any) -> None:
    """Do a share of a search, and report progress; modules may also lie in these folders."""
    started()
    for folder in folders:
        search_last(folder)
    tally, findings = Tally(), Findings()
    halted: SyncModelError | None = None
    try:
        # Each of these means that it is over: close the cluster, and say what there is.
        with like_ctrl_c(), _let_in(ENDING):
            _search(pickle.loads(packed), tally, findings, ends, best)
    except KeyboardInterrupt:
        pass
    except Exception as error:  # noqa: BLE001 (whatever it is, it is told)
        halted = halted_by(error)
    try:
        ends.send(Said(tally, findings, halted))
    except BrokenPipeError:
        # The parent is gone.
        return


@contextmanager
def _let_in(signals: frozenset[signal.Signals]) -> Iterator[None]:
    """Until this ends, these signals do not wait; afterwards they do, as nothing is left to end."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)


def _search(job: Job, tally: Tally, findings: Findings, ends: Connection, best: Any) -> None:
    say = _saying(ends, tally)
    machine = load(job.machine, job.folder)
    with ExitStack() as closing:
        pool = closing.enter_context(Pool(job.wanted.kind(machine)))
        record = job.wanted.record
        recorder: Observer = closing.enter_context(Recorder(record, None)) if record else nobody

        def observe(entry: Entry) -> None:
            recorder(entry)
            say(entry)

        def target() -> Target:
            return on_network(pool.target(job.settings.nodes, job.wanted.bugs), job.network)

        async def another(broken: Target) -> Target:
            return on_network(await pool.another(broken), job.network)

        def keep(found: Failure | Undecided) -> None:
            _send(ends, Said(tally, kept=found))

        watched = watching(tally, pool.kind.waits, observe)
        about = (target, pool.driver, job.settings, watched, findings, tally)
        place = Place(*about, job.network, job.wanted.bugs, keep, another)
        search = Search(
            machine,
            place,
            share=job.share,
            until_s=job.until_s,
            beyond=lambda number: number > best.value,
        )
        search.run()
        if findings.failure is not None:
            with best.get_lock():
                best.value = min(best.value, findings.failure.number)


def _saying(ends: Connection, tally: Tally) -> Observer:
    """An observer that reports the search's progress now and then."""
    said_s = time.monotonic()

    def say(_: Entry) -> None:
        nonlocal said_s
        now_s = time.monotonic()
        if now_s - said_s >= SAY_S:
            said_s = now_s
            _send(ends, Said(tally))

    return say


def _send(ends: Connection, said: Said) -> None:
    """Report in one piece: a signal in the middle of it would leave half a message."""
    with held(ENDING):
        ends.send(said)
