"""Ids of every kind that a file may name."""

from __future__ import annotations

from hypothesis import strategies as st

from syncmodel.corpus.budgets import wrong_id
from syncmodel.model import words

HARD = ["..", ".", "/", "//", "../..", "?x=1", "#y", "%2F", "%", "+", "&", ";", "\\", "\r\n", " "]


def ids() -> st.SearchStrategy[str]:
    """Any text that is an id, and often one that a URL could take for something else."""
    looks = st.sampled_from(sorted(words.IDS & words.LOOKS.keys()))
    hard = st.lists(st.sampled_from(HARD), max_size=4).map("".join)
    either = st.text(max_size=20) | hard | looks.map(lambda look: words.LOOKS[look]("c1"))
    return either.filter(lambda text: not wrong_id(text, words.IDS))
