"""What a reproduction is, and its JSON form: explicit steps, and what they must show.

A file depends neither on the generator nor on the seed that found it. Not here: the strict reading
of that form (`reading`) and of the one before (`format1`), where files are kept (`store`), how one
is performed (`engine.replay`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

from attrs import Factory, asdict, field, fields, frozen
from immutables import Map

from syncmodel.corpus.fields import to_json
from syncmodel.errors import UsageError
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net
from syncmodel.model.policies import Policy, policies
from syncmodel.model.schema import Schema
from syncmodel.model.world import promised
from syncmodel.steps import form
from syncmodel.steps.base import Step

#: The version of the whole file; the steps in it are in the form of `steps.form.VERSION`.
VERSION = form.VERSION
#: The fact that says on which simulated network a run fails.
NETWORK = "network"
#: Facts whose names mark them as secrets.
SECRET = re.compile(r"secret|passw|token|private|credential|\bkey\b|_key|nsec", re.IGNORECASE)
SECRET_VALUE = re.compile(r"nsec1|PRIVATE KEY|\b[0-9a-f]{64}\b", re.IGNORECASE)

Fact = str | int | float | bool | None


class System(Protocol):
    """What a file needs of a kind of target: its name, what it stores, and what it promises."""

    @property
    def name(self) -> str:
        """The name that a file has in `target`."""

    @property
    def schema(self) -> Schema:
        """What such a target stores."""

    @property
    def guarantees(self) -> Guarantees:
        """What it promises; a file has only what differs."""


#: What files are read with: the system that all of them are performed on, or the one of a name
#: (None if there is none). The second must import nothing: a name in a file is no order.
Systems = System | Callable[[str], System | None]


@frozen
class Expected:
    """What a run of the steps must end in: a pass, or the divergence with this name and table.

    `divergence` is None for a pass; `table` "" is a divergence of a whole node, and an invariant
    has its name there.
    """

    divergence: tuple[str, str] | None = None

    @property
    def verdict(self) -> str:
        """`pass` or `diverged`."""
        return "pass" if self.divergence is None else "diverged"

    def __str__(self) -> str:
        if self.divergence is None:
            return "pass"
        name, table = self.divergence
        return f"diverge: {name}{f' ({table})' if table else ''}"


PASSES = Expected()


@frozen
class Confirmed:
    """How often it failed, of how many runs. `failed` = `runs` means always."""

    failed: int = 0
    runs: int = 0

    @property
    def always(self) -> bool:
        """Whether every run failed."""
        return self.failed == self.runs

    def __str__(self) -> str:
        if not self.runs:
            return "not confirmed"
        return "always" if self.always else f"sometimes ({self.failed} of {self.runs})"


def usual(schema: Schema, count: int) -> Map[str, int]:
    """`count` nodes n1, n2, ... in the generation that runs usually start from."""
    return Map({f"n{i}": schema.usual for i in range(1, count + 1)})


def _generations(nodes: Mapping[str, int]) -> Map[str, int]:
    return Map(nodes)


def _facts(found: Mapping[str, Fact]) -> Map[str, Fact]:
    return Map(found)


@frozen
class Phase:
    """Some of a run's steps, one after another: how many, and what they are about."""

    name: str
    steps: int


@frozen
class Reproduction:
    """A run to be performed again: one file of the corpus.

    `title`: plain words. `nodes`: each node's generation at the beginning. `expected`: how the run
    ends on the system it was recorded on; with `bug`, on one that has this planted bug, and without
    it the run passes. `system`: what stores its rows; its promises hold but for those that
    `guarantees` have otherwise. `target`: the name of the kind that it was recorded on, which may
    be another one. `found`: facts about where it comes from. `pins`: the sentence of
    docs/semantics.md that a file written by hand pins. `phases` share out the steps of a scenario.
    """

    title: str
    nodes: Map[str, int] = field(converter=_generations)
    steps: tuple[Step, ...]
    expected: Expected = PASSES
    found: Map[str, Fact] = field(default=Map(), converter=_facts)
    bug: str | None = None
    pins: str | None = None
    confirmed: Confirmed = Confirmed()
    phases: tuple[Phase, ...] = ()
    system: System = field(kw_only=True)
    guarantees: Guarantees = field(
        default=Factory(lambda self: self.system.guarantees, takes_self=True), kw_only=True
    )
    target: str = field(
        default=Factory(lambda self: self.system.name, takes_self=True), kw_only=True
    )

    @property
    def schema(self) -> Schema:
        """The tables of its rows, and the generations of its nodes."""
        return self.system.schema

    @property
    def net(self) -> Net:
        """Where the run starts: these nodes, every link whole."""
        nodes = tuple(sorted(self.nodes, key=_natural))
        return promised(Net(self.schema, nodes, self.nodes), self.guarantees)

    @property
    def network(self) -> int | None:
        """The simulated network on which it fails; None: on the one that delivers in order."""
        number = self.found.get(NETWORK)
        return number if type(number) is int else None

    def expected_with(self, bugs: Collection[str]) -> Expected:
        """What must be seen on a system that has these planted bugs on."""
        return PASSES if self.bug is not None and self.bug not in bugs else self.expected


def nodes_of(net: Net) -> Map[str, int]:
    """The `nodes` of a run that starts from this net.

    Raises `UsageError` if the net does not start whole: then the steps must bring it there.
    """
    if net.cut or net.still or net.away or net.distrusts:
        raise UsageError(
            "A reproduction starts from whole links and running nodes that trust each other; make "
            "what differs its first steps."
        )
    return net.running


def _natural(name: str) -> tuple[str, int, str]:
    """n2 before n10."""
    digits = re.search(r"[0-9]{1,9}$", name)
    return (name[: digits.start()], int(digits[0]), name) if digits else (name, -1, name)


def dump(reproduction: Reproduction) -> dict[str, Any]:
    """The JSON form; what has its usual value is left out.

    Raises `UsageError` for a secret, and for a merge policy that no name stands for.
    """
    for name, value in reproduction.found.items():
        if is_secret(name, value):
            raise UsageError(f"The fact {name!r} looks like a secret, which a file never keeps.")
    optional = {
        "guarantees": _dump_guarantees(reproduction.guarantees, reproduction.system.guarantees),
        "bug": reproduction.bug,
        "pins": reproduction.pins,
        "found": dict(reproduction.found),
    }
    confirmed = reproduction.confirmed
    return {
        "version": VERSION,
        "title": reproduction.title,
        "target": reproduction.target,
        **{name: value for name, value in optional.items() if value},
        "nodes": _dump_nodes(reproduction.schema, reproduction.nodes),
        **({"phases": list(map(asdict, reproduction.phases))} if reproduction.phases else {}),
        "steps": [form.dump(step) for step in reproduction.steps],
        "expected": _dump_expected(reproduction.expected),
        **(
            {"confirmed": {"failed": confirmed.failed, "runs": confirmed.runs}}
            if confirmed.runs
            else {}
        ),
    }


def to_text(reproduction: Reproduction) -> str:
    """The file's text: one step a line, so that a person reads it and a diff shows it."""
    whole = dump(reproduction)
    lines = [to_json(step) for step in whole["steps"]]
    steps = "[\n    " + ",\n    ".join(lines) + "\n  ]" if lines else "[]"
    entries = [
        f"  {to_json(name)}: " + (steps if name == "steps" else to_json(value))
        for name, value in whole.items()
    ]
    return "{\n" + ",\n".join(entries) + "\n}\n"


def _dump_nodes(schema: Schema, nodes: Mapping[str, int]) -> int | dict[str, int]:
    if nodes == usual(schema, len(nodes)):
        return len(nodes)
    return {name: nodes[name] for name in sorted(nodes, key=_natural)}


def _dump_expected(expected: Expected) -> dict[str, Any]:
    if expected.divergence is None:
        return {"verdict": "pass"}
    name, table = expected.divergence
    return {"verdict": "diverged", "divergence": {"name": name, "table": table}}


def _dump_guarantees(guarantees: Guarantees, usually: Guarantees) -> dict[str, Any]:
    """What differs from the system's own promises, in names."""
    known = policies_of(usually)
    dumped = {each.name: _plain(getattr(guarantees, each.name)) for each in fields(Guarantees)}
    same = {each.name: _plain(getattr(usually, each.name)) for each in fields(Guarantees)}
    changed = {name: value for name, value in dumped.items() if value != same[name]}
    for name in (dumped["rows"], *dumped["tables"].values()) if changed else ():
        if name not in known:
            raise UsageError(
                f"The merge policy {name!r} has no name that a file could give: register it under "
                f"the entry points `syncmodel.policies`."
            )
    return changed


def promises(guarantees: Guarantees) -> dict[str, Any]:
    """What differs from the promises that a system makes which says nothing, in names."""
    usually, names = Guarantees(), [each.name for each in fields(Guarantees)]
    changed = {name: _plain(getattr(guarantees, name)) for name in names}
    return {n: value for n, value in changed.items() if value != _plain(getattr(usually, n))}


def _plain(value: Any) -> Any:
    match value:
        case Policy():
            return value.name
        case Map():
            return {table: _plain(value[table]) for table in sorted(value)}
        case frozenset():
            return sorted(value)
    return value


def policies_of(guarantees: Guarantees) -> dict[str, str | Policy]:
    """What the name of a merge policy stands for in a file of a system that promises this."""
    own = (guarantees.rows, *guarantees.tables.values())
    registered: dict[str, str | Policy] = {name: name for name in policies()}
    return {**registered, **{one.name: one for one in own if isinstance(one, Policy)}}


def is_secret(name: str, value: Fact) -> bool:
    """Whether a fact looks like a secret, which no file may keep."""
    return bool(SECRET.search(name) or (isinstance(value, str) and SECRET_VALUE.search(value)))
