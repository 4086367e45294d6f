"""What a person does with the page of a failure, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from real_browser import Open, opening, running
from seen_runs import drawn, followed, planted

from syncmodel.engine.history import Began, Entry, Performed, Rested, Verdict
from syncmodel.engine.session import Result
from syncmodel.model.divergence import Divergence, Kind
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import accepted
from syncmodel.model.values import Row, Value
from syncmodel.model.view import View
from syncmodel.model.world import initial
from syncmodel.report.page.filling import run_page
from syncmodel.report.page.moments import SeenRun, seen
from syncmodel.report.page.writing import Facts, data
from syncmodel.steps import Create
from syncmodel.targets.wire import SUPERTEST

BUG = "tombstone-lost-on-resync"
LONG = "x" * 65_536
HURTS = (
    "<img src=x onerror=alert(1)></script><script>alert(2)</script> \u202egnp.exe \u0007 {{data}} "
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    yield from running()


@pytest.fixture
def opened(chromium: Any, tmp_path: Path) -> Iterator[Open]:
    yield from opening(chromium, tmp_path)


def page_of(*runs: SeenRun, title: str = "a failure") -> str:
    names = ("The shortest run", "The run as it was found")
    facts = [("run again", "failed in 3 of 3 runs"), ("see it again", "syncmodel replay x.json")]
    return run_page(data(title, [*facts], dict(zip(names, runs, strict=False))), title)


def script(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def selected(page: Any) -> str:
    return str(page.locator(".step[aria-current=step] b").first.inner_text())


def test_it_opens_at_the_first_wrong_sight(opened: Open) -> None:
    page = opened(page_of(planted()[BUG].run))
    assert page.locator("h1").inner_text().startswith("At the rest after step 4, n2 shows cases/c1")
    assert page.locator("#why li").count() == 5
    assert page.locator("#kind").inner_text() == "✖ resurrected"
    assert selected(page) == "4"
    assert page.locator(".box").is_visible()
    assert "expected: deleted" in page.locator("td.bad").inner_text()
    assert page.locator(".wrong circle").count() == 1
    assert "syncmodel replay x.json" in page.locator("#facts").inner_text()


def test_an_answer_that_is_wrong_stands_where_it_is_expected_otherwise(opened: Open) -> None:
    page = opened(page_of(planted()["own-write-unread"].run))
    told = page.locator("td.bad").inner_text().splitlines()
    assert [line.removeprefix("→ ") for line in told[:3]] == [
        "answered: title t1, counter 0",
        "✖ it must be: title t2, counter 0",
        "at the last rest: title t2, counter 0",
    ]
    assert page.locator("dl.asked").inner_text().count("accepted") == 0


def test_keys_walk_through_it(opened: Open) -> None:
    page = opened(page_of(planted()[BUG].run))
    walked = []
    for key in ("ArrowLeft", "ArrowLeft", "ArrowRight", "Home", "End", "Home", "ArrowLeft", "w"):
        page.keyboard.press(key)
        walked.append(selected(page))
    assert walked == ["3", "2", "3", "0", "4", "0", "0", "4"]


def test_a_click_on_a_step_shows_what_it_did(opened: Open) -> None:
    page = opened(page_of(planted()[BUG].run))
    page.get_by_role("button", name="1 n1 creates").click()
    detail = page.locator(".detail")
    assert '{"op": "create", "node": "n1"' in detail.inner_text()
    assert "accepted" in detail.inner_text()
    changed = detail.locator("td.differs")
    assert changed.count() == 2
    assert changed.first.locator("del").inner_text() == "nothing"
    assert changed.first.locator("ins").inner_text() == "title t1, counter 0"
    assert changed.first.locator(".knows").inner_text() == "must v1"
    page.keyboard.press("ArrowRight")
    assert detail.locator("td .knows").first.inner_text() == "must v2 and 1 older"
    assert not detail.locator(".box").count()


def test_a_click_on_the_picture_does_too(opened: Open) -> None:
    page = opened(page_of(planted()[BUG].run))
    page.locator(".column").nth(2).click()
    assert selected(page) == "2"
    assert "n2 deletes cases/c1" in page.locator(".column title").nth(2).text_content()


def test_the_picture_has_a_lane_for_each_node_and_its_faults(opened: Open) -> None:
    run = drawn(3, 3, 60)
    page = opened(page_of(run))
    assert page.locator(".names text").all_text_contents() == ["n1", "n2", "n3"]
    assert page.locator("line.rest").count() == len(run.moments)
    for fault in ("rect.down", "rect.cut", "line.lane.bare", ".arrow"):
        assert page.locator(fault).count(), fault
    assert page.locator(".glyph.refused").count()


def test_a_row_shows_its_versions_and_what_proved_their_order(opened: Open) -> None:
    page = opened(page_of(planted()[BUG].run))
    versions = page.locator(".versions")
    assert "Versions of cases/c1" in versions.inner_text()
    assert versions.locator("svg .version").count() == 2
    assert versions.locator("svg .edge.written").count() == 1
    told = versions.locator("tbody tr").first.inner_text()
    assert "loses to v2, written in step 2 by a node that knew it" in told
    seen_order = next(run for run in (drawn(s, 3, 60) for s in range(20)) if _has_seen(run))
    page = opened(page_of(seen_order))
    for button in page.locator("button.row").all():
        button.click()
        if page.locator(".versions .edge.seen").count():
            break
    else:
        raise AssertionError("no order by sight")
    assert "at the rest after step" in page.locator(".versions").inner_text()


def _has_seen(run: SeenRun) -> bool:
    return any(row.order.seen for row in run.last.world.belief.rows.values())


def test_messages_are_drawn_where_they_are_known(opened: Open) -> None:
    page = opened(page_of(planted()[BUG].run))
    assert page.locator(".message line, .messages").count() == 0
    page = opened(page_of(followed(BUG)))
    assert page.locator(".message").count() == 5
    assert page.locator(".message.on line").count() == 2
    told = page.locator(".message.on title").first.text_content()
    assert told.startswith("n2 hears from n1: cases/c1")
    page.locator(".messages summary").click()
    assert page.locator(".flight").count() == 8 + 4
    assert page.locator(".happened li").count() == 9
    page.keyboard.press("ArrowLeft")
    assert page.locator(".happened").is_visible()
    assert "Message by message: 7 messages" in page.locator(".messages summary").inner_text()


def test_a_node_that_stands_still_is_drawn_so(opened: Open) -> None:
    run = planted()["request-done-twice"].run
    assert any(moment.net.paused for moment in run.moments)
    page = opened(page_of(run))
    assert page.locator("rect.still").count()
    assert "stands still" in page.locator(".scroller").text_content()


def test_what_nodes_said_is_linked(opened: Open) -> None:
    facts: Facts = [
        ("artefacts of n1", "app.log", "./x/n1/app.log", "rows.json", "./x/n1/rows.json")
    ]
    page = opened(run_page(data("a failure", facts, {"The run": planted()[BUG].run}), "x"))
    links = page.locator("#facts a")
    assert links.all_inner_texts() == ["app.log", "rows.json"]
    assert links.last.get_attribute("href") == "./x/n1/rows.json"


def test_the_original_stands_beside_the_short_one(opened: Open) -> None:
    page = opened(page_of(planted()[BUG].run, drawn(5, 3, 30)))
    assert page.locator(".run:visible").count() == 1
    page.keyboard.press("o")
    assert page.locator(".run:visible h2").all_inner_texts() == [
        "The shortest run: 4 steps on 2 nodes",
        "The run as it was found: 30 steps on 3 nodes",
    ]
    page.keyboard.press("Home")
    current = page.locator(".step[aria-current=step] b").all_inner_texts()
    assert current == ["4", "0"]
    page.locator("#beside").click()
    assert page.locator(".run:visible").count() == 1


def test_there_is_no_button_for_what_is_not_there(opened: Open) -> None:
    page = opened(page_of(drawn(5, 3, 3)))
    assert not page.locator("#beside").is_visible()
    assert not page.locator("#to-wrong").is_visible()
    assert page.locator("#kind").inner_text() == "passed"


def test_search_finds_steps_rows_and_values(opened: Open) -> None:
    page = opened(page_of(planted()[BUG].run))
    page.keyboard.press("/")
    page.keyboard.type("DELETES")
    assert page.locator("#found").inner_text() == "1 match"
    assert page.locator(".steps li:visible").count() == 1
    page.keyboard.press("Enter")
    assert selected(page) == "2"
    page.keyboard.press("Escape")
    assert page.locator(".steps li:visible").count() == 5
    page.keyboard.press("ArrowLeft")
    assert selected(page) == "1"


def test_every_sign_of_a_step_is_explained(opened: Open) -> None:
    strange = page_of(drawn(3, 3, 60)).replace('"crash","ok"', '"my_step","ok"')
    page = opened(strange)
    page.keyboard.press("?")
    legend = page.locator("#legend .legend").first.locator("span")
    signs = set(legend.locator("b").all_inner_texts())
    drawn_signs = page.locator(".glyph text").all_text_contents()
    assert "m" in drawn_signs
    assert set(drawn_signs) <= signs
    assert "m\nmy step" in legend.all_inner_texts()


def test_help_says_how_to_read_it(opened: Open) -> None:
    page = opened(page_of(planted()[BUG].run))
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("ArrowLeft")
    assert selected(page) == "4"
    page.keyboard.press("Escape")
    assert not page.locator("#help").is_visible()
    page.locator("#to-help").click()
    page.locator("#help button").click()
    assert not page.locator("#help").is_visible()


def hurting() -> SeenRun:
    """A run whose values and names hurt."""
    net = fully_connected(SUPERTEST, 2)
    start = initial(net)
    name, title = f"c1{HURTS}"[:60], f"{HURTS}{LONG}"[:65_536]
    step = Create("n1", "cases", name, (("title", title),))
    outcome = accepted({"title": title, "counter": 0})
    shown = View(((Row("cases", name), Value((("title", title), ("counter", 0)))),))
    rest = Rested(0, {"n1": View(), "n2": View()}, "quiet", 0.0, start, start)
    history: tuple[Entry, ...] = (Began(1, net), rest, Performed(1, step, outcome, 0.0))
    wrong = Divergence(Kind.INVENTED, "n2", Row("cases", name), HURTS, f"title {title}")
    views = {"n1": shown, "n2": shown}
    result = Result(Verdict.DIVERGED, (step,), (wrong,), "", views, history)
    run = seen(result, Guarantees())
    assert run is not None
    return run


def test_what_hurts_is_text(opened: Open) -> None:
    page = opened(page_of(hurting(), title=HURTS))
    assert not page.locator("img").count()
    assert page.locator("script").count() == 2
    assert "\\u202egnp.exe \\u0007" in page.locator("#title").inner_text()
    everything = page.locator("body").inner_text()
    assert "\u202e" not in everything
    assert "<img src=x onerror=alert(1)>" in everything


def test_a_long_value_is_cut_and_whole_on_demand(opened: Open) -> None:
    page = opened(page_of(hurting(), title="long"))
    assert len(page.locator("body").inner_text()) < 20_000
    page.locator("table.rows td .whole").first.click()
    whole = page.locator("#whole pre").inner_text()
    assert whole.count("x") > 65_000
    page.locator("#whole button").click()
    assert not page.locator("#whole").is_visible()


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.value)
def test_a_failure_of_each_kind_is_shown(opened: Open, kind: Kind) -> None:
    runs = [one.run for one in planted().values() if one.run.divergences[0].kind is kind]
    if not runs:
        run = planted()[BUG].run
        found = evolve(run.divergences[0], kind=kind)
        runs = [evolve(run, divergences=(found,))]
    for run in runs[:3]:
        page = opened(page_of(run))
        assert page.locator("#kind").inner_text() == f"✖ {kind.value}"
        assert page.locator(".box").is_visible()
        assert page.locator(".wrong circle").count()


# --- looks ---------------------------------------------------------------------------------------


def test_dark_and_light_differ(opened: Open) -> None:
    text = page_of(planted()[BUG].run)
    papers = {
        opened(text, color_scheme=scheme).evaluate(
            "getComputedStyle(document.body).backgroundColor"
        )
        for scheme in ("dark", "light")
    }
    assert len(papers) == 2


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_every_text_is_readable(opened: Open, scheme: str) -> None:
    """A contrast of 4.5 at least (WCAG 2.2, 1.4.3)."""
    page = opened(page_of(planted()[BUG].run, drawn(5, 3, 30)), color_scheme=scheme)
    page.keyboard.press("o")
    assert page.evaluate(script("contrast.js")) == []


def test_a_narrow_window_scrolls_down_only(opened: Open) -> None:
    page = opened(page_of(planted()[BUG].run), viewport={"width": 400, "height": 800})
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 400


def test_it_can_be_printed(opened: Open) -> None:
    page = opened(page_of(planted()[BUG].run))
    page.emulate_media(media="print")
    assert not page.locator(".keys").is_visible()
    assert page.locator(".box").is_visible()
    assert page.locator(".steps li:visible").count() == 5
    assert page.pdf(landscape=True).startswith(b"%PDF")


# --- speed ---------------------------------------------------------------------------------------


#: Whether the list shows the chosen step.
IN_SIGHT = """() => {
  const item = document.querySelector(".steps .on").getBoundingClientRect();
  const list = document.querySelector(".steps").getBoundingClientRect();
  return list.top <= item.top && item.bottom <= list.bottom;
}"""


def test_three_hundred_steps_on_ten_nodes_never_pause(opened: Open) -> None:
    run = drawn(1, 10, 300)
    assert len(run.moments) > 290
    page = opened(page_of(run))
    page.wait_for_function(IN_SIGHT)
    slowest = busiest(page, page.evaluate(script("walks.js")))
    page.keyboard.press("End")
    page.wait_for_function(IN_SIGHT)
    assert len(slowest) > 40
    assert {name: ms for name, ms in slowest.items() if ms >= 100} == {}


def busiest(page: Any, names: list[str]) -> dict[str, float]:
    """How long the page's own thread worked for each act of `walks.js`, milliseconds.

    By the clock of that thread (the protocol's `threadTicks`): a computer that does something else
    meanwhile makes it no slower. Each act is done in three rounds, and the quickest counts.
    """
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def worked_s() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))

    slowest: dict[str, float] = {}
    for _ in range(3):
        for name in names:
            began = worked_s()
            page.evaluate("(name) => window.walk(name)", name)
            slowest[name] = min(slowest.get(name, 1e9), 1000 * (worked_s() - began))
    return slowest
