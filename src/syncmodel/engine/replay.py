"""A reproduction performed again, and held against what it says must be seen.

Not here: files (`corpus.store`), which file is replayed on which target with which planted bugs
(the pytest plugin and the command line).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from attrs import frozen

from syncmodel.corpus.fields import shown
from syncmodel.corpus.format import Expected, Reproduction
from syncmodel.engine.fitting import fitted, fitted_promises
from syncmodel.engine.history import Observer, Verdict, nobody
from syncmodel.engine.invariant import Invariant
from syncmodel.engine.run import Result, run
from syncmodel.engine.script import Script
from syncmodel.engine.session import SETTLE_LIMIT_S
from syncmodel.errors import UsageError
from syncmodel.model.guarantees import Guarantees
from syncmodel.targets.base import SEEDS, Networked, Target


class Judgement(Enum):
    """Whether what was seen is what the file says. `UNKNOWN` never counts as a match."""

    AS_EXPECTED = "as expected"
    OTHERWISE = "otherwise"
    UNKNOWN = "unknown"


@frozen
class Replayed:
    """One file's runs, in order; the last one decided."""

    expected: Expected
    judgement: Judgement
    results: tuple[Result, ...]

    @property
    def reason(self) -> str:
        """What was seen, in one sentence."""
        last, runs = self.results[-1], len(self.results)
        seen = str(last.divergences[0]) if last.divergences else last.verdict.value
        if last.reason:
            seen += f" ({last.reason})"
        times = f" in run {runs}" if runs > 1 else ""
        return f"{self.judgement.value}: expected {self.expected}; seen{times}: {seen}"


async def replay(
    target: Target,
    reproduction: Reproduction,
    observe: Observer = nobody,
    expected: Expected | None = None,
    invariants: Sequence[Invariant] = (),
    *,
    settle_limit_s: float = SETTLE_LIMIT_S,
) -> Replayed:
    """Perform the steps until what is expected is decided.

    `expected` defaults to the file's own word (see `Reproduction.expected_with` for a system
    without its bug). `invariants` are checked in every run, where each rest has `settle_limit_s` to
    come. What failed only sometimes is run up to
    as often as it was when recorded, on the simulator on as many networks as it takes; a pass is
    expected of all runs. Raises `UsageError` if the target has too few nodes, or other tables than
    the run.
    """
    expected = reproduction.expected if expected is None else expected
    script, guarantees = prepared(target, reproduction)
    results: list[Result] = []
    judgement = Judgement.UNKNOWN
    for network in networks(target, reproduction):
        if isinstance(target, Networked):
            target.on_network(network)
        result = await run(
            target,
            script.net,
            script.steps,
            guarantees,
            observe,
            # Runs that must pass may share machines: a leftover would be a divergence all the same.
            alone=expected.divergence is not None,
            invariants=invariants,
            settle_limit_s=settle_limit_s,
        )
        results.append(result)
        judgement, decided = judged(expected, results)
        if decided:
            break
    return Replayed(expected, judgement, tuple(results))


def prepared(target: Target, reproduction: Reproduction) -> tuple[Script, Guarantees]:
    """The run as that target is to take it, and what is promised to it. Raises `UsageError`."""
    if target.schema != reproduction.schema:
        raise UsageError(
            f"A run of the target {shown(reproduction.target)} can't be performed on "
            f"{type(target).__name__}, whose tables or generations are others."
        )
    net = reproduction.net
    script = fitted(Script(net, reproduction.steps), target.nodes)
    return script, fitted_promises(reproduction.guarantees, net.nodes, target.nodes)


def networks(target: Target, reproduction: Reproduction) -> Sequence[int | None]:
    """The network of each run that the file may take: live nodes have but one."""
    confirmed, network = reproduction.confirmed, reproduction.network
    if not isinstance(target, Networked):
        return (None,) * (1 if confirmed.always else confirmed.runs)
    return (network,) if confirmed.always or network is not None else SEEDS


def judged(expected: Expected, results: list[Result]) -> tuple[Judgement, bool]:
    """The judgement so far, and whether no further run can change it."""
    last, unclear = results[-1], (Verdict.INVALID, Verdict.UNKNOWN)
    if expected.divergence is None:
        if last.verdict is Verdict.DIVERGED:
            return Judgement.OTHERWISE, True
        judgement = Judgement.AS_EXPECTED
    elif expected.divergence in last.keys:
        return Judgement.AS_EXPECTED, True
    else:
        judgement = Judgement.OTHERWISE
    unknown = any(result.verdict in unclear for result in results)
    return (Judgement.UNKNOWN if unknown else judgement), False
