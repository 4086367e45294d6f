"""What a node's generations differ in, made of its list of them; and which migrations its jobs ran.

Pure, and the same for equal answers, whatever their order: a diff of two nodes' files shows what
differs between the nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

#: What a generation is, and not what it is made of.
WHICH = ("number", "selected", "running")
#: How a job ends, as a process would say it: 0 is well, and none has ended with None.
EXITS = {"done": 0, "failed": 1, "aborted": 1}


def compared(listed: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What `generations.list` lists: which is selected, which runs, and by the number of each what
    it has otherwise than these two.

    A difference names what it is in, with what is on each side; of a mapping (plugins, say) only
    the entries that differ. Raises `KeyError` or `TypeError` for what is no such list.
    """
    generations = {int(one["number"]): one for one in listed}
    found: dict[str, Any] = {"generations": {}}
    for which in ("selected", "running"):
        found[which] = next((n for n, one in sorted(generations.items()) if one[which]), None)
    for number, one in sorted(generations.items()):
        found["generations"][str(number)] = {
            f"against_{which}": dict(_differences(generations[found[which]], one))
            for which in ("selected", "running")
            if found[which] is not None
        }
    found["same"] = found["selected"] == found["running"]
    return found


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in sorted({*one, *other}.difference(WHICH)):
        mine, its = one.get(name), other.get(name)
        if mine == its:
            continue
        if isinstance(mine, Mapping) and isinstance(its, Mapping):
            keys = sorted(key for key in {*mine, *its} if mine.get(key) != its.get(key))
            yield name, {key: {"there": mine.get(key), "here": its.get(key)} for key in keys}
        else:
            yield name, {"there": mine, "here": its}


def migrated(told: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The migrations of each of these jobs (answers of `rollout.status`), in the order in which
    they run (all down ones before any up), and how that ended.

    Raises `TypeError` or `AttributeError` for what is no such answer.
    """
    return [
        {
            "job": job.get("job"),
            "generation": job.get("generation"),
            "migrations": [[to, name] for to in ("down", "up") for name in _names(job, to)],
            "state": job.get("state"),
            "exit_status": EXITS.get(str(job.get("state"))),
            "error": job.get("error"),
            "output": job.get("log"),
        }
        for job in told
    ]


def _names(job: Mapping[str, Any], to: str) -> list[Any]:
    migrations = job.get("migrations") or {}
    return list(migrations.get(to) or ())
