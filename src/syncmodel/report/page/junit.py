"""Runs as JUnit's XML, which build servers read: a test case for each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from attrs import frozen

from syncmodel.engine.history import Verdict
from syncmodel.errors import printable

#: What XML 1.0 has no way to write.
NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@frozen
class Case:
    """A run by its name: how it ended, in one sentence; `judged` says more, if anything does."""

    name: str
    verdict: Verdict
    headline: str
    judged: str = ""


def junit(title: str, cases: Sequence[Case]) -> str:
    """One suite: a divergence is a failure, and what says nothing is an error."""
    failed = [one for one in cases if one.verdict is Verdict.DIVERGED]
    nothing = [one for one in cases if one.verdict in (Verdict.UNKNOWN, Verdict.INVALID)]
    counts = {"tests": len(cases), "failures": len(failed), "errors": len(nothing)}
    suite = ET.Element("testsuite", {"name": _text(title)} | {k: str(n) for k, n in counts.items()})
    for one in cases:
        case = ET.SubElement(suite, "testcase", classname="syncmodel", name=_text(one.name))
        if one in failed or one in nothing:
            tag = "failure" if one in failed else "error"
            told = ET.SubElement(case, tag, type=one.verdict.value, message=_text(one.headline))
            told.text = _text(one.judged)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _text(text: str) -> str:
    return NO_XML.sub("?", printable(text))
