"""A page holds anything that a node may answer as text, and lets its own script run alone."""

import base64
import hashlib
import html
import json
import re

from hypothesis import given
from hypothesis import strategies as st

from syncmodel.report.page.filling import embedded, index_page, run_page

DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)
HURTS = "</script><script>alert(1)</script><!-- \u202e {{script}} \ud800"


@given(st.text() | st.text(alphabet="</script>!-&{}\u2028\u202e\ud800"))
def test_any_text_comes_back_and_ends_no_script(text: str) -> None:
    found = embedded({"text": text})
    assert not re.search("[<>&]", found)
    assert found.isascii()
    assert json.loads(found) == {"text": text}


def test_no_text_is_markup() -> None:
    page = run_page({"title": HURTS}, HURTS)
    (data,) = DATA.findall(page)
    assert json.loads(data) == {"title": HURTS}
    assert page.count("<script") == page.count("</script>") == 2
    title = re.search("<title>(.*?)</title>", page)
    assert title
    assert html.unescape(title[1]).startswith("</script><script>alert(1)</script><!-- \\u202e")


def test_only_the_script_and_style_that_are_there_may_run() -> None:
    for page in (run_page({}, ""), index_page({}, "")):
        policy = re.search('Content-Security-Policy" content="(.*?)"', page)
        assert policy
        for tag in ("script", "style"):
            (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            assert f"{tag}-src 'sha256-{digest}'" in policy[1]
        assert policy[1].startswith("default-src 'none'; ")


def test_a_page_needs_nothing_else() -> None:
    for page in (run_page({}, ""), index_page({}, "")):
        assert not re.search(r'(src|href)="', page)
        assert "@import" not in page
        links = set(re.findall(r"https?://[^\s\"]+", page))
        assert links == {"http://www.w3.org/2000/svg"}
