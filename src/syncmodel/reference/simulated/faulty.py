"""A deployment of a virtual machine that meets a fault, as the supervisor has it.

An act like those of `acts`: from a world to the next one, in one piece. The names of the faults are
those of `reference.node.faults`.
"""

from __future__ import annotations

from msgspec.structs import replace

from syncmodel.model.outcome import Outcome, accepted, refused
from syncmodel.reference.node.migrations import Plan, undoing
from syncmodel.reference.simulated import acts
from syncmodel.reference.simulated.machine import Machine, committed
from syncmodel.reference.simulated.setup import Setup
from syncmodel.reference.simulated.world import VirtualWorld
from syncmodel.steps.deployment import OTHERWISE

#: How the job ends that can't be done.
ENDS = {
    "substitute-missing": "aborted: missing_substitutes",
    "migration-fails": "failed: migration_failed",
    "disk-full": "failed: disk_full",
    "activation-fails": "failed: application_failed",
    "aborted": "aborted: aborted",
}
#: What a job survives.
DONE = ("second-job", "killed-before-commit", "killed-after-commit")


def faulty_deploy(
    world: VirtualWorld, node: str, generation: int, fault: str, *, back: bool
) -> tuple[VirtualWorld, Outcome]:
    """One node is rolled out, or back, and meets the fault."""
    if not world.runs(node):
        return world, refused("unreachable")
    if fault in DONE:
        return _done(world, node, generation, fault, back=back)
    if fault == "aborted" and world.setup.supervisor.goes_on_after_abort():
        world, _ = acts.deploy(world, node, generation, back=back)
    else:
        world = _not_done(world, node, generation, fault, back=back)
    if fault == "substitute-missing" and not world.setup.supervisor.names_missing():
        return world, refused(f"{OTHERWISE}: substitutes")
    return world, refused(ENDS[fault])


def _done(
    world: VirtualWorld, node: str, generation: int, fault: str, *, back: bool
) -> tuple[VirtualWorld, Outcome]:
    """The job is done all the same."""
    pieces = world.setup.supervisor
    if fault != "second-job":
        world = acts.boot(acts.crash(world, node), node)
        if not pieces.resumes():
            return world, refused("unknown_job")
    if fault == "killed-after-commit" and pieces.commits_first(
        _steps(world.machines[node], world.setup, generation, back=back)
    ):
        return _not_migrated(world, node, generation), accepted()
    unnoted = fault == "killed-after-commit" and not pieces.notes_first()
    unnoted = unnoted and bool(_steps(world.machines[node], world.setup, generation, back=back))
    world, outcome = acts.deploy(world, node, generation, back=back)
    if unnoted:
        return world, refused(OTHERWISE)
    two = fault == "second-job" and not pieces.one_at_a_time()
    return world, refused("job_running was not said") if two else outcome


def _not_migrated(world: VirtualWorld, node: str, generation: int) -> VirtualWorld:
    """A machine that died between a commit and migrations that come after it: they never run."""
    new_log_id = acts.unused_log(world, node)
    machine = committed(world.machines[node], world.setup, generation, (), new_log_id)
    return acts.booted(acts.crash(world.with_machine(node, machine), node), node)


def _not_done(
    world: VirtualWorld, node: str, generation: int, fault: str, *, back: bool
) -> VirtualWorld:
    """The job ends, and all is as it was."""
    world = acts.stored(world, node)
    machine = _failed(world.machines[node], world.setup, generation, fault, back=back)
    world = world.with_machine(node, machine)
    if not back and fault != "activation-fails":
        # What runs notices nothing of a rollout before its commit.
        return world
    new_log_id = acts.unused_log(world, node)
    world = acts.crash(world, node)
    if fault == "activation-fails":
        tried = _tried(world.machines[node], world.setup, generation, new_log_id)
        world = world.with_machine(node, tried)
    return acts.boot(world, node)


def _failed(machine: Machine, setup: Setup, generation: int, fault: str, *, back: bool) -> Machine:
    """What is left of a job that fails before its commit: nothing, but for what a bug keeps."""
    pieces = setup.supervisor
    if fault == "substitute-missing":
        if pieces.looks_first():
            return machine
        return replace(_migrated(machine, setup, generation, back=back), selected=generation)
    if fault != "activation-fails":
        selected = pieces.selected_after_failure(machine.selected, generation)
        steps = _steps(machine, setup, generation, back=back)
        if fault == "migration-fails" and pieces.commits_first(steps):
            return replace(machine, selected=generation)
        whole = fault == "aborted" or pieces.all_or_nothing(steps)
        if not whole:
            machine = _migrated(machine, setup, generation, back=back)
        return replace(machine, selected=selected)
    return machine


def _migrated(machine: Machine, setup: Setup, generation: int, *, back: bool) -> Machine:
    """The tables as the job leads to them. Only a rollout's: none is dropped, so no log is lost."""
    steps = _steps(machine, setup, generation, back=back)
    known = setup.supervisor.migrations
    return replace(
        machine, disk=machine.disk.migrated(steps, new_log_id=machine.disk.log_id, known=known)
    )


def _steps(machine: Machine, setup: Setup, generation: int, *, back: bool) -> Plan:
    pieces = setup.supervisor
    steps = machine.disk.plan(setup.plugins(generation), pieces.migrations)
    return pieces.carried_out("rollback" if back else "rollout", steps)


def _tried(machine: Machine, setup: Setup, generation: int, new_log_id: str) -> Machine:
    """A machine after a rollout whose application did not come up: undone, step by step."""
    pieces, previous = setup.supervisor, machine.selected
    ran = _steps(machine, setup, generation, back=False)
    disk = machine.disk.migrated(ran, new_log_id=machine.disk.log_id, known=pieces.migrations)
    if not pieces.reverts():
        return replace(machine, disk=disk, selected=generation)
    log_id = pieces.log_after(disk.log_id, new_log_id)
    disk = disk.migrated(undoing(ran), new_log_id=log_id, known=pieces.migrations)
    return replace(machine, disk=disk, selected=previous)
