"""One virtual machine: its disk, the generation that it runs, and its core's state while it runs.

Only what concerns a single machine; `world` connects them.
"""

from __future__ import annotations

from functools import lru_cache

from immutables import Map
from msgspec.structs import replace

from syncmodel.nostr.forged import Request
from syncmodel.record import Record
from syncmodel.reference.node.disk import Disk, Durables
from syncmodel.reference.node.jobs import Kind
from syncmodel.reference.node.migrations import Plan
from syncmodel.reference.node.state import State
from syncmodel.reference.simulated.setup import Setup

BASELINE = 1


class Copy(Record, cache_hash=True):
    """What a backup has of a machine: its disk, and which generation is selected."""

    disk: Disk
    selected: int


class Machine(Record, cache_hash=True):
    """A value. `state` is None while the application is down.

    `pending` was written and is not stored yet: a crash loses it. `last_rollout` is the generation
    of the last rollout job, `skew_s` how far the clock is ahead of the world's, in seconds, `copy`
    its last backup. `asked` has the last admin request of each method that it took, `accepted`
    those that it knows to be used, each with its time: see `misusing`.
    """

    disk: Disk
    selected: int = BASELINE
    running: int = BASELINE
    state: State | None = None
    pending: Durables = ()
    last_rollout: int | None = None
    skew_s: int = 0
    copy: Copy | None = None
    asked: Map[str, Request] = Map()
    accepted: Map[str, int] = Map()

    def stored(self) -> Machine:
        """Everything that was written is stored."""
        if not self.pending:
            return self
        return replace(self, disk=self.disk.apply(self.pending), pending=())

    def killed(self) -> Machine:
        """kill -9: what was not stored is gone."""
        return replace(self, state=None, pending=())

    def booted(self, name: str, setup: Setup, now_s: int) -> Machine:
        """The application starts from the disk, with no connection, when its clock shows this."""
        plugin, node = setup.generations[self.running], setup.nodes[name]
        booted = replace(self, state=self.disk.boot(node, plugin, now_s), pending=())
        if not self.accepted:
            return booted
        return replace(booted, accepted=Map(node.pieces.recalls(self.accepted)))


def fresh(name: str, setup: Setup) -> Machine:
    """A new machine on the baseline. Its application does not run yet."""
    return Machine(Disk(log_name(name, 0), setup.trusted))


def log_name(name: str, number: int) -> str:
    """The identity of a node's log: it contains the node's name, which shows whose log it was."""
    return f"{name}.{number}"


def as_previewed(machine: Machine, setup: Setup, generation: int, *, back: bool) -> bool:
    """Whether the deployment runs the migrations that its preview names."""
    pieces, kind = setup.supervisor, "rollback" if back else "rollout"
    named = _leading_to(generation, machine.disk.applied, setup)
    leads_to = pieces.leads_to(kind, generation, machine.selected)
    ran = _leading_to(leads_to, machine.disk.applied, setup)
    return pieces.previewed(named) == pieces.carried_out(kind, ran)


def switched(
    machine: Machine, setup: Setup, generation: int, *, back: bool, new_log_id: str
) -> Machine:
    """The machine once a rollout (`back`: a rollback) was carried out on it; it does not run.

    As the supervisor has it: plan from the tables as they are, migrate, select, let go of what was
    applied of peers' logs, and whatever it then does on its own.
    """
    kind = "rollback" if back else "rollout"
    last_rollout = machine.last_rollout if back else generation
    machine = replace(machine.stored(), state=None, last_rollout=last_rollout)
    pieces = setup.supervisor
    generation = pieces.leads_to(kind, generation, machine.selected)
    steps = _leading_to(generation, machine.disk.applied, setup)
    machine = committed(machine, setup, generation, pieces.carried_out(kind, steps), new_log_id)
    again = pieces.afterwards(kind, generation, last_rollout)
    if again is None:
        return machine
    steps = _leading_to(again, machine.disk.applied, setup)
    return committed(machine, setup, again, steps, new_log_id)


def planned(machine: Machine, setup: Setup, generation: int, kind: Kind) -> Plan:
    """What a job of this kind runs of the migrations that lead to a generation."""
    steps = _leading_to(generation, machine.disk.applied, setup)
    return setup.supervisor.carried_out(kind, steps)


@lru_cache(maxsize=256)
def _leading_to(generation: int, applied: tuple[str, ...], setup: Setup) -> Plan:
    """The migrations from the tables of a disk where these were applied to those of a generation.

    Few such disks are met, and each deployment asks several times.
    """
    disk = Disk("", applied=applied)
    return disk.plan(setup.plugins(generation), setup.supervisor.migrations)


def committed(
    machine: Machine, setup: Setup, generation: int, steps: Plan, new_log_id: str
) -> Machine:
    """The machine once these migrations were run, and that generation is the one that runs."""
    pieces = setup.supervisor
    log_id = pieces.log_after(machine.disk.log_id, new_log_id)
    disk = machine.disk.migrated(steps, new_log_id=log_id, known=pieces.migrations)
    if pieces.forgets_cursors():
        disk = replace(disk, cursors=Map())
    return replace(machine, disk=disk, selected=generation, running=generation)
