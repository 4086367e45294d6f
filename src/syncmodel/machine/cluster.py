"""The machine of a search: one rule for each kind of step, with a comparison after each.

    TestCluster = ClusterMachine.TestCase

Subclass it for your own rules and invariants: see docs/machine.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from syncmodel.engine.session import Session
from syncmodel.errors import UsageError
from syncmodel.machine.spelling import check_attributes
from syncmodel.model.divergence import Divergence, DivergenceFound
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net
from syncmodel.model.plan import Plan
from syncmodel.model.schema import Schema
from syncmodel.model.view import View
from syncmodel.steps import (
    Add,
    Backup,
    Clock,
    Crash,
    Create,
    Cut,
    Delete,
    Disable,
    Distrust,
    Drift,
    FaultyRollback,
    FaultyRollout,
    Fill,
    FullDisk,
    Hang,
    Heal,
    Impair,
    Join,
    Leave,
    Mend,
    Misuse,
    Partition,
    Pause,
    Purge,
    Reactivate,
    Read,
    Reboot,
    Refused,
    Restart,
    Restore,
    Resume,
    Resync,
    Rollback,
    Rollout,
    Select,
    Set,
    Slow,
    SlowDisk,
    Spoil,
    Step,
    Trust,
    Uninstall,
)
from syncmodel.steps.scope import Scope
from syncmodel.strategies.inside import EndsSearch, choose_rules_by
from syncmodel.strategies.looks import Looks, any_looks
from syncmodel.strategies.near import keeps_news
from syncmodel.strategies.steps import (
    any_of,
    anything_possible,
    bad_requests,
    bursts,
    possible,
    simultaneous,
)
from syncmodel.strategies.themes import MIXTURE, Theme, any_theme
from syncmodel.strategies.topologies import any_beginning
from syncmodel.strategies.weights import Odds, Weights, weights
from syncmodel.targets.base import Target
from syncmodel.targets.registry import TargetKind

if TYPE_CHECKING:
    from unittest import TestCase

    from syncmodel.machine.search import Search


class TestCaseOf:
    """`TestCase` of a machine's class: one test, which is a search."""

    def __get__(self, machine: object, owner: type[ClusterMachine]) -> type[TestCase]:
        from syncmodel.machine.testcase import case_of

        return case_of(owner)

    def __set__(self, machine: object, value: object) -> None:
        raise AttributeError("A machine's TestCase can't be set: set TestCase.settings.")


class ClusterMachine(RuleBasedStateMachine):
    """A cluster and its model. A rule's body takes one step, which is performed and compared.

    A rule has the name of its step's `op`; `crash = None` in a subclass removes that step, also
    from bursts and simultaneous steps. What is tested, where the options do not say it: `target` is
    a registered name, a `TargetKind`, or a subclass of `Target`. `scope` has the steps that may be
    drawn; `guarantees` is what the system promises, where that is not what its target says;
    `weights` is how often a rule is drawn, where `strategies/weights.py` does not say it, or says
    otherwise; `theme` is that of all sequences (`strategies/themes.py`), where each does not draw
    its own.
    """

    TestCase = TestCaseOf()  # type: ignore[assignment]  # ours in place of Hypothesis'

    target: ClassVar[str | TargetKind | type[Target] | None] = None
    nodes: ClassVar[int | None] = None
    scope: ClassVar[Scope | None] = None
    guarantees: ClassVar[Guarantees | None] = None
    weights: ClassVar[Mapping[str, int]] = {}
    theme: ClassVar[str | None] = None

    session: Session | None = None
    _theme: Theme = MIXTURE
    _search: Search
    _diverged: tuple[Divergence, ...] = ()

    def __init__(self, search: Search | None = None) -> None:
        """A machine for one sequence of a search. Raises `UsageError` without one."""
        if search is None:
            raise UsageError(
                f"{type(self).__name__} is searched with in a test: run {type(self).__name__}."
                f"TestCase, or `syncmodel explore --machine module:{type(self).__name__}`."
            )
        super().__init__()
        deck = search.deck
        choose_rules_by(self, deck.next_rule)
        self.invariants = deck.compared  # type: ignore[assignment]  # a list, of which none is added
        self.kinds: Scope = deck.kinds
        self.schema: Schema = search.schema
        self.own_weights: Weights = deck.weights
        self.size: int = search.settings.nodes
        self.fixed: bool = search.settings.fixed
        self._search = search

    def __init_subclass__(cls, **options: Any) -> None:
        """Raises `UsageError` for an attribute that is nearly the name of one of ours."""
        super().__init_subclass__(**options)
        check_attributes(cls)

    @classmethod
    def seeing(cls, session: Session) -> Self:
        """A machine that has this session and takes no steps: what invariants are checked on."""
        machine = cls.__new__(cls)
        machine.session = session
        return machine

    @property
    def plan(self) -> Plan:
        """What follows from the steps so far: what the next one is drawn from."""
        assert self.session is not None, "the run has not begun"
        return self.session.world.plan

    @property
    def last(self) -> Step | None:
        """The step that was taken last; None at the beginning."""
        assert self.session is not None, "the run has not begun"
        return self.session.steps[-1] if self.session.steps else None

    def odds(self, plan: Plan, ops: frozenset[str], *, in_a_burst: bool = False) -> Odds:
        """How likely each of these kinds of steps is where that plan stands."""
        last, own, theme = self.last, self.own_weights, self._theme.weights
        news = not in_a_burst and last is not None and keeps_news(last, plan)
        return weights(plan, ops, own, theme, in_a_burst=in_a_burst, news=news)

    @property
    def views(self) -> Mapping[str, View | None]:
        """What each node showed at the last rest; None for one without the plugin."""
        assert self.session is not None, "the run has not begun"
        return self.session.views

    def take(self, step: Step) -> None:
        """Perform the step, let the system come to rest, and compare every node with the model."""
        if self.session is None:
            raise EndsSearch(
                UsageError("A step can't be taken in @initialize: the run begins there as well.")
            )
        self._diverged = self._search.take(self.session, self._net, step) or self._diverged

    # --- the beginning -------------------------------------------------------------------------

    @initialize(net=any_beginning(), looks=any_looks(), theme=any_theme())
    def boot(self, net: Net, looks: Looks, theme: Theme) -> None:
        """The run begins on a fresh cluster with these generations; its ids and texts look so."""
        self._net, self.kinds, self._theme = net, looks.scope(self.kinds), theme
        self.session, self._diverged = self._search.begin(net, theme)

    # --- writes --------------------------------------------------------------------------------

    @possible(Create)
    @rule(step=any_of(Create))
    def create(self, step: Create) -> None:
        """A row is created."""
        self.take(step)

    @possible(Set)
    @rule(step=any_of(Set))
    def set(self, step: Set) -> None:
        """A column of a row gets another value."""
        self.take(step)

    @possible(Add)
    @rule(step=any_of(Add))
    def add(self, step: Add) -> None:
        """A counter grows."""
        self.take(step)

    @possible(Delete)
    @rule(step=any_of(Delete))
    def delete(self, step: Delete) -> None:
        """A row is deleted."""
        self.take(step)

    @possible(Fill)
    @rule(step=any_of(Fill))
    def fill(self, step: Fill) -> None:
        """Many rows are created at once."""
        self.take(step)

    @possible(Read)
    @rule(step=any_of(Read))
    def read(self, step: Read) -> None:
        """A node is asked what it shows."""
        self.take(step)

    # --- the network ---------------------------------------------------------------------------

    @possible(Partition)
    @rule(step=any_of(Partition))
    def partition(self, step: Partition) -> None:
        """The network splits into groups."""
        self.take(step)

    @possible(Cut)
    @rule(step=any_of(Cut))
    def cut(self, step: Cut) -> None:
        """One directed link is cut."""
        self.take(step)

    @possible(Hang)
    @rule(step=any_of(Hang))
    def hang(self, step: Hang) -> None:
        """One directed link hangs."""
        self.take(step)

    @possible(Slow)
    @rule(step=any_of(Slow))
    def slow(self, step: Slow) -> None:
        """One directed link is slow."""
        self.take(step)

    @possible(Impair)
    @rule(step=any_of(Impair))
    def impair(self, step: Impair) -> None:
        """The line of one directed link is bad, or good again."""
        self.take(step)

    @possible(Mend)
    @rule(step=any_of(Mend))
    def mend(self, step: Mend) -> None:
        """One directed link is whole again."""
        self.take(step)

    @possible(Heal)
    @rule(step=any_of(Heal))
    def heal(self, step: Heal) -> None:
        """Every link is whole again."""
        self.take(step)

    # --- sync, generations, lives --------------------------------------------------------------

    @possible(Resync)
    @rule(step=any_of(Resync))
    def resync(self, step: Resync) -> None:
        """A node asks its peers for what it lacks."""
        self.take(step)

    @possible(Rollout)
    @rule(step=any_of(Rollout))
    def rollout(self, step: Rollout) -> None:
        """Nodes get a later generation."""
        self.take(step)

    @possible(Rollback)
    @rule(step=any_of(Rollback))
    def rollback(self, step: Rollback) -> None:
        """Nodes go back to an earlier generation."""
        self.take(step)

    @possible(FaultyRollout)
    @rule(step=any_of(FaultyRollout))
    def faulty_rollout(self, step: FaultyRollout) -> None:
        """A rollout of one node meets a fault."""
        self.take(step)

    @possible(FaultyRollback)
    @rule(step=any_of(FaultyRollback))
    def faulty_rollback(self, step: FaultyRollback) -> None:
        """A rollback of one node meets a fault."""
        self.take(step)

    @possible(Disable)
    @rule(step=any_of(Disable))
    def disable(self, step: Disable) -> None:
        """A node's plugin is stopped, and its data kept."""
        self.take(step)

    @possible(Uninstall)
    @rule(step=any_of(Uninstall))
    def uninstall(self, step: Uninstall) -> None:
        """A node's plugin goes, and its data with it."""
        self.take(step)

    @possible(Select)
    @rule(step=any_of(Select))
    def select(self, step: Select) -> None:
        """A machine will boot another generation."""
        self.take(step)

    @possible(Reboot)
    @rule(step=any_of(Reboot))
    def reboot(self, step: Reboot) -> None:
        """A machine boots what is selected."""
        self.take(step)

    @possible(Crash)
    @rule(step=any_of(Crash))
    def crash(self, step: Crash) -> None:
        """A node is killed."""
        self.take(step)

    @possible(Restart)
    @rule(step=any_of(Restart))
    def restart(self, step: Restart) -> None:
        """A node is stopped in order, if it runs, and started."""
        self.take(step)

    @possible(Pause)
    @rule(step=any_of(Pause))
    def pause(self, step: Pause) -> None:
        """A node stands still."""
        self.take(step)

    @possible(Resume)
    @rule(step=any_of(Resume))
    def resume(self, step: Resume) -> None:
        """A node that stands still goes on."""
        self.take(step)

    @possible(Backup)
    @rule(step=any_of(Backup))
    def backup(self, step: Backup) -> None:
        """The disks of nodes are copied."""
        self.take(step)

    @possible(Restore)
    @rule(step=any_of(Restore))
    def restore(self, step: Restore) -> None:
        """The disks of nodes are put back as they were copied."""
        self.take(step)

    @possible(FullDisk)
    @rule(step=any_of(FullDisk))
    def full_disk(self, step: FullDisk) -> None:
        """A node's disk is full for a while."""
        self.take(step)

    @possible(SlowDisk)
    @rule(step=any_of(SlowDisk))
    def slow_disk(self, step: SlowDisk) -> None:
        """A node's disk is slow, or quick again."""
        self.take(step)

    @possible(Spoil)
    @rule(step=any_of(Spoil))
    def spoil(self, step: Spoil) -> None:
        """A node's store is damaged on its disk."""
        self.take(step)

    @possible(Purge)
    @rule(step=any_of(Purge))
    def purge(self, step: Purge) -> None:
        """Deletes that every node knows of are forgotten."""
        self.take(step)

    @possible(Clock)
    @rule(step=any_of(Clock))
    def clock(self, step: Clock) -> None:
        """A node's clock jumps."""
        self.take(step)

    @possible(Drift)
    @rule(step=any_of(Drift))
    def drift(self, step: Drift) -> None:
        """A node's clock stands still, goes twice as fast, or is right."""
        self.take(step)

    # --- who is in the cluster -----------------------------------------------------------------

    @possible(Leave)
    @rule(step=any_of(Leave))
    def leave(self, step: Leave) -> None:
        """A node leaves the cluster."""
        self.take(step)

    @possible(Join)
    @rule(step=any_of(Join))
    def join(self, step: Join) -> None:
        """A new node joins it."""
        self.take(step)

    @possible(Reactivate)
    @rule(step=any_of(Reactivate))
    def reactivate(self, step: Reactivate) -> None:
        """A node that left comes back."""
        self.take(step)

    @possible(Distrust)
    @rule(step=any_of(Distrust))
    def distrust(self, step: Distrust) -> None:
        """A node does not trust what another one writes any more."""
        self.take(step)

    @possible(Trust)
    @rule(step=any_of(Trust))
    def trust(self, step: Trust) -> None:
        """It trusts that again."""
        self.take(step)

    # --- steps made of steps -------------------------------------------------------------------

    @anything_possible
    @rule(step=bursts())
    def burst(self, step: Step) -> None:
        """Several steps without a rest in between."""
        self.take(step)

    @anything_possible
    @rule(step=simultaneous())
    def concurrently(self, step: Step) -> None:
        """Several steps at the same time."""
        self.take(step)

    @possible(Refused)
    @rule(step=bad_requests())
    def refused(self, step: Step) -> None:
        """A request that must be refused, and change nothing."""
        self.take(step)

    @possible(Misuse)
    @rule(step=any_of(Misuse))
    def misuse(self, step: Misuse) -> None:
        """An admin request without a right to it."""
        self.take(step)

    # --- the comparison ------------------------------------------------------------------------

    @invariant()
    def every_table_is_what_the_model_allows(self) -> None:
        """`take` has compared them; this reports the outcome."""
        if self._diverged:
            raise DivergenceFound(self._diverged)

    def check_invariants(self, *asked: Any) -> None:
        """Hypothesis checks after every step; only the last one has something to report."""
        if self._diverged:
            super().check_invariants(*asked)

    def teardown(self) -> None:
        """The run is over: drop it, as Hypothesis leaves machines to the garbage collector."""
        session, self.session = self.session, None
        if session is not None:
            self._search.finish(session)
