"""The options of a search, given or not, and what they mean for one machine.

The command line overrides the machine's class, which overrides Hypothesis' settings and profiles;
our defaults come last.
"""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

from attrs import evolve, frozen

if TYPE_CHECKING:
    import hypothesis

    from syncmodel.engine.findings import Settings
    from syncmodel.machine.cluster import ClusterMachine
    from syncmodel.targets.registry import TargetKind

#: Without a requested seed it is one below this: short enough to type again.
SEEDS = 10**6
NODES = 3
STEPS = 30
#: How many sequences there are usually, where a target does no input and output.
SUITE_SEQUENCES = 15
FAST_SEQUENCES = 150
TARGET = "embedded"
#: What all processes of one pytest run under xdist have in common.
SAME_RUN = "PYTEST_XDIST_TESTRUNUID"


@frozen
class Wanted:
    """What was asked for; None where nothing was said.

    `ops` are the steps that may be taken; `usual_sequences` is the default number of sequences.
    """

    nodes: int | None = None
    sequences: int | None = None
    steps: int | None = None
    target: str | None = None
    inventory: Path | None = None
    bugs: tuple[str, ...] = ()
    ops: frozenset[str] | None = None
    faults: str = "all"
    record: Path | None = None
    corpus: Path = Path("found")
    report: Path | None = None
    pages: bool = True
    minimize: bool = True
    scenes: bool = True
    backend: str | None = None
    seed: int | str | None = None
    max_time_s: float | None = None
    usual_sequences: int = SUITE_SEQUENCES

    def settings(
        self, machine: type[ClusterMachine], base: hypothesis.settings | None = None
    ) -> Settings:
        """How far a search by this machine goes.

        `base` are the Hypothesis settings assigned to it; None: there are none, so a profile
        counts.
        """
        from syncmodel.engine.findings import Settings
        from syncmodel.machine.provider import PLAIN
        from syncmodel.steps import vocabulary
        from syncmodel.strategies.inside import chosen_seed

        chosen = base or _profile()
        backend = self.backend or (PLAIN if base is None else base.backend)
        seed = self.seed
        if seed is None and chosen is not None:
            seed = chosen_seed(machine, chosen)
        kind = self.kind(machine)
        scope = machine.scope or kind.scope
        asked = machine.scope.ops if machine.scope else frozenset(vocabulary())
        asked = frozenset(op for op in asked if getattr(machine, op, None) is not None)
        asked = asked if self.ops is None else asked & self.ops
        scope = evolve(scope, ops=scope.ops & asked)
        usual = self.usual_sequences if kind.waits else FAST_SEQUENCES
        return Settings(
            nodes=self.nodes or kind.nodes or machine.nodes or NODES,
            sequences=self.sequences or _said(chosen, "max_examples", base) or usual,
            steps=self.steps or _said(chosen, "stateful_step_count", base) or STEPS,
            seed=_any_seed() if seed is None else seed,
            scope=scope,
            guarantees=machine.guarantees or kind.guarantees,
            lacking=kind.lacking(asked),
            fixed=kind.fixed,
            max_time_s=self.max_time_s,
            backend=backend,
        )

    def kind(self, machine: type[ClusterMachine]) -> TargetKind:
        """The kind of target. Raises `UsageError` for an unknown name."""
        from syncmodel.targets import registry

        if self.inventory is not None:
            from syncmodel.inventory import kinds

            return kinds.kind_of(self.inventory)
        target = self.target or machine.target or TARGET
        if isinstance(target, str):
            return registry.get(target)
        return registry.kind_of(target)

    def facts(self, settings: Settings, kind: TargetKind) -> dict[str, Any]:
        """What the first line of a record says about the search."""
        return {
            "target": kind.name,
            "nodes": settings.nodes,
            "bugs": list(self.bugs),
            "seed": settings.seed,
            "faults": self.faults,
        }


def _profile() -> hypothesis.settings:
    import hypothesis

    return hypothesis.settings()


def _said(chosen: hypothesis.settings, name: str, base: hypothesis.settings | None) -> int | None:
    """What settings say of it; of a profile only what is not Hypothesis' own default."""
    import hypothesis

    value: int = getattr(chosen, name)
    usual = getattr(hypothesis.settings.get_profile("default"), name)
    return value if base is not None or value != usual else None


def _any_seed() -> int:
    """A random seed; the same for all processes of one run under xdist."""
    run = os.environ.get(SAME_RUN)
    return crc32(run.encode()) % SEEDS if run else secrets.randbelow(SEEDS)


def deadline_s(settings: Settings) -> float | None:
    """When no sequence is begun any more, by the monotonic clock, which all processes share."""
    return None if settings.max_time_s is None else time.monotonic() + settings.max_time_s
