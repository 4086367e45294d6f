"""A counterexample: a run that diverges, and how; searches find it and minimisers shrink it.

Not here: how one is found (`machine`), made shorter (`shrink`) or kept in a file (`corpus`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve, field, frozen

from syncmodel.engine.history import Entry
from syncmodel.engine.run import Result
from syncmodel.engine.script import Script, length
from syncmodel.errors import UsageError
from syncmodel.model.divergence import Divergence, Key
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net
from syncmodel.model.view import View


@frozen
class Counterexample:
    """A run that diverges on nodes with these `bugs` planted, held against these `guarantees`.

    `key` is the divergence that counts: name and kind of row. `divergences` are all of that moment,
    `views` what each node showed then. `network`: on which simulated one, where it was seen to
    diverge there; None: messages in order. `failed` of `runs` confirmations diverged in the same
    way (0 of 0: it was not run again). `history` is that of the run which was seen last.
    """

    script: Script
    key: Key
    divergences: tuple[Divergence, ...] = ()
    views: Mapping[str, View | None] | None = field(default=None, eq=False)
    bugs: tuple[str, ...] = ()
    guarantees: Guarantees = Guarantees()
    network: int | None = None
    failed: int = 0
    runs: int = 0
    history: tuple[Entry, ...] = field(default=(), eq=False, repr=False)

    @classmethod
    def of(
        cls,
        net: Net,
        result: Result,
        key: Key | None = None,
        *,
        bugs: Sequence[str] = (),
        guarantees: Guarantees | None = None,
        network: int | None = None,
    ) -> Counterexample:
        """The counterexample that a run from `net` is; `key` defaults to its first divergence.

        Raises `UsageError` if the run did not diverge in that way.
        """
        key = key or (result.divergences[0].key if result.divergences else None)
        if key is None or key not in result.keys:
            known = ", ".join(map(str, sorted(result.keys))) or result.verdict.value
            raise UsageError(f"There is no divergence {key} to keep in this run, only: {known}.")
        return cls(
            Script(net, result.steps),
            key,
            result.divergences,
            result.views,
            tuple(bugs),
            guarantees or Guarantees(),
            network,
            history=result.history,
        )

    def seen(self, script: Script, result: Result) -> Counterexample:
        """The same failure, as a run of that script showed it."""
        return evolve(
            self,
            script=script,
            divergences=result.divergences,
            views=result.views,
            history=result.history,
        )

    @property
    def length(self) -> int:
        """The number of steps; those inside a burst count one each."""
        return length(self.script.steps)

    @property
    def headline(self) -> Divergence | None:
        """The divergence that counts, as it was seen."""
        return next((one for one in self.divergences if one.key == self.key), None)

    @property
    def reason(self) -> str:
        """No further reason: the divergences say it all."""
        return ""

    def is_as_sure_as(self, other: Counterexample) -> bool:
        """Whether it fails, and at least as often as the other one."""
        return self.failed > 0 and self.failed * other.runs >= other.failed * self.runs
