"""Pages on disk: of a failure that a search found, of a saved run, of a run that was performed.

A page is made of what is there, and can be made again: one that can't be written is told in a
sentence, and changes no verdict.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from attrs import evolve

from syncmodel.campaign.evidence import Evidence
from syncmodel.corpus import Reproduction
from syncmodel.corpus.store import write_whole
from syncmodel.engine.trouble import sentence
from syncmodel.errors import printable, printable_line
from syncmodel.report.again import again
from syncmodel.report.beside import RECORD, STORY, leave_run
from syncmodel.report.page.document import document
from syncmodel.report.page.filling import run_page
from syncmodel.report.page.moments import SeenRun, seen, seen_failure

if TYPE_CHECKING:
    from syncmodel.campaign.keeping import Doubtful
    from syncmodel.campaign.triage import Finding

#: What stands near the beginning of each of our pages, so that nothing else is replaced by one.
MARK = b'<meta name="generator" content="syncmodel">'
MARK_BYTES = 2_000
SHORTEST, FOUND, ONLY = "The shortest run", "The run as it was found", "The run"
Facts = list[tuple[str, ...]]
#: What the sentence begins with that says where a page is.
LOOK = "Look at it: "


def found_page(finding: Finding, folder: Path | None = None) -> str:
    """Write the page of a failure, beside its file or into the folder; a sentence of where it is.

    Its record and story go into the folder of its artefacts, if it has one.
    "" where there is nothing to show: nobody has kept the run. Never fails.
    """
    file = finding.file
    where = folder or (None if file is None else file.parent)
    try:
        text = "" if where is None else _found(finding, where)
    except Exception as error:  # noqa: BLE001 (the finding stands, whatever its page lacks)
        return f"There is no report, and the finding stands. {sentence(error)}"
    return put(where / page_name(finding), text) if text and where is not None else ""


def _found(finding: Finding, where: Path) -> str:
    best, original = finding.counterexample, finding.original
    run = seen_failure(best)
    if run is None:
        return ""
    run = evolve(run, happened=finding.evidence.happened)
    runs = {FOUND if finding.effort is None else SHORTEST: run}
    if original is not None and original.script != best.script:
        before = seen_failure(original)
        runs |= {} if before is None else {FOUND: before}
    facts = facts_of(finding.reproduction, finding.file, where)
    facts += artefacts_of(_with_run(finding), where)
    return run_page(data(finding.reproduction.title, facts, runs), run_title(run))


def _with_run(finding: Finding) -> Evidence:
    """Its evidence, once the run that was seen then lies there too."""
    evidence, best, run = finding.evidence, finding.counterexample, finding.reproduction
    if evidence.folder is None:
        return evidence
    network = {} if best.network is None else {"network": best.network}
    facts = {"target": run.system.name, "bugs": list(best.bugs), **network}
    lacking = leave_run(evidence.folder, run, best.history, best, facts)
    return evolve(evidence, lacking=lacking)


def page_name(finding: Finding) -> str:
    """The name of its page: that of its file."""
    return f"{finding.file.stem if finding.file is not None else 'failure'}.html"


def doubtful_page(doubt: Doubtful, folder: Path | None = None) -> str:
    """Write the page of a run that says nothing, like `found_page`. Never fails."""
    try:
        result = doubt.run.result
        run = None if result is None else seen(result, doubt.reproduction.guarantees)
        at = (folder or doubt.file.parent) / f"{doubt.file.stem}.html"
        return "" if run is None else saved_page(doubt.reproduction, doubt.file, run, at)
    except Exception as error:  # noqa: BLE001 (the run says nothing, with a page or without)
        return f"There is no report of {doubt.file}. {sentence(error)}"


def saved_page(
    reproduction: Reproduction, file: Path, run: SeenRun, at: Path, more: Facts | None = None
) -> str:
    """Write the page of a saved run as it was just performed; a sentence of where it is."""
    facts = facts_of(reproduction, file, at.parent) + (more or [])
    return put(at, run_page(data(reproduction.title, facts, {ONLY: run}), run_title(run)))


def data(title: str, facts: Facts, runs: Mapping[str, SeenRun]) -> dict[str, Any]:
    """What a page of these runs shows."""
    each = [{"name": name, **document(run)} for name, run in runs.items()]
    return {"title": title, "facts": [list(fact) for fact in facts], "runs": each}


def run_title(run: SeenRun) -> str:
    """What a browser's tab says."""
    first = run.divergences[0] if run.divergences else None
    if first is None:
        return f"{run.verdict.value} - syncmodel"
    where = f"{first.row} on {first.node}" if first.row else first.node
    return f"{first.kind.value}: {where} - syncmodel"


def facts_of(reproduction: Reproduction, file: Path | None, folder: Path) -> Facts:
    """Where a run comes from, how sure it is, and how it is seen again."""
    facts: Facts = [("target", reproduction.target)]
    if reproduction.bug:
        facts.append(("planted bug", reproduction.bug))
    if reproduction.pins:
        facts.append(("pins", reproduction.pins))
    if reproduction.confirmed.runs:
        sure = reproduction.confirmed
        facts.append(("run again", f"failed in {sure.failed} of {sure.runs} runs: {sure}"))
    known = reproduction.found
    if known:
        about = [f"{name} {known[name]}" for name in sorted(known, key=_first)]
        facts.append(("found", ", ".join(about)))
    if file is not None:
        facts.append(("see it again", printable_line(again(reproduction, file))))
        facts.append(("saved as", printable(file.name), link(file, folder)))
    return facts


def artefacts_of(evidence: Evidence, folder: Path) -> Facts:
    """What each node said of itself, as a page in the folder links to it."""
    if evidence.folder is None:
        return [("artefacts", f"none: {evidence.lacking}")] if evidence.lacking else []
    files = [evidence.folder / name for name in (RECORD, STORY)]
    whole = [part for one in files if one.is_file() for part in (one.name, link(one, folder))]
    facts: Facts = [("artefacts of the run", *whole)] if whole else []
    if evidence.lacking:
        facts.append(("artefacts of the run", f"not all: {evidence.lacking}"))
    for node in sorted(path for path in evidence.folder.iterdir() if path.is_dir()):
        files = sorted(path for path in node.rglob("*") if path.is_file())
        links = [(printable(str(file.relative_to(node))), link(file, folder)) for file in files]
        facts.append((f"artefacts of {node.name}", *(part for each in links for part in each)))
    return facts


def _first(fact: str) -> tuple[bool, str]:
    return fact != "date", fact


def link(file: Path, folder: Path) -> str:
    """The file as a page in the folder links to it."""
    there = os.path.relpath(file.absolute(), folder.absolute())
    return "./" + quote(there)


def put(path: Path, text: str) -> str:
    """Write a page whole or not at all; a sentence that says where it is, or why it is nowhere."""
    try:
        if path.exists() and not _is_ours(path):
            return f"There is no report: {path} is no page of ours, so it is left as it is."
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode())
    except OSError as error:
        return f"The report can't be written to {path}: {error.strerror or error}."
    return f"{LOOK}{path}"


def is_written(told: str) -> bool:
    """Whether a sentence of `put` says where a page is."""
    return told.startswith(LOOK)


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return MARK in file.read(MARK_BYTES)
