"""How ids and texts may look: what hurts a system that mistakes them for something else.

A *look* dresses a plain word ("c1", "t7") so that it stays distinct. The schema says which looks a
system takes; a sequence draws its looks; the minimiser goes back to plain words where the run still
fails with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from syncmodel.errors import UsageError

LONG_BYTES = 65_536

#: Each look by name. Different words stay different.
LOOKS: Mapping[str, Callable[[str], str]] = {
    "quotes": lambda word: f"{word}'\"`;--",
    "spaces": lambda word: f" {word}  ",
    "newline": lambda word: f"{word}\r\n{word}\t",
    "control": lambda word: f"{word}\x1b[31m\x7f",
    "nul": lambda word: f"{word}\x00z",
    "emoji": lambda word: f"{word}\N{FAMILY}\N{ZERO WIDTH JOINER}\N{GRINNING FACE}",
    "combining": lambda word: f"{word}e\N{COMBINING ACUTE ACCENT}\N{COMBINING DOT BELOW}",
    "right-to-left": lambda word: f"\N{RIGHT-TO-LEFT OVERRIDE}{word}\N{HEBREW LETTER ALEF}",
    "slash": lambda word: f"../{word}/{word}?x=1#y",
    "percent": lambda word: f"{word}%2F%00%",
    "json": lambda word: f'{{"{word}": null}}\\',
    "number": lambda word: f"0{word.encode().hex()}",
    "long": lambda word: word + "x" * (LONG_BYTES - len(word.encode())),
}

#: Looks that give two words which differ in little: in case alone, or in normal form alone.
#: The first word of a pair is dressed so, the second otherwise.
PAIRS: Mapping[str, tuple[Callable[[str], str], Callable[[str], str]]] = {
    "case": (str.lower, str.upper),
    "normal form": (
        lambda word: f"{word}\N{LATIN SMALL LETTER E WITH ACUTE}",
        lambda word: f"{word}e\N{COMBINING ACUTE ACCENT}",
    ),
    "trailing": (lambda word: word, lambda word: f"{word} "),
}

ALL = frozenset({*LOOKS, *PAIRS})
#: What texts may look like where a schema does not say otherwise.
TEXTS = frozenset(LOOKS)
#: The same of ids. A NUL, or 64 KiB, is seldom an id.
IDS = ALL - {"nul", "long"}
#: For a system that takes plain words only.
NONE: frozenset[str] = frozenset()


def known(looks: Iterable[str]) -> frozenset[str]:
    """These looks. Raises `UsageError` for an unknown one."""
    wanted = frozenset(looks)
    strange = sorted(wanted - ALL)
    if strange:
        raise UsageError(f"There is no look {strange[0]!r}; there are: {', '.join(sorted(ALL))}.")
    return wanted


def dressed(words: Iterable[str], look: str) -> tuple[str, ...]:
    """These plain words with that look; for a look of pairs, words 1 and 2 are one, 3 and 4, ..."""
    plain = tuple(words)
    if look in LOOKS:
        return tuple(map(LOOKS[look], plain))
    first, second = PAIRS[look]
    return tuple(
        first(word) if place % 2 == 0 else second(plain[place - 1])
        for place, word in enumerate(plain)
    )
