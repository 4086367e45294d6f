"""Pages in a real browser: Debian's Chromium, driven by Playwright (`make browser` brings both).

Whatever a test does: nothing is asked of any network, and the console has no error.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
Open = Callable[..., Any]


def running() -> Iterator[Any]:
    """The browser, for a fixture; without it the tests are skipped."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="see `make browser`")
    if CHROMIUM is None:
        pytest.skip("there is no chromium: `make browser` installs it")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def opening(chromium: Any, folder: Path) -> Iterator[Open]:
    """What opens the text of a page, for a fixture; it takes options of Playwright's contexts."""
    wrong: list[str] = []
    contexts = []

    def open_page(text: str, **told: Any) -> Any:
        file = folder / "page.html"
        file.write_text(text, encoding="utf-8")
        context = chromium.new_context(**{"viewport": {"width": 1400, "height": 900}, **told})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        context.on(
            "request",
            lambda asked: wrong.append(asked.url) if asked.url != file.as_uri() else None,
        )
        page.goto(file.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []
