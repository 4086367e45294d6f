"""Options and fixtures for anyone's `pytest stateful/`.

Loaded in every pytest run of whoever has syncmodel installed, so nothing heavy is imported before a
fixture is asked for. To test a system of your own, override the fixture `syncmodel_kind`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from syncmodel.cli.options import SHARED, Wanted
from syncmodel.errors import UsageError

if TYPE_CHECKING:
    from syncmodel.campaign.campaign import Report
    from syncmodel.engine.drive import Driver
    from syncmodel.engine.pool import Stage
    from syncmodel.machine.explore import Settings
    from syncmodel.targets.base import Target
    from syncmodel.targets.registry import TargetKind

#: Where pytest's defaults differ: a suite that is run often is to take less than a minute.
DEFAULTS = {"sequences": {"default": 15}}
#: What the searches of this session came to, for the end of pytest's output.
SUMMARIES = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of `syncmodel explore`, under the same names."""
    group = parser.getgroup("syncmodel", "sync, partitions and rollback of live nodes (syncmodel)")
    for option in SHARED:
        told = {**option.told, **DEFAULTS.get(option.name, {})}
        group.addoption(option.flag, dest=f"syncmodel_{option.name}", **told)


def pytest_configure(config: pytest.Config) -> None:
    """A wrong value is said before anything is collected."""
    config.stash[SUMMARIES] = []
    if config.getoption("syncmodel_bug") or config.getoption("syncmodel_faults") != "all":
        try:
            wanted_of(config)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """What every search saw, also where it passed."""
    for text in config.stash[SUMMARIES]:
        terminalreporter.section("syncmodel")
        terminalreporter.write_line(text)


def wanted_of(config: pytest.Config) -> Wanted:
    """The options' values; the seed is Hypothesis' own. Raises `UsageError`."""
    seed = str(config.getoption("--hypothesis-seed", default=None))
    return Wanted.of(
        lambda name: config.getoption(f"syncmodel_{name}"), int(seed) if seed.isdecimal() else None
    )


@pytest.fixture(scope="session")
def syncmodel_wanted(pytestconfig: pytest.Config) -> Wanted:
    """What the options of this session ask for."""
    return wanted_of(pytestconfig)


@pytest.fixture(scope="session")
def syncmodel_kind(syncmodel_wanted: Wanted) -> TargetKind:
    """The kind of target that is tested: as --target says. Override it for a system of your own."""
    from syncmodel.targets import registry

    return registry.get(syncmodel_wanted.target)


@pytest.fixture(scope="session")
def syncmodel_stage(syncmodel_kind: TargetKind) -> Iterator[Stage]:
    """The targets of this session, by size and planted bugs; all are closed at its end."""
    from syncmodel.engine.pool import Stage

    with Stage(syncmodel_kind) as stage:
        yield stage


@pytest.fixture(scope="session")
def syncmodel_settings(syncmodel_wanted: Wanted) -> Settings:
    """How far a search goes."""
    return syncmodel_wanted.settings()


@pytest.fixture(scope="session")
def syncmodel_driver(syncmodel_stage: Stage) -> Driver:
    """Who runs the coroutines of this session's targets."""
    return syncmodel_stage.driver


@pytest.fixture(scope="session")
def syncmodel_target(
    syncmodel_stage: Stage, syncmodel_settings: Settings, syncmodel_wanted: Wanted
) -> Target:
    """The target that the options ask for, with its bugs. The stage closes it."""
    return syncmodel_stage.target(syncmodel_settings.nodes, syncmodel_wanted.bugs)


@pytest.fixture
def syncmodel_explore(
    syncmodel_stage: Stage,
    syncmodel_settings: Settings,
    syncmodel_wanted: Wanted,
    pytestconfig: pytest.Config,
) -> Callable[[], Report]:
    """A search as a function: it fails the test with the story of what it found.

    Raises `KeyboardInterrupt` on Ctrl-C, when all that was found is saved.
    """

    def explore() -> Report:
        from syncmodel.campaign.campaign import Campaign
        from syncmodel.report.jsonl import Recorder
        from syncmodel.report.terminal import summary

        wanted, started_s = syncmodel_wanted, time.monotonic()
        campaign = Campaign(
            syncmodel_stage,
            syncmodel_settings,
            wanted.corpus,
            bugs=wanted.bugs,
            minimize=wanted.minimize,
        )
        recording = nullcontext(None)
        with Recorder(wanted.record, wanted.facts()) if wanted.record else recording as recorder:
            campaign.observe = recorder or campaign.observe
            report = campaign.run()
        text = summary(report, time.monotonic() - started_s, syncmodel_settings)
        if report.interrupted:
            pytestconfig.stash[SUMMARIES].append(text)
            raise KeyboardInterrupt
        if report.exit_code:
            problem = f"\n{report.halted}" if report.halted else ""
            pytest.fail(f"{text}{problem}", pytrace=False)
        pytestconfig.stash[SUMMARIES].append(text)
        return report

    return explore
