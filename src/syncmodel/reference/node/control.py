"""The machine's local control: named methods, and the unix socket that offers them.

Lives here: the table of methods, the checks of their parameters, the shape of an answer, and
ROOT/run/control.sock with one JSON request and one JSON answer a line. Over SSH the same methods
are offered by `reference.machines.ssh_front`. Not here: what the methods do (`supervisor`).
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from syncmodel.errors import SyncModelError
from syncmodel.faults.slow_disk import SlowDisk
from syncmodel.reference.node.backups import Backups
from syncmodel.reference.node.clock import Clock
from syncmodel.reference.node.deployment import RefusedError
from syncmodel.reference.node.entries import RefusedEntryError, read_content
from syncmodel.reference.node.faults import FAULTS, ApplicationFailedError
from syncmodel.reference.node.full_disk import FullDisk
from syncmodel.reference.node.spoiled import PARTS, Spoiled
from syncmodel.reference.node.supervised import Application
from syncmodel.reference.node.supervisor import Supervisor

_T = TypeVar("_T")

_LONGEST_LINE = 1 << 20
_LONGEST_WAIT_S = 60.0
_LONGEST_MESSAGE = 4_000

Params = Mapping[str, Any]
Method = Callable[[Params], Awaitable[dict[str, Any]]]


class Pausable(Protocol):
    """An application that can be stopped in its tracks (SIGSTOP) and go on (SIGCONT).

    `fallen` returns, once for each time, when it has ended and nobody had asked it to.
    """

    async def pause(self) -> None: ...
    async def resume(self) -> None: ...
    async def fallen(self) -> str: ...


class PausableApplication(Application, Pausable, Protocol):
    """What the verbs of a machine act on."""


class Control:
    """Every method by its name. `call` never raises: it is the edge of the supervisor's process.

    What waits for the store does so in a thread: while that is locked, or large, all else answers.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        application: PausableApplication,
        clock: Clock,
        backups: Backups | None = None,
        pid: Callable[[], int | None] = lambda: None,
        *,
        writes: SlowDisk | None = None,
    ) -> None:
        """`pid`: that of the application's process, None while there is none. `writes` holds up
        those of that process."""
        self._supervisor = supervisor
        self._clock = clock
        self._backups = backups or Backups(supervisor.deployment.layout, application)
        self._disk = FullDisk(supervisor.deployment.layout)
        self._writes, self._pid = writes or SlowDisk(), pid
        self._spoiled = Spoiled(supervisor.deployment.layout, application)
        self._deployment = supervisor.deployment
        self._application = application
        self._methods: dict[str, Method] = {
            "generations.list": self._generations,
            "rollout.preview": self._preview,
            "rollout.start": self._start,
            "rollout.status": self._status,
            "rollout.rollback": self._rollback,
            "rollout.abort": self._abort,
            "plugins.disable": self._disable,
            "plugins.uninstall": self._uninstall,
            "store.tables": self._tables,
            "status": self._verb(None),
            "start": self._verb(supervisor.start),
            "stop": self._verb(application.stop),
            "kill": self._verb(application.kill),
            "restart": self._verb(self._restart),
            "pause": self._verb(application.pause),
            "resume": self._verb(application.resume),
            "fallen": self._fallen,
            "fault.arm": self._arm,
            "fault.held": self._held,
            "fault.disarm": self._disarm,
            "clock": self._set_clock,
            "backup": self._verb(self._backups.copy),
            "restore": self._restore,
            "spoil": self._spoil,
            "renew": self._renew,
            "disk.fill": self._room(self._disk.fill),
            "disk.free": self._room(self._disk.free),
            "disk.slow": self._slow_disk,
        }

    async def call(self, method: object, params: object) -> dict[str, Any]:
        """Carry out one method.

        Returns {"ok": true, "result"} or {"ok": false, "error": {"code", "message", "details",
        "status"}}, where `status` is the HTTP status that fits the code.
        """
        try:
            if not isinstance(params, dict):
                raise RefusedError("malformed", "`params` must be a JSON object.")
            known = self._methods.get(method) if isinstance(method, str) else None
            if known is None:
                raise RefusedError(
                    "unknown_method", f"There is no method {method!r:.80}.", status=404
                )
            return {"ok": True, "result": await known(params)}
        except RefusedError as refused:
            return _failure(refused.code, str(refused), refused.status, refused.details)
        except ApplicationFailedError as failed:
            return _failure("application_failed", str(failed), 500, {})
        except (OSError, sqlite3.Error) as error:
            # It may have been carried out in part: 503, and not `not_ready`.
            return _failure("store_failed", f"{type(error).__name__}: {error}", 503, {})
        except SyncModelError as error:
            return _failure("internal", f"{type(error).__name__}: {error}", 500, {})

    async def _generations(self, params: Params) -> dict[str, Any]:
        del params
        return {"generations": self._deployment.listing()}

    async def _preview(self, params: Params) -> dict[str, Any]:
        number, lacks = self._target(params), self._supervisor.faults.lacks
        return await asyncio.to_thread(self._deployment.preview, number, lacks=lacks)

    async def _start(self, params: Params) -> dict[str, Any]:
        at_boot = _field({"at_boot": False, **params}, "at_boot", bool)
        pins = _field({"pins": {}, **params}, "pins", dict)
        if not all(isinstance(commit, str) for commit in pins.values()):
            raise RefusedError("malformed", "`pins` must be an object of channels and commits.")
        target = self._target(params)
        return {"job": self._supervisor.begin("rollout", target, at_boot=at_boot, pins=pins).name}

    async def _rollback(self, params: Params) -> dict[str, Any]:
        number = _field(params, "generation", int)
        at_boot = _field({"at_boot": False, **params}, "at_boot", bool)
        return {"job": self._supervisor.begin("rollback", number, at_boot=at_boot).name}

    async def _abort(self, params: Params) -> dict[str, Any]:
        job = _field(params, "job", str)
        self._supervisor.abort(job)
        return {"job": job}

    async def _arm(self, params: Params) -> dict[str, Any]:
        fault = _field(params, "fault", str)
        if fault not in FAULTS:
            raise RefusedError(
                "unknown_fault",
                f"No deployment can meet {fault!r:.80}, only: {', '.join(FAULTS)}.",
                status=404,
            )
        self._supervisor.faults.arm(fault)
        return {"fault": fault}

    async def _held(self, params: Params) -> dict[str, Any]:
        """Until a job is held, or `limit_s` is over."""
        return {"held": await self._supervisor.faults.held(_limit_s(params))}

    async def _disarm(self, params: Params) -> dict[str, Any]:
        del params
        return {"met": self._supervisor.faults.disarm()}

    async def _disable(self, params: Params) -> dict[str, Any]:
        plugin = _field(params, "plugin", str)
        target = await asyncio.to_thread(self._deployment.without_plugin, plugin)
        return {"job": self._supervisor.begin("disable", target).name}

    async def _tables(self, params: Params) -> dict[str, Any]:
        plugin = _field(params, "plugin", str)
        return {"tables": await asyncio.to_thread(self._deployment.tables, plugin)}

    async def _uninstall(self, params: Params) -> dict[str, Any]:
        plugin = _field(params, "plugin", str)
        target = await asyncio.to_thread(self._deployment.without_plugin, plugin)
        confirmed = params.get("confirm_data_loss") is True
        if not confirmed and self._deployment.wants_confirmation():
            lost = await asyncio.to_thread(self._deployment.rows_lost, target)
            said = ", ".join(f"{count} rows of {table}" for table, count in lost.items())
            raise RefusedError(
                "data_loss_unconfirmed",
                f"Uninstalling {plugin} drops {said or 'nothing yet'}: pass confirm_data_loss.",
                status=409,
                details={"rows_lost": lost},
            )
        return {"job": self._supervisor.begin("uninstall", target).name}

    async def _status(self, params: Params) -> dict[str, Any]:
        wait = params.get("wait", {})
        if not isinstance(wait, dict):
            raise RefusedError("malformed", '`wait` must be an object such as {"limit_s": 2.0}.')
        return await self._supervisor.job_status(_field(params, "job", str), _limit_s(wait))

    def _target(self, params: Params) -> int:
        if "generation" in params:
            return _field(params, "generation", int)
        plugins = params.get("plugins")
        if not isinstance(plugins, dict) or not all(type(v) is int for v in plugins.values()):
            raise RefusedError(
                "malformed", "Say `generation` (a number) or `plugins` ({name: version})."
            )
        return self._deployment.with_plugins(plugins)

    async def _restart(self) -> None:
        await self._application.stop()
        await self._supervisor.start()

    async def _restore(self, params: Params) -> dict[str, Any]:
        await self._backups.put_back(plain=_field(params, "plain", bool))
        return self._supervisor.summary()

    async def _spoil(self, params: Params) -> dict[str, Any]:
        part = _field(params, "part", str)
        if part not in PARTS:
            raise RefusedError(
                "malformed", f"`part` must be one of {', '.join(PARTS)}, not {part!r:.80}."
            )
        await self._spoiled.spoil(part)
        return self._supervisor.summary()

    async def _renew(self, params: Params) -> dict[str, Any]:
        generation = self._deployment.get(_field(params, "generation", int)).number
        await self._spoiled.renew(generation)
        return self._supervisor.summary()

    def _room(self, change: Callable[[], None]) -> Method:
        async def method(params: Params) -> dict[str, Any]:
            del params
            await asyncio.to_thread(change)
            return {"room": await asyncio.to_thread(self._disk.room)}

        return method

    async def _slow_disk(self, params: Params) -> dict[str, Any]:
        delay_ms, pid = _field(params, "delay_ms", int), self._pid()
        if delay_ms < 0:
            raise RefusedError("malformed", "`delay_ms` must not be negative.")
        if pid is None and delay_ms:
            raise RefusedError("no_disk", "There is no process of this machine that writes.")
        return {"slow": await self._writes.slow(pid or 0, delay_ms)}

    async def _set_clock(self, params: Params) -> dict[str, Any]:
        percent = _field({"percent": 0, **params}, "percent", int)
        self._clock.set(_field(params, "ahead_s", int), percent)
        return {"ahead_s": self._clock.pace.ahead_s, "percent": self._clock.pace.percent}

    async def _fallen(self, params: Params) -> dict[str, Any]:
        """Until the application ended of itself, and no job starts it again."""
        del params
        while True:
            why = await self._application.fallen()
            await self._supervisor.job_ended()
            if self._application.state == "stopped":
                return {"why": why}

    def _verb(self, act: Callable[[], Awaitable[None]] | None) -> Method:
        async def method(params: Params) -> dict[str, Any]:
            del params
            if act is not None:
                await act()
            return self._supervisor.summary()

        return method


async def serve_control(control: Control, path: Path) -> asyncio.Server:
    """Offer `control` on a unix socket at `path`: one JSON object a line, answered in order."""

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await _answer(control, line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError, asyncio.CancelledError):
            return  # gone, a line longer than we read, or our own end: nobody waits for this task
        finally:
            writer.close()

    # asyncio removes a socket that a killed supervisor left behind.
    return await asyncio.start_unix_server(client, path, limit=_LONGEST_LINE)


async def _answer(control: Control, line: bytes) -> dict[str, Any]:
    request = parsed(line)
    if request is None:
        return _failure("malformed", "A request is one JSON object on one line.", 400, {})
    return await control.call(request.get("method"), request.get("params", {}))


def parsed(text: str | bytes) -> dict[str, Any] | None:
    """The JSON object of a request, read as strictly as a body over HTTP; None if it is none."""
    try:
        return read_content(text if isinstance(text, str) else text.decode())
    except (RefusedEntryError, UnicodeError):
        return None


def _limit_s(wait: Mapping[str, Any]) -> float:
    limit_s = wait.get("limit_s", 0.0)
    if isinstance(limit_s, bool) or not isinstance(limit_s, int | float):
        raise RefusedError("malformed", "`wait.limit_s` must be a number of seconds.")
    return min(max(float(limit_s), 0.0), _LONGEST_WAIT_S)


def _field(params: Params, name: str, kind: type[_T]) -> _T:
    value = params.get(name)
    # An exact type: JSON's true is an int to isinstance.
    if type(value) is not kind:
        raise RefusedError("malformed", f"`{name}` must be a {kind.__name__}, not {value!r:.80}.")
    return value


def _failure(code: str, message: str, status: int, details: dict[str, Any]) -> dict[str, Any]:
    message = message[:_LONGEST_MESSAGE]
    error = {"code": code, "message": message, "details": details, "status": status}
    return {"ok": False, "error": error}
