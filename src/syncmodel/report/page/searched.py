"""What a search leaves to be looked at: the page of its failure, and where asked for, an index."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from syncmodel.engine.findings import Settings
from syncmodel.engine.history import Verdict
from syncmodel.engine.trouble import sentence
from syncmodel.errors import UsageError
from syncmodel.report.page.course import Course
from syncmodel.report.page.index import Index, Listed
from syncmodel.report.page.moments import seen_failure
from syncmodel.report.page.saved import headline
from syncmodel.report.page.writing import Facts, doubtful_page, found_page, page_name

if TYPE_CHECKING:
    from syncmodel.campaign.campaign import Report
    from syncmodel.campaign.keeping import Doubtful
    from syncmodel.campaign.triage import Finding


def check_report(folder: Path | None, corpus: Path) -> None:
    """Raises `UsageError` for a folder of pages that is the one of saved runs, or no folder."""
    if folder is None:
        return
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is not a directory: say where the report is to go.")
    if folder.resolve() == corpus.resolve():
        raise UsageError(
            f"{folder} is where runs are saved, and a report has a JSON file that is none: let the "
            f"report go to another folder."
        )


def searched(
    report: Report,
    settings: Settings,
    folder: Path | None,
    course: Course | None = None,
    *,
    waits: bool = True,
) -> str:
    """Write the page of what was found; with a `folder`, everything into it. Lines of where it is.

    Never fails: what was found is saved, and a page can be made again.
    """
    try:
        told = [doubtful_page(doubt, folder) for doubt in report.doubtful]
        told += [] if report.found is None else [found_page(report.found, folder)]
        if folder is not None:
            told += _index(report, settings, folder, course, waits=waits)
    except Exception as error:  # noqa: BLE001 (the verdict stands, whatever a page lacks)
        told = [f"The report is not whole, and the verdict stands. {sentence(error)}"]
    return "\n".join(filter(None, told))


def _index(
    report: Report, settings: Settings, folder: Path, course: Course | None, *, waits: bool
) -> list[str]:
    ops = None if settings.scope is None else settings.scope.ops
    runs = [] if report.found is None else [_found(report.found, folder)]
    runs += [_doubtful(doubt, folder) for doubt in report.doubtful]
    if report.found is None:
        runs.append(_whole(report, settings))
    facts: Facts = [
        ("seed", str(settings.seed)),
        ("sequences", f"{report.tally.sequences:,} of {settings.sequences:,}"),
        ("steps of each", str(settings.steps)),
        ("nodes", str(settings.nodes)),
    ]
    never = report.tally.never(ops, waits=waits) if report.tally.rests else ()
    title = f"A search on {settings.nodes} nodes, seed {settings.seed}"
    points = () if course is None else course.whole()
    return Index(title, runs, report.tally, facts, points, never).put(folder)


def _found(found: Finding, folder: Path) -> Listed:
    run, name = seen_failure(found.counterexample), page_name(found)
    page = folder / name
    return Listed(
        page.stem,
        Verdict.DIVERGED,
        found.reproduction.title if run is None else headline(run),
        found.reproduction,
        found.file,
        page if page.exists() else None,
        key=found.counterexample.key,
    )


def _doubtful(doubt: Doubtful, folder: Path) -> Listed:
    page, run = folder / f"{doubt.file.stem}.html", doubt.run
    return Listed(
        doubt.file.stem,
        run.verdict,
        f"This run says nothing of the system. {run.reason}".rstrip(),
        doubt.reproduction,
        doubt.file,
        page if page.exists() else None,
    )


def _whole(report: Report, settings: Settings) -> Listed:
    """The search as a whole, where nothing was found."""
    doubts = [*report.findings.invalid, *report.findings.unknown]
    if report.halted is not None:
        doubts.append(str(report.halted))
    said = report.tally.verdicts[Verdict.PASS] and not doubts
    name = f"search with seed {settings.seed}"
    if said:
        return Listed(name, Verdict.PASS, "Nothing was found.")
    return Listed(name, Verdict.UNKNOWN, doubts[0] if doubts else "Nothing was tried.")
