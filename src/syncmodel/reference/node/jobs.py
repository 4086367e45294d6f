"""The jobs of a supervisor, one file each, written atomically at every transition.

Not here: what a job does (`supervisor`).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Literal

import attrs

from syncmodel.reference.node.migrations import Migration, Plan, directions

Kind = Literal["rollout", "rollback", "disable", "uninstall", "boot"]
State = Literal[
    "preparing",
    "building",
    "migrating",
    "committing",
    "restarting",
    "reverting",
    "done",
    "failed",
    "aborted",
]
_ENDED = ("done", "failed", "aborted")


@attrs.frozen
class Job:
    """One job, as it is on disk.

    `target` is the generation that it leads to and `previous` the one selected before it. `error`
    is {"code", "message", "details"}. `was_up`: the application ran when the job began. `ran`: the
    migrations that lead to the target, once they are known. `at_boot`: the target is selected, and
    runs once the machine boots. `pins`: commits that may be pulled all the same, by channel.
    `undone`: the migrations that its downs have undone, should they have to come back.
    """

    number: int
    kind: Kind
    target: int
    previous: int
    was_up: bool
    ran: Plan = ()
    state: State = "preparing"
    log: tuple[str, ...] = ()
    error: dict[str, Any] | None = None
    at_boot: bool = False
    pins: dict[str, str] = attrs.field(factory=dict)
    undone: tuple[Migration, ...] = ()

    @property
    def name(self) -> str:
        """The name by which clients ask for it."""
        return f"{self.kind}-{self.number}"

    @property
    def changes(self) -> bool:
        """Whether tables, or what runs, change in this state."""
        return self.state in ("migrating", "committing", "restarting")

    @property
    def ended(self) -> bool:
        return self.state in _ENDED

    def told(self) -> dict[str, Any]:
        """What a client is told of it."""
        return {
            "job": self.name,
            "kind": self.kind,
            "generation": self.target,
            "at_boot": self.at_boot,
            "state": self.state,
            "migrations": directions(self.ran),
            "log": list(self.log),
            "error": self.error,
        }

    def to(self, state: State, line: str) -> Job:
        """The same job in another state, with one more line of its log."""
        return attrs.evolve(self, state=state, log=(*self.log, f"{state}: {line}"))


@attrs.frozen
class JobStore:
    """The folder of job files."""

    folder: Path

    def save(self, job: Job) -> Job:
        """Write it: after a crash at any moment the file holds the old job or the new one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / f"{job.name}.json"
        fresh = file.with_suffix(".new")
        fresh.write_text(json.dumps(attrs.asdict(job)), encoding="utf-8")
        os.replace(fresh, file)
        return job

    def remove(self, job: Job) -> None:
        """Forget it; a no-op if its file is already gone."""
        (self.folder / f"{job.name}.json").unlink(missing_ok=True)

    def load(self) -> tuple[Job, ...]:
        """Every job, oldest first."""
        found = (_from_json(file) for file in self.folder.glob("*.json"))
        return tuple(sorted(found, key=lambda job: job.number))


def _from_json(file: Path) -> Job:
    data = json.loads(file.read_text(encoding="utf-8"))
    ran = tuple((direction, name) for direction, name in data.get("ran", ()))
    undone = tuple(Migration.from_json(one) for one in data.get("undone", ()))
    return Job(**{**data, "log": tuple(data["log"]), "ran": ran, "undone": undone})
