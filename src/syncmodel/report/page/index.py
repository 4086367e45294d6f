"""Many runs at a glance: grouped by how they fail, what was covered, and what never happened."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import field, frozen

from syncmodel.corpus import Reproduction
from syncmodel.corpus.store import write_whole
from syncmodel.engine.history import Verdict
from syncmodel.engine.script import length
from syncmodel.engine.tally import Situation, Sometimes, Tally
from syncmodel.errors import printable
from syncmodel.report.page.course import Point
from syncmodel.report.page.filling import index_page
from syncmodel.report.page.junit import Case, junit
from syncmodel.report.page.writing import Facts, link, put
from syncmodel.report.story import words

FORMAT, VERSION = "syncmodel-report", 1
#: The names of what an index is in a folder.
INDEX, AS_JSON, AS_JUNIT = "index.html", "report.json", "junit.xml"


@frozen
class Listed:
    """One run of an index: its file and page, if there are any, and how it ended.

    `headline` is the first sentence of its page, or why there is nothing to say of it.
    """

    name: str
    verdict: Verdict
    headline: str
    reproduction: Reproduction | None = None
    file: Path | None = None
    page: Path | None = None
    judged: str = ""
    key: tuple[str, str] | None = None
    #: The page that a search wrote beside the file: of the run as it was seen then.
    then: Path | None = None


@frozen
class Index:
    """Runs, what all of them together covered, and the course of the search that they are of."""

    title: str
    runs: Sequence[Listed]
    tally: Tally
    facts: Facts = field(factory=list)
    course: Sequence[Point] = ()
    never: Sequence[Sometimes] = ()

    def put(self, folder: Path) -> list[str]:
        """Write page, JSON and JUnit into the folder; sentences of where they are."""
        whole = self.whole(folder)
        told = [put(folder / INDEX, index_page(whole, f"{self.title} - syncmodel"))]
        cases = [Case(one.name, one.verdict, one.headline, one.judged) for one in self.runs]
        others = {AS_JSON: json.dumps(whole, indent=1), AS_JUNIT: junit(self.title, cases)}
        for name, content in others.items():
            try:
                write_whole(folder / name, content.encode())
            except OSError as error:
                told.append(f"{folder / name} can't be written: {error.strerror or error}.")
        return told

    def whole(self, folder: Path) -> dict[str, Any]:
        """All of it as JSON; what it links to is seen from the folder."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "title": self.title,
            "facts": [list(fact) for fact in self.facts],
            "runs": [_listed(one, folder) for one in self.runs],
            "coverage": coverage(self.tally, self.never),
            "course": [list(point) for point in self.course],
        }


def _listed(one: Listed, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": one.name,
        "verdict": one.verdict.value,
        "headline": printable(one.headline),
        "judged": one.judged,
        "kind": list(one.key or ("", "")),
        "file": None if one.file is None else link(one.file, folder),
        "page": None if one.page is None else link(one.page, folder),
        "then": None if one.then is None else link(one.then, folder),
    }
    run = one.reproduction
    if run is None:
        return found
    return found | {
        "title": run.title,
        "target": run.target,
        "bug": run.bug,
        "nodes": len(run.nodes),
        "length": length(run.steps),
        "steps": [words(step, run.schema) for step in run.steps],
        "sure": str(run.confirmed) if run.confirmed.runs else "",
    }


def coverage(tally: Tally, never: Iterable[Sometimes] = ()) -> dict[str, Any]:
    """How often each kind of step, pair and situation came, and what never did."""
    ops = [op for op, _ in sorted(tally.by_op.items(), key=lambda one: (-one[1], one[0]))]
    return {
        "sequences": tally.sequences,
        "steps": tally.steps,
        "rests": tally.rests,
        "verdicts": {verdict.value: times for verdict, times in tally.verdicts.items()},
        "ops": [[op, tally.by_op[op]] for op in ops],
        "pairs": [[tally.by_pair[first, then] for then in ops] for first in ops],
        "situations": [_situation(tally, one) for one in Situation],
        "themes": [[name, times] for name, times in tally.themes.most_common()],
        "seen": [[what.value, tally.seen[what]] for what in Sometimes],
        "occasions": [[what.value, times] for what, times in tally.occasions.most_common()],
        "never": [what.value for what in never],
    }


def _situation(tally: Tally, situation: Situation) -> list[Any]:
    ops: Mapping[str, int] = Counter(
        {op: times for (where, op), times in tally.by_situation.items() if where is situation}
    )
    return [situation.value, sum(ops.values()), dict(ops)]
