"""What the searches come to: medians, one table, and where a peer is better than we are."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs
from rich.table import Table

from peers.recorder import Search

#: Steps that a sequence may have.
STEPS = 30
OURS, HYPOTHESIS, FAST_CHECK, RANDOM = "ours", "hypothesis", "fast-check", "random"
ENGINES = (OURS, HYPOTHESIS, FAST_CHECK, RANDOM)
#: The measures in which less is better, as attributes of `Finding` and in words.
BETTER = {
    "sequences": "fewer sequences",
    "steps": "fewer steps",
    "to_minimal": "fewer runs to minimal",
    "steps_to_minimal": "fewer steps to minimal",
    "ratio": "shorter",
}


@attrs.frozen(kw_only=True)
class Finding:
    """One engine on one bug, medians over its seeds.

    A search that found nothing counts with its cap of sequences, each of as many steps as one may
    have. What comes after the first failure is None where nothing was found, or where nothing
    shrinks.
    `worst` is the greatest `final length / shortest length` of any seed.
    """

    engine: str
    bug: str
    seeds: int
    found: int
    sequences: float
    steps: float
    to_minimal: float | None
    steps_to_minimal: float | None
    length: float | None
    ratio: float | None
    worst: float | None


def shortest_lengths(
    searches: Sequence[Search], proved: Mapping[str, int]
) -> dict[str, tuple[int, bool]]:
    """For each bug the shortest length, and whether it is proved (else the shortest seen here)."""
    found: dict[str, tuple[int, bool]] = {}
    for bug in {search.bug for search in searches}:
        seen = [s.final_length for s in searches if s.bug == bug and s.final_length is not None]
        if bug in proved:
            found[bug] = (proved[bug], True)
        elif seen:
            found[bug] = (min(seen), False)
    return found


def findings(searches: Sequence[Search], shortest: Mapping[str, tuple[int, bool]]) -> list[Finding]:
    """One for each bug and engine, in the order of bugs and engines."""
    groups: dict[tuple[str, str], list[Search]] = {}
    for search in searches:
        groups.setdefault((search.bug, search.engine), []).append(search)
    keys = sorted(groups, key=lambda key: (key[0], ENGINES.index(key[1])))
    return [_finding(groups[key], shortest.get(key[0], (0, False))[0]) for key in keys]


def _finding(searches: Sequence[Search], shortest: int) -> Finding:
    found = [search for search in searches if search.found]
    shrinks = [] if searches[0].engine == RANDOM else found
    lengths = [s.final_length for s in found if s.final_length is not None]
    length = _median(lengths)
    return Finding(
        engine=searches[0].engine,
        bug=searches[0].bug,
        seeds=len(searches),
        found=len(found),
        sequences=statistics.median(s.sequences if s.found else s.cap for s in searches),
        steps=statistics.median(s.steps if s.found else s.cap * STEPS for s in searches),
        to_minimal=_median([s.to_minimal for s in shrinks if s.to_minimal is not None]),
        steps_to_minimal=_median(
            [s.steps_to_minimal for s in shrinks if s.steps_to_minimal is not None]
        ),
        length=length,
        ratio=None if length is None else length / shortest,
        worst=max(lengths) / shortest if lengths else None,
    )


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def better(peer: Finding, ours: Finding) -> list[str]:
    """In what the peer is better than we are on this bug."""
    words = ["finds it more often"] if peer.found > ours.found else []
    for name, word in BETTER.items():
        theirs, own = getattr(peer, name), getattr(ours, name)
        if theirs is not None and own is not None and theirs < own:
            words.append(word)
    return words


def table(found: Sequence[Finding], shortest: Mapping[str, tuple[int, bool]]) -> Table:
    """One row for each bug and engine; the last column says where a peer beats us."""
    shown = Table(
        *("bug", "engine", "found", "sequences", "steps", "runs to\nminimal", "steps to\nminimal"),
        *("final\nlength", "/ shortest\n(worst)", "better than ours in"),
    )
    ours = {one.bug: one for one in found if one.engine == OURS}
    for position, one in enumerate(found):
        is_new = position == 0 or one.bug != found[position - 1].bug
        is_second = not is_new and (position < 2 or one.bug != found[position - 2].bug)
        if is_new:
            shown.add_section()
        base = ours.get(one.bug)
        label = one.bug if is_new else _yardstick(one.bug, shortest) if is_second else ""
        words = better(one, base) if base and one.engine != OURS else []
        shown.add_row(
            label,
            one.engine,
            f"{one.found}/{one.seeds}",
            _number(one.sequences),
            _number(one.steps),
            _number(one.to_minimal),
            _number(one.steps_to_minimal),
            _number(one.length),
            "-" if one.ratio is None else f"{one.ratio:.2f} ({one.worst:.2f})",
            ", ".join(words),
        )
    return shown


def _yardstick(bug: str, shortest: Mapping[str, tuple[int, bool]]) -> str:
    length, proved = shortest.get(bug, (0, False))
    return f"  {'proved shortest' if proved else 'shortest seen'}: {length or 'none'}"


def surprises(
    searches: Sequence[Search], shortest: Mapping[str, tuple[int, bool]]
) -> Iterator[str]:
    """Searches that ended with less than what is proved shortest: the scopes differ, or a proof is
    wrong."""
    for one in searches:
        length, proved = shortest.get(one.bug, (0, False))
        if proved and one.final_length is not None and one.final_length < length:
            yield (
                f"{one.bug}, seed {one.seed}, {one.engine}: {one.final_length} steps, though "
                f"{length} were proved shortest (from another start?)"
            )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def summary(found: Sequence[Finding]) -> Iterator[str]:
    """What it comes to over all bugs, against the figures that we want to reach."""
    by_key = {(one.bug, one.engine): one for one in found}
    bugs = sorted({one.bug for one in found})
    own = [by_key[bug, OURS] for bug in bugs if (bug, OURS) in by_key]
    for engine in ENGINES:
        pairs = [(one, by_key[one.bug, engine]) for one in own if (one.bug, engine) in by_key]
        if engine == OURS or not pairs:
            continue
        sequences, steps = (_ratio(pairs, what) for what in ("sequences", "steps"))
        yield f"to first failure, ours / {engine}, median over bugs: {sequences}, {steps}"
        for what, word in (("to_minimal", "runs to minimal"), ("length", "final length")):
            yield from _compared(pairs, engine, what, word)
    minimal = _median([one.to_minimal for one in own if one.to_minimal is not None])
    if minimal is not None:
        yield f"ours, runs to minimal, median over bugs: {_number(minimal)} (wanted: at most 40)"


def _ratio(pairs: Iterable[tuple[Finding, Finding]], what: str) -> str:
    ratios = [getattr(own, what) / max(1.0, getattr(peer, what)) for own, peer in pairs]
    return f"{statistics.median(ratios):.2f} in {what}"


def _compared(
    pairs: Sequence[tuple[Finding, Finding]], engine: str, what: str, word: str
) -> Iterator[str]:
    values = [(getattr(own, what), getattr(peer, what)) for own, peer in pairs]
    both = [(a, b) for a, b in values if a is not None and b is not None]
    if both:
        less, more = sum(a < b for a, b in both), sum(a > b for a, b in both)
        yield f"  {word}: ours less on {less}, {engine} less on {more}, of {len(both)} bugs"
