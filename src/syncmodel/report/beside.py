"""What lies in a folder of artefacts beside what nodes say: the record of the run, and its story.

Both are made of what was seen anyway. So the folder alone says what diverged: see `judged`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from syncmodel.corpus import Reproduction
from syncmodel.corpus.store import write_whole
from syncmodel.engine.history import Entry
from syncmodel.engine.trouble import sentence
from syncmodel.report.jsonl import Recorder
from syncmodel.report.story import End, story

RECORD, STORY = "record.jsonl", "story.txt"


def leave_run(
    folder: Path, run: Reproduction, history: Sequence[Entry], ended: End, facts: Mapping[str, Any]
) -> str:
    """Write both into a folder that is there; "", or why they are not there. Never fails.

    `history` is that of the run as it was performed, `ended` how it ended, and `facts` are those of
    the record's first line.
    """
    try:
        with Recorder(folder / RECORD, facts) as record:
            for entry in history:
                record(entry)
        leave_story(folder, run, ended)
    except Exception as error:  # noqa: BLE001 (the failure stands, whatever is kept of it)
        return sentence(error)
    return ""


def leave_story(folder: Path, run: Reproduction, ended: End) -> str:
    """Write what went wrong into the folder; the text."""
    text = story(run, ended)
    write_whole(folder / STORY, f"{text}\n".encode())
    return text
