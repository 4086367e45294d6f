"""What was just touched: a step that follows is mostly about the same row, or the same node.

Most mistakes need several steps about one thing, and few of all possible steps are about it.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from syncmodel.model.plan import Plan
from syncmodel.model.values import Row
from syncmodel.steps import (
    Burst,
    Clock,
    Concurrently,
    Crash,
    Create,
    Data,
    Leave,
    Pause,
    Restart,
    Restore,
    Resync,
    Rollout,
    Step,
)
from syncmodel.steps.membership import Told

#: How often a step prefers what is near: after another step, in a burst, at the same time.
AFTER, IN_A_BURST, AT_ONCE = 0.15, 0.4, 0.75
#: How often a write at the same time as another one is of the same kind, and on the same node.
ALIKE, ON_ONE_NODE = 0.25, 0.5
#: How often a write after a restart is on the node that came back.
RETURNED = 0.8
#: How often a node that came back in a burst, and has not caught up yet, is written on at once.
WRITTEN_ON = 0.7
#: How often a delete in a burst, or what a node is told there, is followed by a crash, which loses
#: what is not stored yet.
LOST = 0.4
#: How often a write after a node began to stand still is sent to it.
STILL = 0.5
#: How often a restart is that of a node that is down, if one is.
OF_DOWN = 0.75
#: How often who leaves is a node that stands still, if one does: it is told by nobody.
OF_STILL = 0.75
#: How often a rollout is one of nodes without the plugin, if there are any; and how often one
#: follows in a burst where they have just lost it.
OF_BARE, BACK = 0.75, 0.4
#: How often a disk that is put back is one of a node that knows other rows than the copy has.
OF_CHANGED = 0.75


@frozen
class Near:
    """Rows and nodes that were just touched, and how often a step prefers them.

    `nodes` are preferred where no row is; `alone`: how often a write of such a row is also on such
    a node.
    """

    chance: float = 0.0
    rows: frozenset[Row] = frozenset()
    nodes: frozenset[str] = frozenset()
    alone: float = 0.0

    def has(self, step: Step) -> bool:
        """Whether the step touches the same row or, where there is none, the same node."""
        if isinstance(step, Data):
            return step.key in self.rows if self.rows else step.node in self.nodes
        if isinstance(step, (Restore, Rollout)):
            return self.nodes.issuperset(step.on)
        if isinstance(step, Crash):
            return not self.rows and step.node in self.nodes
        return isinstance(step, (Leave, Resync, Restart)) and step.node in self.nodes

    def holds(self, step: Step) -> bool:
        """Whether the step is about one of these nodes."""
        return not self.nodes.isdisjoint(step.nodes())


NOWHERE = Near()


def near(steps: Sequence[Step], chance: float, alone: float = 0.0) -> Near:
    """Near to what these touched; what has just come back is written on before it has caught up."""
    if steps and came_back(steps[-1]):
        return Near(RETURNED, nodes=steps[-1].nodes())
    if steps and isinstance(steps[-1], Pause):
        return Near(STILL, nodes=frozenset({steps[-1].node}))
    if steps and isinstance(steps[-1], Told):
        return Near(chance, nodes=frozenset({steps[-1].node}))
    touched = [leaf for step in steps for leaf in _leaves(step)]
    rows = frozenset([leaf.key for leaf in touched if isinstance(leaf, Data)])
    kinds = (Clock, Data, Restart, Resync)
    nodes = frozenset([leaf.node for leaf in touched if isinstance(leaf, kinds)])
    return Near(chance, rows, nodes, alone) if rows or nodes else NOWHERE


def came_back(step: Step) -> bool:
    """Whether its nodes start, with what they have: what others have comes later."""
    return isinstance(step, (Restart, Restore, Rollout))


def changed_since(plan: Plan) -> frozenset[str]:
    """The nodes that know other rows than the copy of their disk has."""
    copies = plan.net.backups
    return frozenset([n for n in copies if plan.known.get(n) != plan.saved.get(n)])


def keeps_news(last: Step, plan: Plan) -> bool:
    """Whether a node has just written all that it knows, while a link is cut: its log has begun
    anew, and others may hear it at the next step."""
    *_, leaf = _leaves(last)
    if not (isinstance(leaf, Create) and plan.net.cut):
        return False
    return len(plan.rows) > 1 and plan.known.get(leaf.node) == frozenset({leaf.key})


def _leaves(step: Step) -> Sequence[Step]:
    return step.steps if isinstance(step, (Burst, Concurrently)) else (step,)
