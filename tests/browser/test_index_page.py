"""What a person does with the index of many runs, in a real browser."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from real_browser import Open, opening, running
from seen_runs import planted

from syncmodel.engine.history import Verdict
from syncmodel.engine.tally import Sometimes, Tally
from syncmodel.report.page.filling import index_page
from syncmodel.report.page.index import Index, Listed
from syncmodel.report.page.saved import headline

COURSE = [(float(i), i * 3, i * 90, 10 * i, 5 * i, 20 * i) for i in range(30)]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    yield from running()


@pytest.fixture
def opened(chromium: Any, tmp_path: Path) -> Iterator[Open]:
    yield from opening(chromium, tmp_path)


def text() -> str:
    runs = [
        Listed(
            one.file.stem,
            Verdict.DIVERGED,
            headline(one.run),
            one.reproduction,
            one.file,
            Path(f"{one.file.stem}.html"),
            key=one.run.divergences[0].key,
        )
        for one in planted().values()
    ]
    runs.append(Listed("<b>none</b>", Verdict.INVALID, "It can't be read: <img src=x>."))
    tally = Tally()
    tally.steps, tally.sequences = 30, 3
    tally.by_op.update({"create": 20, "delete": 10})
    tally.by_pair[("create", "delete")] = 7
    index = Index("Saved runs", runs, tally, [("seed", "1")], COURSE, [Sometimes.CRASHES])
    return index_page(index.whole(Path()), "Saved runs")


def test_runs_are_grouped_by_how_they_fail_and_shortest_first(opened: Open) -> None:
    page = opened(text())
    groups = page.locator("#groups summary b").all_inner_texts()
    named = Counter(
        f"✖ {kind} in {table}" if table else f"✖ {kind}"
        for kind, table in (one.run.divergences[0].key for one in planted().values())
    )
    assert groups[:-1] == sorted(named, key=lambda name: (-named[name], name))
    assert groups[-1] == "says nothing"
    steps = page.locator("#groups > details").first.locator(".runs > li > .hint").all_inner_texts()
    lengths = [int(one.split(" ")[0].replace(",", "")) for one in steps]
    assert lengths == sorted(lengths)
    assert not page.locator("img").count()


def test_search_leaves_what_fits(opened: Open) -> None:
    page = opened(text())
    page.keyboard.press("/")
    page.keyboard.type("tie-by-arrival")
    assert page.locator("#found").inner_text() == "1 run"
    assert page.locator(".runs > li:visible").count() == 1
    page.keyboard.press("Escape")
    assert page.locator(".runs > li:visible").count() == len(planted()) + 1


def test_the_steps_of_a_run_are_there_on_demand(opened: Open) -> None:
    page = opened(text())
    run = page.locator(".runs > li").first
    assert not run.locator("ol").is_visible()
    run.locator("summary").click()
    assert run.locator("ol").is_visible()


def test_what_was_covered_and_what_never_happened_is_shown(opened: Open) -> None:
    page = opened(text())
    told = page.locator("#coverage").inner_text()
    assert "Never came up in this search, so untested: crashes." in told
    assert "delete then create" in told
    assert page.locator("#course svg polyline").count() == 4
    assert page.locator(".pairs td").filter(has_text="7").count() == 1


def test_a_narrow_window_scrolls_down_only(opened: Open) -> None:
    page = opened(text(), viewport={"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
