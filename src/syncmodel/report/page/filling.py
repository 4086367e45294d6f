"""A page of HTML with its data, styles and script inside: it needs no other file, and no network.

A policy in the page (W3C, "Content Security Policy Level 3") allows these very styles and this very
script, by their hashes, and nothing else. The data is a block that no browser performs, and no text
in it can end it.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from syncmodel.errors import printable

ASSETS = files("syncmodel.report.page") / "assets"
#: What a browser's tab shows of a title.
TITLE_CHARACTERS = 200
PLACE = re.compile(r"\{\{(\w+)\}\}")


def run_page(data: Mapping[str, Any], title: str) -> str:
    """The page of one run, or of one beside the other."""
    return _page(
        "run.html", ("dom.js", "diagram.js", "versions.js", "messages.js", "run.js"), data, title
    )


def index_page(data: Mapping[str, Any], title: str) -> str:
    """The page of many runs."""
    return _page("index.html", ("dom.js", "index.js"), data, title)


def _page(name: str, scripts: Sequence[str], data: Mapping[str, Any], title: str) -> str:
    style, script = _asset("style.css"), "\n".join(map(_asset, scripts))
    parts = {
        "policy": policy(style, script),
        "title": html.escape(printable(title)[:TITLE_CHARACTERS]),
        "style": style,
        "script": script,
        "data": embedded(data),
    }
    return PLACE.sub(lambda place: parts[place[1]], _asset(name))


def embedded(data: Mapping[str, Any]) -> str:
    """The data as JSON in ASCII that no `</script>` and no `<!--` can be in."""
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def policy(style: str, script: str) -> str:
    """Nothing is allowed but these."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        f"base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")
