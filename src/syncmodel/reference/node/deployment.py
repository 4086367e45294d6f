"""What a machine has deployed, and what leads from there to each of its generations.

Lives here: the questions about generations, tables, substitutes and plans. Nothing here changes
anything; `supervisor` does.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

import attrs

from syncmodel.errors import SyncModelError
from syncmodel.reference.node import channels, migrations, packages
from syncmodel.reference.node.channels import FOLLOWS, Delta, Lineage
from syncmodel.reference.node.generations import Generation, Generations, UnknownGenerationError
from syncmodel.reference.node.layout import Layout
from syncmodel.reference.node.migrations import Migration, Plan
from syncmodel.reference.node.supervisor_pieces import SupervisorPieces, all_of, always

# A store that is locked for longer than this is stuck: the job fails and says so.
_STORE_BUSY_LIMIT_S = 5.0


class RefusedError(SyncModelError):
    """A request that is not carried out, with a code for programs and the fitting HTTP status."""

    def __init__(
        self, code: str, message: str, *, status: int = 400, details: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.details = details or {}


@attrs.frozen
class Deployment:
    """One machine's deployment. `shipped` are the migrations of plugins whose packages bring none;
    `previewed` is what a preview names of a plan; `wants_confirmation` says whether what loses data
    is to be confirmed, and `names_missing` whether a preview names substitutes that are missing.
    """

    layout: Layout
    shipped: tuple[Migration, ...] = migrations.MIGRATIONS
    previewed: Callable[[Plan], Plan] = all_of
    wants_confirmation: Callable[[], bool] = always
    names_missing: Callable[[], bool] = always

    @classmethod
    def decided_by(cls, pieces: SupervisorPieces, layout: Layout) -> Deployment:
        """A machine's deployment, with these decisions."""
        decided = (pieces.previewed, pieces.wants_confirmation, pieces.names_missing)
        return cls(layout, pieces.migrations, *decided)

    @property
    def generations(self) -> Generations:
        """The links themselves."""
        return Generations(self.layout)

    def listing(self) -> list[dict[str, Any]]:
        """Every generation: number, store item, plugins, and whether it is selected or running."""
        selected, running = self.generations.selected(), self.generations.running()
        return [
            {
                "number": generation.number,
                "store_item": f"/gnu/store/{generation.item}",
                "plugins": generation.plugins,
                "selected": generation.number == selected,
                "running": generation.number == running,
            }
            for generation in self.generations.list()
        ]

    def with_plugins(self, plugins: dict[str, int]) -> int:
        """The number of the generation with exactly these plugins. Raises RefusedError (404)."""
        with _unknown_generation():
            return self.generations.with_plugins(plugins).number

    def without_plugin(self, plugin: str) -> int:
        """The generation with all that is selected but this plugin.

        Raises RefusedError: 404 no_plugin and unknown_generation, 409 reboot_required.
        """
        plugins = self.get(self.generations.selected()).plugins
        if plugin not in {**plugins, **_without_core(self.installed())}:
            raise RefusedError("no_plugin", f"There is no plugin {plugin!r:.80} here.", status=404)
        number = self.with_plugins({name: v for name, v in plugins.items() if name != plugin})
        reasons = self.reboot_reasons(self.get(number))
        if reasons:
            # What a boot runs are the migrations to what it boots: a disable runs none.
            raise RefusedError(
                "reboot_required",
                f"Generation {number} needs a reboot ({'; '.join(reasons)}): roll out to one that "
                f"does not, first.",
                status=409,
                details={"reboot_reasons": reasons},
            )
        return number

    def rows_lost(self, target: int) -> dict[str, int]:
        """How many rows of which tables the way to generation `target` drops."""
        down = {name for direction, name in self.plan(self.get(target)) if direction == "down"}
        with closing(self.connect()) as connection:
            there = migrations.as_applied(connection)
            tables = [table for one in there if one.name in down for table in one.tables]
            # The names are those of migrations, never a client's.
            return {
                table: int(connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])
                for table in tables
            }

    def preview(self, number: int, *, lacks: bool = False) -> dict[str, Any]:
        """The plan of a rollout to generation `number`, in the contract's fields; `lacks` is a
        fault, as in `unless_hindered`.

        Raises RefusedError (404 unknown_generation).
        """
        target = self.get(number)
        missing = self._lacking(target, fault=lacks) if self.names_missing() else []
        before = self.get(self.generations.selected())
        deltas = channels.known(self.layout).deltas(before.channels, target.channels)
        running, reasons = self.generations.running(), self.reboot_reasons(target)
        return {
            "generation": number,
            "channel_delta": {
                "from": before.plugins,
                "to": target.plugins,
                "channels": [delta.told() for delta in deltas],
                "pull": bool(deltas),
            },
            "incompatible": [attrs.asdict(one) for one in self.incompatible(target)],
            "migrations": migrations.directions(self.previewed(self.plan(target))),
            "substitutes": {
                "available": [item for item in target.substitutes if item not in missing],
                "missing": missing,
            },
            "restart_required": running != number,
            "reboot_required": bool(reasons),
            "reboot_reasons": reasons,
        }

    def reboot_reasons(self, target: Generation) -> list[str]:
        """Why `target` runs only once the machine boots: what can't be replaced while it works."""
        running = self.generations.running()
        now = None if running is None else self.get(running).supervisor
        if now is None or now == target.supervisor:
            return []
        return [f"supervisor: version {now} runs, and {target.supervisor} is needed"]

    def plan(self, target: Generation) -> Plan:
        """The migrations from the tables as they are to those of `target`.

        Which plugins these are, and in which versions, is in the generation's own record: it
        counts as it was written, whatever is disabled, selected or loaded when a rollback plans
        its down migrations. Of a plugin whose migrations can't be read nothing changes.
        """
        # From the tables as they are, not from what runs: after a disable these differ.
        there = self._there()
        return migrations.between(there, self.wanted(target, there))

    def wanted(self, target: Generation, there: Sequence[Migration] = ()) -> tuple[Migration, ...]:
        """All migrations of `target`, by its own packages, in the order in which
        they come up; of a plugin whose migrations can't be read, those that are `there`."""
        manifests, _ = packages.of_plugins(self.layout, target.plugins)
        own, _ = packages.migrations_of(self.layout, target.versions, self.shipped, there)
        return packages.in_order(own, manifests)

    def left_of(self, steps: Plan) -> Plan:
        """What is still to be done of a plan that was begun."""
        return migrations.due(steps, [one.name for one in self._there()])

    def incompatible(self, target: Generation) -> list[packages.Problem]:
        """Why the plugins of `target` do not fit together, or not this host and its tables."""
        own, wrong = packages.migrations_of(self.layout, target.versions, self.shipped)
        # By its name a migration is known again: it must not be another plugin's.
        twice = packages.migrated_twice((*self._there(), *own))
        return [*packages.fit(self.layout, target.plugins), *wrong, *twice]

    def unless_hindered(
        self, target: Generation, pinned: Mapping[str, str] | None, *, missing: bool = False
    ) -> str:
        """What is pulled for `target`, in words: only where it can be built and loaded.

        `pinned`: None where it is not built, but gone back to; else channels, and the commits of
        theirs that may be pulled though they do not follow from what is there. `missing`
        is a fault. Raises RefusedError: incompatible, lineage_refused, missing_substitutes.
        """
        wrong = self.incompatible(target)
        if wrong:
            raise RefusedError(
                "incompatible",
                f"{' '.join(one.message for one in wrong)} Nothing was changed.",
                status=409,
                details={"problems": [attrs.asdict(one) for one in wrong]},
            )
        if pinned is None:
            return "nothing is pulled: it was built before"
        deltas = self._allowed(target, pinned)
        lacks = self._lacking(target, fault=missing)
        if lacks:
            raise RefusedError(
                "missing_substitutes",
                f"No substitutes for {', '.join(lacks)}: nothing was changed.",
                status=409,
                details={"missing": lacks},
            )
        return ", ".join(f"{one.channel} is pulled" for one in deltas) or "nothing is pulled"

    def _allowed(self, target: Generation, pinned: Mapping[str, str]) -> list[Delta]:
        before = self.get(self.generations.selected())
        deltas = channels.known(self.layout).deltas(before.channels, target.channels)
        for one in deltas:
            explicit = one.lineage is Lineage.REWRITTEN and pinned.get(one.channel) == one.after
            if one.lineage not in FOLLOWS and not explicit:
                raise RefusedError(
                    "lineage_refused",
                    f"The commit {one.after} of {one.channel} is {one.lineage.value}, seen from "
                    f"{one.before}: nothing was changed. Pin it explicitly if it is meant, and "
                    f"signed.",
                    status=409,
                    details=one.told(),
                )
        return [one for one in deltas if one.after is not None]

    def _lacking(self, target: Generation, *, fault: bool) -> list[str]:
        return [target.item] if fault else self.missing(target)

    def missing(self, target: Generation) -> list[str]:
        """What is needed to build `target` and is not available anywhere."""
        try:
            available = json.loads(self.layout.substitutes.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        return [item for item in target.substitutes if item not in available]

    def installed(self) -> dict[str, int]:
        """The plugins whose tables are there, with their versions."""
        with closing(self.connect()) as connection:
            return migrations.installed(connection)

    def tables(self, plugin: str) -> list[str]:
        """The plugin's tables that are in the store, whichever generation runs."""
        with closing(self.connect()) as connection:
            return migrations.tables(connection, plugin)

    def connect(self) -> sqlite3.Connection:
        """A connection to the node's store, in autocommit mode; the base tables are there."""
        connection = sqlite3.connect(
            self.layout.database, isolation_level=None, timeout=_STORE_BUSY_LIMIT_S
        )
        migrations.ensure_base(connection, self.shipped)
        return connection

    def get(self, number: int) -> Generation:
        """The generation of this number. Raises RefusedError (404 unknown_generation)."""
        with _unknown_generation():
            return self.generations.get(number)

    def _there(self) -> tuple[Migration, ...]:
        with closing(self.connect()) as connection:
            return migrations.as_applied(connection)


def _without_core(versions: Mapping[str, int]) -> dict[str, int]:
    return {name: version for name, version in versions.items() if name != packages.CORE}


@contextmanager
def _unknown_generation() -> Iterator[None]:
    try:
        yield
    except UnknownGenerationError as error:
        raise RefusedError("unknown_generation", str(error), status=404) from error
