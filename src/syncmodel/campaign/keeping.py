"""What a search finds, on disk from the moment that it is found.

A finding has one file, which has the best so far: a better one takes its place, and goes there
before the old one goes away. Not here: how a file is written (`corpus.store`), what is better
(`triage`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path

from attrs import define, field, frozen

from syncmodel.corpus import NETWORK, Reproduction, System, file_name, nodes_of, save, to_text
from syncmodel.engine.findings import Undecided
from syncmodel.engine.trouble import sentence, short
from syncmodel.model.guarantees import Guarantees

#: So many runs that say nothing are saved in one search: each takes a person's time.
UNDECIDED_LIMIT = 5
#: The fact that marks a run that says nothing: `unknown` or `invalid`.
VERDICT = "verdict"
#: What a search says of a run, and may say otherwise the next time.
TOLD = ("title", "confirmed", "found")
#: What differs from run to run in a reason: names of nodes, ports, identities.
PARTICULAR = re.compile(r"\w*\d\w*")


@define
class Kept:
    """The one file in `folder` of one finding. `unsaved`: why the best is not in it, if it is not.

    Nothing that was in the folder before is deleted.
    """

    folder: Path
    file: Path | None = None
    unsaved: str = ""
    _ours: set[Path] = field(factory=set)

    def put(self, reproduction: Reproduction) -> None:
        """Save it in place of what was there. Where that fails, `file` stays as it was."""
        try:
            path = self._place(reproduction)
            if not path.exists():
                self._ours.add(path)
            save(self.folder, reproduction, path.name)
        except Exception as error:  # noqa: BLE001 (what is on disk stays there)
            self.unsaved = sentence(error)
            return
        self.file, self.unsaved = path, ""
        for old in self._ours - {path}:
            with suppress(OSError):
                old.unlink(missing_ok=True)
            self._ours.discard(old)

    def _place(self, reproduction: Reproduction) -> Path:
        """A file of its name, but for one that somebody has edited: that stays as it is."""
        name = file_name(reproduction)
        path = self.folder / name
        for number in count(2):
            if path in self._ours or not path.exists() or _is_same(path, reproduction):
                return path
            path = self.folder / f"{name.removesuffix('.json')}-{number}.json"
        raise AssertionError


def _is_same(path: Path, reproduction: Reproduction) -> bool:
    """Whether the file is what a search has saved of the same run, and nobody has edited it."""
    try:
        there = json.loads(path.read_bytes())
        mine = json.loads(to_text(reproduction))
        for one in (there, mine):
            for name in TOLD:
                one.pop(name, None)
    except (OSError, ValueError, AttributeError, RecursionError):
        return False
    return bool(there == mine)


@frozen
class Origin:
    """Where a file goes, and the facts that it has of its origin: who found it, and when."""

    folder: Path
    facts: Mapping[str, str | int] = field(factory=dict)


@frozen
class Doubtful:
    """A run that says nothing, and what was saved of it."""

    file: Path
    reproduction: Reproduction
    run: Undecided


@define
class Doubts:
    """The runs of a search that say nothing, each kind once.

    `saved` are those that were; `unsaved` says why one could not be.
    Such a file must pass, as every run must that nothing was found in; performed again, it may.
    Invalid ones are kept too: a node that never starts again after a certain step is seen as one.
    """

    origin: Origin
    system: System
    guarantees: Guarantees
    bugs: tuple[str, ...] = ()
    saved: list[Doubtful] = field(factory=list)
    unsaved: list[str] = field(factory=list)
    _seen: set[tuple[str, str]] = field(factory=set)

    def put(self, run: Undecided) -> None:
        """Save it if it has steps, and there is none like it. Never fails."""
        kind = (run.verdict.value, PARTICULAR.sub("#", run.reason))
        if kind in self._seen or not run.script.steps or len(self._seen) >= UNDECIDED_LIMIT:
            return
        self._seen.add(kind)
        network = {} if run.network is None else {NETWORK: run.network}
        try:
            reproduction = Reproduction(
                title=short(f"{run.verdict.value}: {run.reason or 'no reason'}"),
                nodes=nodes_of(run.script.net),
                steps=run.script.steps,
                system=self.system,
                guarantees=self.guarantees,
                bug=self.bugs[0] if self.bugs else None,
                found={**self.origin.facts, **network, VERDICT: run.verdict.value},
            )
            file = save(self.origin.folder, reproduction)
            self.saved.append(Doubtful(file, reproduction, run))
        except Exception as error:  # noqa: BLE001 (the search goes on)
            self.unsaved.append(sentence(error))
