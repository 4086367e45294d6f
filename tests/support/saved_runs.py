"""The files of our corpus, read once in each process: reading all of them takes a while."""

from functools import cache
from pathlib import Path

from syncmodel.corpus import Reproduction, load_all
from syncmodel.targets.registry import registered

CORPUS = Path(__file__).parents[2] / "corpus"


@cache
def saved() -> tuple[tuple[Path, Reproduction], ...]:
    """Each file, and what it says."""
    return load_all(CORPUS, registered)


def saved_bugs() -> list[str]:
    """The planted bugs that a file shows, in order."""
    return sorted({run.bug for _, run in saved() if run.bug is not None})
