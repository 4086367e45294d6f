"""The options of a search, one table for the command line and for pytest: same names, same meaning.

Nothing heavy is imported here: pytest reads this table in every run of its users.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from syncmodel.errors import UsageError
from syncmodel.machine.wanted import FAST_SEQUENCES, NODES, STEPS, SUITE_SEQUENCES, Wanted

if TYPE_CHECKING:
    from syncmodel.engine.invariant import Invariant
    from syncmodel.machine.cluster import ClusterMachine
    from syncmodel.targets.registry import TargetKind

#: A cluster of one has no peer to sync with; a larger local one would not fit on a computer.
NODES_LIMIT = (2, 32)
#: Families of steps that are always in scope: rows, and steps made of steps.
ALWAYS = frozenset({"data", "compound", "reads"})
#: A run of more steps would be cut short by Hypothesis, which bounds what one test case draws.
STEPS_LIMIT = 500
#: How many sequences a search has by default.
SEQUENCES = 40


@frozen
class Option:
    """One option: its flag, and its arguments to argparse and pytest's `addoption`."""

    flag: str
    told: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The flag as a Python name."""
        return self.flag.removeprefix("--").replace("-", "_")


def number(least: int, most: int = 10**9) -> Callable[[str], int]:
    """A type of option: a whole number between these."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            limits = f"of at least {least}" if most == 10**9 else f"from {least} to {most}"
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number {limits}")
        return value

    return parse


def seconds(text: str) -> float:
    """A type of option: a time, in seconds."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 10**9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return value


def given(convert: Callable[[str], Any] = str) -> Callable[[str], Any]:
    """A type of option: any text but none, which would be taken for an option left out."""

    def parse(text: str) -> Any:
        if not text.strip():
            raise argparse.ArgumentTypeError("nothing is named: say what, or leave the option out")
        return convert(text)

    return parse


def _option(flag: str, help_text: str, **told: Any) -> Option:
    if not {"type", "action", "choices"} & told.keys() or told.get("action") == "append":
        told["type"] = given()
    return Option(flag, {"help": help_text, **told})


TARGET = _option(
    "--target",
    "where steps are performed: embedded (real processes of this computer; the default), "
    "namespaces (machines with sshd and real packets, best as root), "
    "simulated (the nodes' cores joined in memory), another one that is registered, or a class of "
    "yours as module:Class",
    metavar="NAME",
    default=None,
)
INVENTORY = _option(
    "--inventory",
    "steps are performed on the hosts that this TOML file names (docs/hosts.md)",
    metavar="FILE",
    type=given(Path),
    default=None,
)
REPLAYED_ON = _option(
    "--target",
    "where steps are performed (default: where the file says that they were): embedded, "
    "namespaces, simulated, or a target of yours as module:Class",
    metavar="NAME",
    default=None,
)
MACHINE = _option(
    "--machine",
    "a ClusterMachine of yours, with its rules and invariants, as module:Class; the module may lie "
    "in the current directory",
    metavar="MODULE:CLASS",
    default=None,
)
BUG = _option(
    "--bug",
    "plant this bug in every node; may be given several times (see `syncmodel bugs`)",
    metavar="NAME",
    action="append",
    default=None,
)
RECORD = _option(
    "--record",
    "write every sequence, step, outcome and observation to FILE, as JSON lines",
    metavar="FILE",
    type=given(Path),
    default=None,
)
CORPUS = _option(
    "--corpus",
    "the directory where failures are saved (default: %(default)s)",
    metavar="DIR",
    type=given(Path),
    default=Path("found"),
)

REPORT = _option(
    "--report",
    "where the pages go that show what was seen, with an index (default: only the page of a "
    "failure, beside its file)",
    metavar="DIR",
    type=given(Path),
    default=None,
)
NO_REPORT = _option(
    "--no-report",
    "write no page beside a saved failure",
    action="store_true",
    default=False,
)

SHARED = (
    _option(
        "--nodes",
        f"how many nodes (default: {NODES})",
        metavar="N",
        type=number(*NODES_LIMIT),
        default=None,
    ),
    _option(
        "--sequences",
        f"how many sequences to try (default: {FAST_SEQUENCES} on a target that does not wait, "
        f"else {SEQUENCES}, or {SUITE_SEQUENCES} in a test suite)",
        metavar="N",
        type=number(1),
        default=None,
    ),
    _option(
        "--steps",
        f"steps per sequence (default: {STEPS})",
        metavar="N",
        type=number(1, STEPS_LIMIT),
        default=None,
    ),
    _option(
        "--max-time",
        "begin no new sequence later than this many seconds after the start",
        metavar="SECONDS",
        type=seconds,
        default=None,
    ),
    TARGET,
    INVENTORY,
    BUG,
    _option(
        "--faults",
        "the kinds of steps beside writes: all (the default), none, or a comma list of network, "
        "hanging, slowness, packets, sync, deployment, lifecycle, standstill, clocks, disks, "
        "membership, trusting, restoring, spoiling, purging, misused",
        metavar="KINDS",
        default="all",
    ),
    RECORD,
    REPORT,
    NO_REPORT,
    CORPUS,
    _option(
        "--no-scenes",
        "do not look at small scenes on the simulator after a search that found nothing",
        action="store_true",
        default=False,
    ),
    _option(
        "--no-minimize",
        "save a failure as it was found, without shortening it",
        action="store_true",
        default=False,
    ),
    _option(
        "--backend",
        "Hypothesis' setting: syncmodel (draws plainly from the seed, and failures are shortened "
        "as lists of steps; the default) or hypothesis (its usual one, with its own shrinker)",
        choices=("syncmodel", "hypothesis"),
        default=None,
    ),
)

SEED = _option(
    "--seed",
    "the same seed generates the same sequences (default: a fresh one, which the summary names)",
    metavar="N",
    type=number(0, 2**64),
    default=None,
)
JOBS = _option(
    "--jobs",
    "how many processes share the sequences, each with its own cluster (default: %(default)s)",
    metavar="N",
    type=number(1, 256),
    default=1,
)


def wanted(value: Callable[[str], Any], seed: int | str | None, usual_sequences: int) -> Wanted:
    """What the options ask for; `value` gives each shared option's value by its name.

    Raises `UsageError` for an unknown kind of faults or an unknown bug.
    """
    faults = value("faults") or "all"
    inventory = value("inventory")
    check_inventory(inventory, value("target"), value("bug"))
    check_pages(value("report"), none=value("no_report"))
    return Wanted(
        inventory=inventory,
        nodes=value("nodes"),
        sequences=value("sequences"),
        steps=value("steps"),
        target=value("target"),
        bugs=known_bugs(value("bug"), value("target")),
        ops=None if faults == "all" else ops_of(faults),
        faults=faults,
        record=value("record"),
        corpus=value("corpus"),
        report=value("report"),
        pages=not value("no_report"),
        minimize=not value("no_minimize"),
        scenes=not value("no_scenes"),
        backend=value("backend"),
        seed=seed,
        max_time_s=value("max_time"),
        usual_sequences=usual_sequences,
    )


def check_inventory(inventory: Path | None, target: str | None, bugs: list[str] | None) -> None:
    """Raises `UsageError` for what can't be said together with an inventory."""
    if inventory is None:
        return
    if target is not None:
        raise UsageError("An inventory is a target of its own: leave --target out.")
    if bugs:
        raise UsageError("No bug can be planted in nodes of an inventory: leave --bug out.")


def check_pages(report: Path | None, *, none: bool) -> None:
    """Raises `UsageError` where pages are wanted and not wanted."""
    if report is not None and none:
        raise UsageError("Pages go to --report DIR, or nowhere with --no-report: leave one out.")


def machine_of(name: str | None) -> type[ClusterMachine] | None:
    """The machine that was named, from the current directory too. Raises `UsageError`."""
    if name is None:
        return None
    from syncmodel.machine.loading import load

    return load(name, Path.cwd())


def invariants_of(name: str | None) -> tuple[Invariant, ...]:
    """The invariants of the machine that was named; its steps are known then too."""
    machine = machine_of(name)
    if machine is None:
        return ()
    from syncmodel.machine.deck import own_invariants

    return own_invariants(machine)


def asked_kind(
    target: str | None, machine_name: str | None, inventory: Path | None = None
) -> TargetKind | None:
    """The kind of target that was asked for, by its name or by a machine's; None: none was."""
    if inventory is not None:
        from syncmodel.inventory import kinds

        return kinds.kind_of(inventory)
    machine = machine_of(machine_name)
    if machine is not None and (target or machine.target):
        return Wanted(target=target).kind(machine)
    from syncmodel.targets import registry

    return None if target is None else registry.get(target)


def known_bugs(names: list[str] | None, target: str | None = None) -> tuple[str, ...]:
    """These bugs, each once. Raises `UsageError` that lists those that the reference has.

    A custom `target` checks the names of its bugs itself.
    """
    unique = tuple(dict.fromkeys(names or ()))
    if not unique or (target is not None and ":" in target):
        return unique
    from syncmodel.reference.node import bugs

    return tuple(bugs.get(name).name for name in unique)


def ops_of(faults: str) -> frozenset[str]:
    """The steps that a search may draw from. Raises `UsageError` for an unknown kind of faults."""
    from syncmodel.steps import vocabulary

    families = {op: step.family() for op, step in vocabulary().items()}
    known = sorted(set(families.values()) - ALWAYS)
    chosen = {name.strip() for name in faults.split(",")} - ALWAYS
    if "all" in chosen:
        chosen |= set(known)
    unknown = chosen - set(known) - {"all", "none"}
    if unknown:
        raise UsageError(
            f"There are no faults {', '.join(map(repr, sorted(unknown)))}; there are: "
            f"{', '.join(known)}; or say all, or none."
        )
    ops = {op for op, family in families.items() if family in chosen | ALWAYS}
    if "rollback" in ops:
        # Once every node is rolled back no node takes writes; a restart is always possible.
        ops.add("restart")
    return frozenset(ops)
