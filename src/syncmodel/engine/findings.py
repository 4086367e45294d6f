"""What a search should do, and what it has found: values that every report reads."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field, frozen

from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.history import Verdict
from syncmodel.engine.script import Script
from syncmodel.engine.session import Result
from syncmodel.model.guarantees import Guarantees
from syncmodel.steps.scope import Scope


@frozen
class Settings:
    """How far a search goes. The same seed is the same sequences of steps.

    `scope`: the steps that may be drawn (None: all that the machine has and the target can take).
    `lacking`: the steps that were asked for and are never drawn, by the ability that it takes.
    `fixed`: runs begin with every node on the usual generation.
    `max_time_s`: no sequence is begun later than this. `backend` is Hypothesis' setting: ours draws
    plainly and leaves shrinking to our minimiser; with "hypothesis" it draws and shrinks on its
    own.
    """

    nodes: int = 3
    sequences: int = 100
    steps: int = 30
    seed: int | str = 0
    scope: Scope | None = None
    guarantees: Guarantees = Guarantees()
    lacking: Mapping[str, tuple[str, ...]] = field(factory=dict, hash=False)
    fixed: bool = False
    max_time_s: float | None = None
    backend: str = "syncmodel"

    @property
    def ours(self) -> bool:
        """Whether our backend draws, and our minimiser shrinks."""
        return self.backend == "syncmodel"


@frozen
class Failure:
    """The first sequence that diverged, by its number, and how."""

    number: int
    counterexample: Counterexample


@frozen
class Undecided:
    """A run that says nothing of the system, and why: it is unknown, or invalid.

    `network` is the simulated one that it was on; None: messages in order. `result`: how it ended,
    with its history.
    """

    verdict: Verdict
    reason: str
    script: Script
    network: int | None = None
    result: Result | None = field(default=None, eq=False, repr=False)


@define
class Findings:
    """What a search has seen so far.

    `failure` is the first one, kept whatever comes later; `notes` are Hypothesis' on it: the steps
    as it prints them. `out_of_time`: sequences were left when the time was over.
    """

    sequences: int = 0
    steps: int = 0
    invalid: list[str] = field(factory=list)
    unknown: list[str] = field(factory=list)
    failure: Failure | None = None
    notes: tuple[str, ...] = ()
    out_of_time: bool = False

    def add(self, other: Findings) -> None:
        """Add what another part of the same search has found; the failure is the earlier one."""
        self.sequences += other.sequences
        self.steps += other.steps
        self.invalid += other.invalid
        self.unknown += other.unknown
        self.out_of_time |= other.out_of_time
        failure = other.failure
        if failure and (self.failure is None or failure.number < self.failure.number):
            self.failure, self.notes = failure, other.notes
