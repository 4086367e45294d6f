"""Hypothesis as most people use it: one rule for each step, bundles of rows, its own shrinker."""

from __future__ import annotations

import contextlib
from typing import ClassVar

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, rule, run_state_machine_as_test

from peers.finding import STEPS
from peers.naive import (
    BACK_TO,
    CASES,
    EVENTS,
    NODES,
    OUT_TO,
    NaiveRun,
    cluster,
    next_amount,
    next_token,
)
from peers.recorder import Recorder
from syncmodel.model.divergence import DivergenceFound
from syncmodel.model.values import Scalar
from syncmodel.steps import (
    Add,
    Crash,
    Create,
    Cut,
    Delete,
    Heal,
    Mend,
    Partition,
    Restart,
    Resync,
    Rollback,
    Rollout,
    Set,
)
from syncmodel.targets.base import Target

node = st.sampled_from(NODES)
nodes = st.sampled_from((*((name,) for name in NODES), NODES))
hurry = st.booleans()


def search(bug: str | None, seed: int, cap: int) -> Recorder:
    """At most `cap` sequences until the first failure, then Hypothesis shrinks as it likes."""
    recorder = Recorder()
    machine: type[Naive] = type(
        "NaiveSearch", (Naive,), {"target": cluster(bug, seed), "recorder": recorder}
    )
    with contextlib.suppress(DivergenceFound):
        run_state_machine_as_test(
            hypothesis.seed(seed)(machine),
            settings=hypothesis.settings(
                max_examples=cap,
                stateful_step_count=STEPS,
                phases=[Phase.generate, Phase.target, Phase.shrink],
                database=None,
                deadline=None,
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
                print_blob=False,
                verbosity=hypothesis.Verbosity.quiet,
            ),
        )
    return recorder


class Naive(RuleBasedStateMachine):
    """What a naive user writes down."""

    target: ClassVar[Target]
    recorder: ClassVar[Recorder]
    cases = Bundle("cases")
    events = Bundle("events")

    def __init__(self) -> None:
        super().__init__()
        self.run = NaiveRun(self.target, self.recorder)

    @property
    def token(self) -> Scalar:
        """A title or body that nothing else has."""
        return next_token(self.run.plan)

    @rule(target=cases, node=node, case=st.sampled_from(CASES), hurry=hurry)
    def create_case(self, node: str, case: str, hurry: bool) -> str:
        self.run.take(Create(node, "cases", case, (("title", self.token),)), hurry=hurry)
        return case

    @rule(node=node, case=cases, hurry=hurry)
    def update_case(self, node: str, case: str, hurry: bool) -> None:
        self.run.take(Set(node, "cases", case, "title", self.token), hurry=hurry)

    @rule(node=node, case=cases, hurry=hurry)
    def increment_case(self, node: str, case: str, hurry: bool) -> None:
        by = next_amount(self.run.plan)
        self.run.take(Add(node, "cases", case, "counter", by), hurry=hurry)

    @rule(node=node, case=cases, hurry=hurry)
    def delete_case(self, node: str, case: str, hurry: bool) -> None:
        self.run.take(Delete(node, "cases", case), hurry=hurry)

    @rule(target=events, node=node, event=st.sampled_from(EVENTS), case=cases, hurry=hurry)
    def create_event(self, node: str, event: str, case: str, hurry: bool) -> str:
        values = (("case", case), ("body", self.token))
        self.run.take(Create(node, "events", event, values), hurry=hurry)
        return event

    @rule(node=node, event=events, hurry=hurry)
    def delete_event(self, node: str, event: str, hurry: bool) -> None:
        self.run.take(Delete(node, "events", event), hurry=hurry)

    @rule(alone=node, hurry=hurry)
    def partition(self, alone: str, hurry: bool) -> None:
        others = tuple(name for name in NODES if name != alone)
        self.run.take(Partition(((alone,), others)), hurry=hurry)

    @rule(source=node, to=node, hurry=hurry)
    def cut(self, source: str, to: str, hurry: bool) -> None:
        self.run.take(Cut(source, to), hurry=hurry)

    @rule(source=node, to=node, hurry=hurry)
    def mend(self, source: str, to: str, hurry: bool) -> None:
        self.run.take(Mend(source, to), hurry=hurry)

    @rule(hurry=hurry)
    def heal(self, hurry: bool) -> None:
        self.run.take(Heal(), hurry=hurry)

    @rule(node=node, full=st.booleans())
    def resync(self, node: str, full: bool) -> None:
        self.run.take(Resync(node, full))

    @rule(on=nodes, generation=st.sampled_from(OUT_TO))
    def rollout(self, on: tuple[str, ...], generation: int) -> None:
        self.run.take(Rollout(on, generation))

    @rule(on=nodes, generation=st.sampled_from(BACK_TO))
    def rollback(self, on: tuple[str, ...], generation: int) -> None:
        self.run.take(Rollback(on, generation))

    @rule(node=node, hurry=hurry)
    def crash(self, node: str, hurry: bool) -> None:
        self.run.take(Crash(node), hurry=hurry)

    @rule(node=node, hurry=hurry)
    def restart(self, node: str, hurry: bool) -> None:
        self.run.take(Restart(node), hurry=hurry)

    def teardown(self) -> None:
        self.run.finish()
