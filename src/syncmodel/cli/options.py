"""The options of a search, one table for the command line and for pytest: same names, same meaning.

Nothing heavy is imported here: pytest reads this table in every run of its users.
"""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from syncmodel.errors import UsageError

if TYPE_CHECKING:
    from syncmodel.machine.explore import Settings
    from syncmodel.steps.scope import Scope

#: A cluster of one has nobody to sync with; a local one of more would not fit on a computer.
NODES_LIMIT = (2, 32)
#: Families of steps that are always there: rows, and steps made of steps.
ALWAYS = frozenset({"data", "compound"})
#: Where nobody asks for a seed it is one below this: short enough to be typed again.
SEEDS = 10**6


@frozen
class Option:
    """One option: its flag, and what argparse and pytest's `addoption` are told of it."""

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


def _option(flag: str, help_text: str, **told: Any) -> Option:
    return Option(flag, {"help": help_text, **told})


TARGET = _option(
    "--target",
    "where steps are performed: embedded (real processes of this computer; the default) or "
    "simulated (the nodes' cores joined in memory)",
    default="embedded",
    choices=("embedded", "simulated"),
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
    type=Path,
    default=None,
)
CORPUS = _option(
    "--corpus",
    "the directory where failures are saved (default: %(default)s)",
    metavar="DIR",
    type=Path,
    default=Path("found"),
)

SHARED = (
    _option(
        "--nodes",
        "how many nodes (default: %(default)s)",
        metavar="N",
        type=number(*NODES_LIMIT),
        default=3,
    ),
    _option(
        "--sequences",
        "how many sequences to try (default: %(default)s)",
        metavar="N",
        type=number(1),
        default=40,
    ),
    _option(
        "--steps",
        "steps per sequence, at most (default: %(default)s)",
        metavar="N",
        type=number(1),
        default=30,
    ),
    TARGET,
    BUG,
    _option(
        "--faults",
        "the kinds of steps beside writes: all (the default), none, or a comma list of network, "
        "sync, deployment, lifecycle",
        metavar="KINDS",
        default="all",
    ),
    RECORD,
    CORPUS,
    _option(
        "--no-minimize",
        "save a failure as it was found, without shortening it",
        action="store_true",
        default=False,
    ),
    _option(
        "--shrink-with",
        "who shortens a failure: ours (on the list of steps; the default) or hypothesis (its own "
        "shrinker, which takes many more runs)",
        choices=("ours", "hypothesis"),
        default="ours",
    ),
)

SEED = _option(
    "--seed",
    "the same seed generates the same sequences (default: one that no search had; it is told)",
    metavar="N",
    type=number(0, 2**64),
    default=None,
)


@frozen
class Wanted:
    """What was asked for, as every option's value."""

    nodes: int
    sequences: int
    steps: int
    target: str
    bugs: tuple[str, ...]
    faults: str
    record: Path | None
    corpus: Path
    minimize: bool
    shrink: bool
    seed: int

    @classmethod
    def of(cls, value: Callable[[str], Any], seed: int | None) -> Wanted:
        """`value` gives each shared option's value by its name.

        Without a seed one is chosen. Raises `UsageError` for an unknown kind of faults or an
        unknown bug.
        """
        wanted = cls(
            nodes=value("nodes"),
            sequences=value("sequences"),
            steps=value("steps"),
            target=value("target"),
            bugs=known_bugs(value("bug")),
            faults=value("faults"),
            record=value("record"),
            corpus=value("corpus"),
            minimize=not value("no_minimize"),
            shrink=value("shrink_with") == "hypothesis",
            seed=secrets.randbelow(SEEDS) if seed is None else seed,
        )
        scope_of(wanted.faults)
        return wanted

    def settings(self) -> Settings:
        """What the explorer is told."""
        from syncmodel.machine.explore import Settings

        return Settings(
            nodes=self.nodes,
            sequences=self.sequences,
            steps=self.steps,
            seed=self.seed,
            scope=scope_of(self.faults),
            shrink=self.shrink,
        )

    def facts(self) -> dict[str, Any]:
        """What a record says of the search in its first line."""
        return {
            "target": self.target,
            "nodes": self.nodes,
            "bugs": list(self.bugs),
            "seed": self.seed,
            "faults": self.faults,
        }


def known_bugs(names: list[str] | None) -> tuple[str, ...]:
    """These bugs, each once. Raises `UsageError` that lists those that there are."""
    if not names:
        return ()
    from syncmodel.reference.node import bugs

    return tuple(dict.fromkeys(bugs.get(name).name for name in names))


def scope_of(faults: str) -> Scope:
    """The steps that a search may draw from. Raises `UsageError` for an unknown kind of faults."""
    from syncmodel.steps import vocabulary
    from syncmodel.steps.scope import Scope

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
        # Where every node was rolled back nobody takes writes: a restart is always possible.
        ops.add("restart")
    return Scope(ops=frozenset(ops))
