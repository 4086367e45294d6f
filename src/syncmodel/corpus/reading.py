"""Reading a reproduction from a file's bytes: whatever is malformed is one clear sentence.

Not here: the value and its writing (`format`), files of the first version (`format1`), the checks
of single fields (`fields`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from attrs import evolve, fields
from immutables import Map

from syncmodel.corpus import budgets, format1
from syncmodel.corpus.fields import Fields, parse, shown
from syncmodel.corpus.format import (
    PASSES,
    VERSION,
    Confirmed,
    Expected,
    Fact,
    Phase,
    Reproduction,
    System,
    Systems,
    is_secret,
    policies_of,
    usual,
)
from syncmodel.errors import FormatError, UsageError
from syncmodel.model.divergence import Kind
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net
from syncmodel.model.plan import Plan
from syncmodel.model.policies import Policy
from syncmodel.model.schema import Schema
from syncmodel.steps import form
from syncmodel.steps.base import Step, refusal

RUNS_LIMIT = 1_000
NODE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")

FIELDS = (
    "version",
    "title",
    "target",
    "guarantees",
    "bug",
    "pins",
    "found",
    "nodes",
    "steps",
    "expected",
    "confirmed",
    "phases",
)


def read(content: bytes, where: str, systems: Systems) -> Reproduction:
    """The reproduction in a file's bytes, as a run of the system that `systems` has for it.

    Raises `FormatError`, one sentence that names `where` (the file), the position and the field,
    for whatever is malformed, unknown, or a step that can't be taken where it stands; and
    `UsageError` for a target that is not there.
    """
    raw = parse(content, where)
    if isinstance(raw, dict):
        budgets.check_count(raw.get("steps"), f"{where}, field `steps`")
    version = Fields.of(raw, where).required("version", int)
    if version == format1.VERSION:
        raw = format1.upgrade(raw, where)
    elif version != VERSION:
        raise FormatError(
            f"{where}, field `version`: this is version {version}, and only {format1.VERSION} and "
            f"{VERSION} can be read; a newer syncmodel may."
        )
    file = Fields.of(raw, where, FIELDS)
    target = _text(file, "target")
    system = system_of(target, systems, file.at("target"))
    nodes = read_nodes(file, system.schema)
    reproduction = Reproduction(
        title=_text(file, "title"),
        nodes=nodes,
        steps=_read_steps(file),
        expected=_read_expected(file, system.schema),
        found=_read_found(file),
        bug=file.or_null("bug", str),
        pins=file.or_null("pins", str),
        confirmed=_read_confirmed(file),
        system=system,
        guarantees=read_guarantees(file, system.guarantees, system, nodes),
        target=target,
        phases=_read_phases(file),
    )
    check_steps(reproduction.net, reproduction.steps, where)
    return reproduction


def system_of(target: str, systems: Systems, where: str) -> System:
    """The system that a name in a file stands for: the given one, or the one of that name.

    Raises `UsageError` if there is none.
    """
    found: System | None = systems(target) if callable(systems) else systems
    if found is None:
        raise UsageError(
            f"{where}: the target {shown(target)} is not registered, and nothing is imported "
            f"because a file names it; say which one to perform it on: --target module:Class."
        )
    return found


def _text(file: Fields, name: str) -> str:
    text = file.required(name, str)
    if not text.strip():
        raise FormatError(f"{file.at(name)}: expected words, found {shown(text)}.")
    return text


def read_nodes(file: Fields, schema: Schema) -> Map[str, int]:
    """Each node's generation at the beginning, from the field `nodes`."""
    raw = file.raw.get("nodes")
    if not isinstance(raw, dict):
        count = _between(file, "nodes", file.required("nodes", int), 1, budgets.NODES)
        return usual(schema, count)
    nodes = Fields.of(raw, file.at("nodes"))
    _between(file, "nodes", len(raw), 1, budgets.NODES)
    for name in raw:
        if not NODE_NAME.fullmatch(name):
            raise FormatError(f"{nodes.where}: {shown(name)} is no name for a node.")
        if nodes.required(name, int) not in schema.deployment:
            known = ", ".join(map(str, sorted(schema.deployment)))
            raise FormatError(
                f"{nodes.at(name)}: there is no generation {shown(raw[name])}; there are: {known}."
            )
    return Map(raw)


def _between(file: Fields, name: str, number: int, least: int, most: int) -> int:
    if not least <= number <= most:
        raise FormatError(f"{file.at(name)}: expected {least} to {most}, found {shown(number)}.")
    return number


def _read_phases(file: Fields) -> tuple[Phase, ...]:
    """Names, and how many steps each has: all steps, in order."""
    found = []
    for place, raw in enumerate(file.optional("phases", list, [])):
        phase = Fields.of(raw, f"{file.at('phases')}, number {place + 1}", ("name", "steps"))
        found.append(Phase(_text(phase, "name"), _between_one_and(phase, budgets.STEPS)))
    steps = len(file.required("steps", list))
    if found and sum(phase.steps for phase in found) != steps:
        raise FormatError(f"{file.at('phases')}: they have to share out all {steps} steps.")
    return tuple(found)


def _between_one_and(phase: Fields, most: int) -> int:
    return _between(phase, "steps", phase.required("steps", int), 1, most)


def _read_steps(file: Fields) -> tuple[Step, ...]:
    return form.load_all(file.required("steps", list), file.where)


def _read_expected(file: Fields, schema: Schema) -> Expected:
    expected = Fields.of(
        file.required("expected", dict), file.at("expected"), ("verdict", "divergence")
    )
    verdict = expected.required("verdict", str)
    if verdict not in ("pass", "diverged"):
        raise FormatError(
            f"{expected.at('verdict')}: expected pass or diverged, found {shown(verdict)}."
        )
    if verdict == "pass":
        if expected.raw.get("divergence") is not None:
            raise FormatError(f"{expected.at('divergence')}: a run that passes has none.")
        return PASSES
    where = expected.at("divergence")
    divergence = Fields.of(expected.required("divergence", dict), where, ("name", "table"))
    name, table = divergence.required("name", str), divergence.optional("table", str, "")
    _known(divergence, "name", name, [kind.value for kind in Kind])
    if name != Kind.INVARIANT.value:
        _known(divergence, "table", table, ["", *schema.by_name])
    return Expected((name, table))


def _known(file: Fields, field_name: str, value: Any, known: Collection[str]) -> None:
    if not isinstance(value, str) or value not in known:
        names = ", ".join(name or '""' for name in known)
        raise FormatError(f"{file.at(field_name)}: unknown {shown(value)}; known are: {names}.")


def read_guarantees(
    file: Fields, usually: Guarantees, system: System, nodes: Collection[str]
) -> Guarantees:
    """Those promises, but for what the field `guarantees` has; policies have the system's names.

    Raises `FormatError`.
    """
    names = tuple(each.name for each in fields(Guarantees))
    raw = Fields.of(file.optional("guarantees", dict, {}), file.at("guarantees"), names)
    known = policies_of(system.guarantees)
    changed: dict[str, Any] = {}
    for name in raw.raw:
        match name:
            case "rows":
                changed[name] = _read_policy(raw, name, known)
            case "tables":
                tables = system.schema.by_name
                each = Fields.of(raw.required(name, dict), raw.at(name), tuple(tables))
                changed[name] = {table: _read_policy(each, table, known) for table in each.raw}
            case "readers":
                changed[name] = raw.required(name, list)
                for node in changed[name]:
                    _known(raw, name, node, nodes)
            case "reads":
                changed[name] = raw.required(name, str)
            case _:
                changed[name] = raw.required(name, bool)
    try:
        return evolve(usually, **changed)
    except UsageError as error:
        raise FormatError(f"{raw.where}: {error}") from None


def _read_policy(file: Fields, name: str, known: dict[str, str | Policy]) -> str | Policy:
    policy = file.required(name, str)
    if policy not in known:
        raise FormatError(
            f"{file.at(name)}: unknown {shown(policy)}; known are: {', '.join(known)}; one of your "
            f"own comes with its target (--target module:Class)."
        )
    return known[policy]


def _read_found(file: Fields) -> Map[str, Fact]:
    raw = Fields.of(file.optional("found", dict, {}), file.at("found"))
    if len(raw.raw) > budgets.FACTS:
        raise FormatError(f"{raw.where}: more than {budgets.FACTS} facts.")
    for name, value in raw.raw.items():
        if not isinstance(value, Fact):
            raise FormatError(f"{raw.at(name)}: expected a plain fact, found {shown(value)}.")
        if is_secret(name, value):
            raise FormatError(f"{raw.at(name)}: looks like a secret, which a file never keeps.")
    return Map(raw.raw)


def _read_confirmed(file: Fields) -> Confirmed:
    where = file.at("confirmed")
    raw = Fields.of(file.optional("confirmed", dict, {}), where, ("failed", "runs"))
    if not raw.raw:
        return Confirmed()
    runs = _between(raw, "runs", raw.required("runs", int), 0, RUNS_LIMIT)
    return Confirmed(_between(raw, "failed", raw.required("failed", int), 0, runs), runs)


def check_steps(net: Net, steps: Sequence[Step], where: str) -> None:
    """Check that every step names existing nodes and can be taken where it stands.

    Raises `FormatError` that names the first that can't.
    """
    budgets.check_work(len(net.nodes), steps, where)
    plan = Plan(net)
    for position, step in enumerate(steps, 1):
        strange = sorted(step.nodes() - set(plan.net.nodes))
        if strange:
            raise FormatError(
                f"{where}, step {position}: there is no node {shown(strange[0])}; "
                f"there are: {', '.join(plan.net.nodes)}."
            )
        budgets.check_names(step, net.schema, f"{where}, step {position}")
        if not step.enabled(plan):
            raise FormatError(f"{where}, step {position} ({step.op}): {refusal(step)}.")
        plan = step.advance(plan)
