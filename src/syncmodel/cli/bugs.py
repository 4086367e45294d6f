"""`syncmodel bugs`: the bugs that can be planted in the reference node."""

from __future__ import annotations

import argparse
from textwrap import fill

NAME = "bugs"
HELP = "list the bugs that can be planted in the nodes"
EXAMPLES = """\
  syncmodel bugs                                      every bug, with what it stands for
  syncmodel explore --bug tombstone-lost-on-resync    search for one of them
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """This verb takes no arguments."""


def run(args: argparse.Namespace) -> int:  # noqa: ARG001 (every verb is called alike)
    """Print them."""
    from syncmodel.reference.node.bugs import all_bugs
    from syncmodel.report.terminal import say

    entries = []
    for bug in all_bugs():
        lines = [f"{bug.name}  ({bug.family})"]
        lines += [
            fill(text, width=96, initial_indent="    ", subsequent_indent="    ")
            for text in (f"{bug.title}.", f"Stands for: {bug.stands_for}.")
        ]
        entries.append("\n".join(lines))
    say("\n\n".join(entries))
    return 0
