"""`ClusterMachine.TestCase`: a search as one test, known to Hypothesis and to pytest.

It explores, minimises what fails, confirms and saves it, and fails with the story. Under
pytest-xdist there is a test for each worker, which does its share of the sequences.
"""

from __future__ import annotations

import os
import sys
import time
import unittest
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import hypothesis
from attrs import frozen
from hypothesis import HealthCheck, Phase

from syncmodel.campaign.campaign import Campaign, Report
from syncmodel.engine.findings import Settings
from syncmodel.engine.history import all_of
from syncmodel.engine.pool import Pool
from syncmodel.machine.deck import own_invariants
from syncmodel.machine.loading import facts_of
from syncmodel.machine.provider import PLAIN
from syncmodel.machine.search import WHOLE, Share, searching
from syncmodel.machine.wanted import Wanted
from syncmodel.report.jsonl import Recorder
from syncmodel.report.page.course import Course
from syncmodel.report.page.searched import check_report, searched
from syncmodel.report.terminal import say, summary
from syncmodel.strategies.inside import is_hypothesis_test

if TYPE_CHECKING:
    import pytest

    from syncmodel.machine.cluster import ClusterMachine

#: How many processes pytest-xdist has.
WORKERS = "PYTEST_XDIST_WORKER_COUNT"


def noted(story: str, notes: Sequence[str]) -> AssertionError:
    """A failure with notes, which Python shows below it."""
    failure = AssertionError(story)
    for note in notes:
        failure.add_note(note)
    return failure


@frozen
class Around:
    """The context of a test: what was asked for, and where results go.

    `failure` makes the exception of a story and of Hypothesis' notes.
    `pool` gives targets of the kind that the options ask for; its owner closes it. None: the test
    makes its own pool.
    """

    wanted: Wanted = Wanted()
    pool: Callable[[], Pool] | None = None
    say: Callable[[str], None] = say
    failure: Callable[[str, Sequence[str]], BaseException] = noted


class SearchCase(unittest.TestCase):
    """One test of a machine. Assign `settings` for your own Hypothesis settings."""

    settings: ClassVar[hypothesis.settings]
    machine: ClassVar[type[ClusterMachine]]
    around: Around = Around()

    def search(self, share: Share = WHOLE) -> None:
        """Search; raises the failure with the story of what was found."""
        around, machine = self.around, self.machine
        base = None if self.settings is _usual() else self.settings
        settings = around.wanted.settings(machine, base)
        started_s = time.monotonic()
        wanted, waits = around.wanted, around.wanted.kind(machine).waits
        check_report(wanted.report, wanted.corpus)
        report, course = _campaign(around, machine, settings, base, share)
        took_s = time.monotonic() - started_s
        told = [] if report.nothing_ran else [summary(report, took_s, settings, waits=waits)]
        if wanted.pages:
            folder = wanted.report and _folder(wanted.report, share)
            pages = searched(report, settings, folder, course, waits=waits)
            told += [pages] if pages else []
        text = "\n".join(told)
        if report.interrupted:
            around.say(text)
            raise KeyboardInterrupt
        if not report.exit_code:
            around.say(text)
            return
        mistake = None if report.halted is None else report.halted.__cause__
        if report.found is None and isinstance(mistake, Exception):
            # In a target or a machine: with its traceback, which shows where.
            if told:
                around.say(text)
            raise mistake
        story = "\n".join([*told, str(report.halted)]) if report.halted else text
        raise around.failure(story, report.findings.notes)


def _campaign(
    around: Around,
    machine: type[ClusterMachine],
    settings: Settings,
    base: hypothesis.settings | None,
    share: Share,
) -> tuple[Report, Course]:
    wanted = around.wanted
    with ExitStack() as closing:
        pool = closing.enter_context(_pool(around, machine))
        campaign = Campaign(
            pool,
            settings,
            wanted.corpus,
            searching(machine, base, share),
            bugs=wanted.bugs,
            minimize=wanted.minimize,
            invariants=own_invariants(machine),
            facts=facts_of(machine),
            scenes=wanted.scenes and share.first == 1,
            gathers=wanted.pages,
        )
        if wanted.record:
            facts = wanted.facts(settings, pool.kind)
            path = _part(wanted.record, share)
            campaign.observe = closing.enter_context(Recorder(path, facts))
        course = Course(campaign.report.tally)
        if wanted.report:
            campaign.observe = all_of(campaign.observe, course)
        return campaign.run(), course


@contextmanager
def _pool(around: Around, machine: type[ClusterMachine]) -> Iterator[Pool]:
    """The pool that is there, unless the machine has a target that no option overrules."""
    if around.pool is not None and (around.wanted.target or machine.target is None):
        yield around.pool()
    else:
        with Pool(around.wanted.kind(machine)) as pool:
            yield pool


def _part(record: Path, share: Share) -> Path:
    """Each share has its own record: run.jsonl, run.2-of-4.jsonl."""
    if share.of == 1:
        return record
    return record.with_suffix(f".{share.first}-of-{share.of}{record.suffix}")


def _folder(report: Path, share: Share) -> Path:
    """Each share has its own folder of pages."""
    return report if share.of == 1 else report / f"{share.first}-of-{share.of}"


@lru_cache
def _usual() -> hypothesis.settings:
    """Our default settings: a base for custom ones, and the mark that none were assigned."""
    return hypothesis.settings(
        backend=PLAIN,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


@cache
def case_of(machine: type[ClusterMachine]) -> type[SearchCase]:
    """The test case of a machine's class; always the same one."""
    workers = int(os.environ.get(WORKERS, "1"))
    body: dict[str, Any] = {
        "__module__": machine.__module__,
        "__qualname__": f"{machine.__qualname__}.TestCase",
        "__doc__": machine.__doc__,
        "settings": _usual(),
        "machine": machine,
        "_surroundings": Surroundings(),
    }
    if workers == 1:
        body["runTest"] = _test(machine, WHOLE)
    else:
        shares = (Share(first, workers) for first in range(1, workers + 1))
        tests = {f"test_share_{one.first}_of_{workers}": _test(machine, one) for one in shares}
        body.update(tests)
    return type(f"{machine.__name__}.TestCase", (SearchCase,), body)


def _test(machine: type[ClusterMachine], share: Share) -> Callable[[SearchCase], None]:
    def test(self: SearchCase) -> None:
        """No node ever shows what it may not, whatever is done to the cluster."""
        self.search(share)

    is_hypothesis_test(test, machine)
    return test


class Surroundings:
    """The fixture of a test case, which is made where pytest looks for it: a search on the command
    line has no need of pytest, whose import takes a third of a second."""

    def __get__(self, test: object, owner: type[SearchCase]) -> Any:
        return _surroundings().__get__(test, owner) if "pytest" in sys.modules else self


@cache
def _surroundings() -> Any:
    import pytest

    @pytest.fixture(autouse=True)
    def surroundings(self: SearchCase, request: pytest.FixtureRequest) -> None:
        """What our pytest plugin says about this session."""
        self.around = request.getfixturevalue("syncmodel_around")

    return surroundings
