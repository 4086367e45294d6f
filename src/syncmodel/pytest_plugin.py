"""Options and fixtures for anyone's `pytest stateful/`.

Loaded in every pytest run where syncmodel is installed, so nothing heavy is imported before a
fixture is asked for. A search is a `ClusterMachine.TestCase`; to test your own system, name it in
the machine, or override the fixture `syncmodel_kind` for all machines.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.unittest import UnitTestCase

from syncmodel.cli.options import CORPUS, SHARED, Option, wanted
from syncmodel.errors import UsageError, printable_lines
from syncmodel.machine.wanted import SUITE_SEQUENCES, TARGET

if TYPE_CHECKING:
    from syncmodel.engine.drive import Driver
    from syncmodel.engine.pool import Pool
    from syncmodel.machine.testcase import Around
    from syncmodel.machine.wanted import Wanted
    from syncmodel.targets.base import Target
    from syncmodel.targets.registry import TargetKind

#: The prefix of each option here, as all plugins share pytest's options.
PREFIX = "syncmodel_"
#: The summaries of this session's searches, for the end of pytest's output.
SUMMARIES = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of `syncmodel explore` with a prefix, each also as a value of the ini file."""
    group = parser.getgroup("syncmodel", "sync, partitions and rollback of live nodes (syncmodel)")
    for option in SHARED:
        told = {**option.told, "default": None, "help": _help(option)}
        flag = f"--syncmodel-{option.flag.removeprefix('--')}"
        group.addoption(flag, dest=PREFIX + option.name, **told)
        parser.addini(PREFIX + option.name, _help(option), type=_ini_type(option), default=None)


def _help(option: Option) -> str:
    """Its help, with our default, as pytest's is None."""
    return str(option.told["help"]).replace("%(default)s", str(option.told.get("default")))


def _ini_type(option: Option) -> Any:
    actions = {"store_true": "bool", "append": "args"}
    return actions.get(option.told.get("action", ""), "string")


def value_of(config: pytest.Config, option: Option) -> Any:
    """What the command line says, else the ini file, else the option's default.

    Raises `UsageError` if the ini file has a value that the option does not take.
    """
    said = config.getoption(PREFIX + option.name)
    if said is not None:
        return said
    try:
        written = config.getini(PREFIX + option.name)
    except (TypeError, ValueError, pytest.UsageError) as error:
        raise UsageError(f"{PREFIX}{option.name} in the ini file: {error}.") from None
    if written in (None, "", []):
        return option.told.get("default")
    return _parsed(option, written)


def _parsed(option: Option, written: Any) -> Any:
    told = option.told
    several, convert = told.get("action") == "append", told.get("type")
    if isinstance(written, list) and not several:
        raise UsageError(f"{PREFIX}{option.name} in the ini file takes one value, no list.")
    try:
        if several:
            return [told["type"](str(one)) for one in written]
        value = written if convert is None else convert(str(written))
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"{PREFIX}{option.name} in the ini file: {error}.") from None
    if "choices" in told and value not in told["choices"]:
        choices = ", ".join(told["choices"])
        raise UsageError(f"{PREFIX}{option.name} in the ini file: {value!r} is not of {choices}.")
    return value


def pytest_configure(config: pytest.Config) -> None:
    """Report a wrong value before anything is collected."""
    config.stash[SUMMARIES] = []
    try:
        values = {option.name: value_of(config, option) for option in SHARED}
        target = values["target"]
        if target is not None and ":" not in target:
            from syncmodel.targets.registry import check_name

            check_name(target)
        if values["corpus"] != CORPUS.told["default"]:
            from syncmodel.corpus import check_folder

            check_folder(values["corpus"])
        if values["report"] is not None:
            from syncmodel.report.page.searched import check_report

            check_report(values["report"], values["corpus"])
        named = [values[name] for name in ("bug", "inventory", "report")]
        if any(named) or values["faults"] != "all":
            wanted_of(config)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_pycollect_makeitem(
    collector: pytest.Module | pytest.Class, name: str, obj: object
) -> pytest.Collector | None:
    """Collect a machine whose class is named like a test: `class TestMine(ClusterMachine)`."""
    module = sys.modules.get("syncmodel.machine.cluster")
    if module is None or not isinstance(obj, type) or not issubclass(obj, module.ClusterMachine):
        return None
    if not collector.classnamefilter(name):
        return None
    case: UnitTestCase = UnitTestCase.from_parent(collector, name=name)
    case.obj = obj.TestCase  # type: ignore[attr-defined]  # a machine has one
    return case


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print what every search saw, also where it passed."""
    for text in config.stash[SUMMARIES]:
        terminalreporter.section("syncmodel")
        terminalreporter.write_line(printable_lines(text))


def wanted_of(config: pytest.Config) -> Wanted:
    """The options' values; the seed is Hypothesis' own. Raises `UsageError`."""
    options = {option.name: option for option in SHARED}
    return wanted(lambda name: value_of(config, options[name]), None, SUITE_SEQUENCES)


@pytest.fixture(scope="session")
def syncmodel_wanted(pytestconfig: pytest.Config) -> Wanted:
    """What the options of this session ask for."""
    return wanted_of(pytestconfig)


@pytest.fixture(scope="session")
def syncmodel_kind(syncmodel_wanted: Wanted) -> TargetKind:
    """The kind of target that is tested where neither machine nor option says it.

    Override it for your own system.
    """
    from syncmodel.targets import registry

    if syncmodel_wanted.inventory is not None:
        from syncmodel.inventory import kinds

        return kinds.kind_of(syncmodel_wanted.inventory)
    return registry.get(syncmodel_wanted.target or TARGET)


@pytest.fixture(scope="session")
def syncmodel_pool(syncmodel_kind: TargetKind) -> Iterator[Pool]:
    """The targets of this session, by size and planted bugs; all are closed at its end."""
    from syncmodel.engine.pool import Pool

    with Pool(syncmodel_kind) as pool:
        yield pool


@pytest.fixture(scope="session")
def syncmodel_driver(syncmodel_pool: Pool) -> Driver:
    """The driver of the coroutines of this session's targets."""
    return syncmodel_pool.driver


@pytest.fixture(scope="session")
def syncmodel_target(syncmodel_pool: Pool, syncmodel_wanted: Wanted) -> Target:
    """The target that the options ask for, with its bugs. The pool closes it."""
    from syncmodel.machine.wanted import NODES

    count = syncmodel_wanted.nodes or syncmodel_pool.kind.nodes or NODES
    return syncmodel_pool.target(count, syncmodel_wanted.bugs)


@pytest.fixture
def syncmodel_around(request: pytest.FixtureRequest, syncmodel_wanted: Wanted) -> Around:
    """What every `ClusterMachine.TestCase` asks for: options, targets, and where results go."""
    from syncmodel.machine.testcase import Around

    def pool() -> Pool:
        made: Pool = request.getfixturevalue("syncmodel_pool")
        return made

    def failure(text: str, notes: Sequence[str]) -> BaseException:
        # Without a traceback pytest leaves notes out: they get their own section.
        request.node.add_report_section("call", "Hypothesis", printable_lines("\n".join(notes)))
        failed = pytest.fail.Exception(printable_lines(text), pytrace=False)
        for note in notes:
            failed.add_note(printable_lines(note))
        return failed

    say = request.config.stash[SUMMARIES].append
    return Around(syncmodel_wanted, pool, say, failure)
