"""The results of the searches: medians, one table, and where a peer beats us."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs
from rich.table import Table

from peers.recorder import Search
from syncmodel.exhaustive.shortest import known_lengths_by_key

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
    shrinks. `ratio` and `worst` are of `final length / shortest length with the same divergence`,
    the median and the greatest of all seeds. `further`: runs of the further search.
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
    further: float | None
    ratio: float | None
    worst: float | None


@attrs.frozen
class Yardstick:
    """By bug, and by what it fails with, the length of the shortest run that is known.

    What is stored next to the bugs: proved as far as docs/checking.md says, for networks that do
    nothing on their own. (A random one can do what else takes a step, so a search may end with
    less.) Where nothing is stored, the least that a search here ended with.
    """

    lengths: Mapping[str, Mapping[str, int]]

    @classmethod
    def of(cls, searches: Iterable[Search]) -> Yardstick:
        """What is stored, with what was seen in these searches."""
        stored = {bug: _named(by_key) for bug, by_key in known_lengths_by_key().items()}
        known = {bug: dict(by_key) for bug, by_key in stored.items()}
        for search in searches:
            length, name = search.final_length, search.final_divergence
            if length is not None and name not in stored.get(search.bug, {}):
                by_key = known.setdefault(search.bug, {})
                by_key[name] = min(length, by_key.get(name, length))
        return cls(known)

    def same(self, search: Search) -> int:
        """With the divergence that the search ended with."""
        return self.lengths[search.bug][search.final_divergence]

    def any(self, bug: str) -> int | None:
        """With any divergence; None if no engine ever found the bug."""
        return min(self.lengths.get(bug, {}).values(), default=None)


def _named(by_key: Mapping[tuple[str, str], int]) -> dict[str, int]:
    return {" ".join(key).strip(): length for key, length in by_key.items()}


def findings(searches: Sequence[Search], shortest: Yardstick) -> list[Finding]:
    """One for each bug and engine, in the order of bugs and engines."""
    groups: dict[tuple[str, str], list[Search]] = {}
    for search in searches:
        groups.setdefault((search.bug, search.engine), []).append(search)
    keys = sorted(groups, key=lambda key: (key[0], ENGINES.index(key[1])))
    return [_finding(groups[key], shortest) for key in keys]


def _finding(searches: Sequence[Search], shortest: Yardstick) -> Finding:
    found = [search for search in searches if search.found]
    shrinks = [] if searches[0].engine == RANDOM else found
    ended = [(s, s.final_length) for s in found if s.final_length is not None]
    ratios = [length / shortest.same(search) for search, length in ended]
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
        length=_median([length for _, length in ended]),
        further=_median([s.further for s, _ in ended]),
        ratio=_median(ratios),
        worst=max(ratios, default=None),
    )


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def better(peer: Finding, ours: Finding) -> list[str]:
    """Where the peer beats us on this bug."""
    words = ["finds it more often"] if peer.found > ours.found else []
    for name, word in BETTER.items():
        theirs, own = getattr(peer, name), getattr(ours, name)
        if theirs is not None and own is not None and theirs < own:
            words.append(word)
    return words


def table(found: Sequence[Finding], shortest: Yardstick) -> Table:
    """One row for each bug and engine; the last column says where a peer beats us."""
    shown = Table(
        *("bug", "engine", "found", "sequences", "steps", "runs to\nminimal", "steps to\nminimal"),
        *("further\nruns", "final\nlength", "/ shortest\n(worst)", "better than ours in"),
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
            _number(one.further or None),
            _number(one.length),
            "-" if one.ratio is None else f"{one.ratio:.2f} ({one.worst:.2f})",
            ", ".join(words),
        )
    return shown


def _yardstick(bug: str, shortest: Yardstick) -> str:
    return f"  shortest: {shortest.any(bug) or 'none'}"


def lengths(searches: Sequence[Search], shortest: Yardstick) -> Iterator[str]:
    """How often each engine ended as short as can be, and how far off it was at worst.

    Less than nothing: a random network did what else takes a step.
    """
    for engine in dict.fromkeys(search.engine for search in searches):
        ended = [s for s in searches if s.engine == engine and s.final_length is not None]
        if not ended or engine == RANDOM:
            continue
        same = [(s.bug, (s.final_length or 0) - shortest.same(s)) for s in ended]
        some = [(s.bug, (s.told or 0) - (shortest.any(s.bug) or 0)) for s in ended]
        yield f"{engine}, final length - shortest with the same divergence: {_spread(same)}"
        yield f"{engine}, shortest run reported - shortest at all: {_spread(some)}"


def _spread(more: Sequence[tuple[str, int]]) -> str:
    counts = Counter(steps for _, steps in more)
    shown = ", ".join(f"{steps} in {counts[steps]}" for steps in sorted(counts))
    by_bug: dict[str, list[bool]] = {}
    for bug, steps in more:
        by_bug.setdefault(bug, []).append(steps <= 0)
    nearly = sum(10 * sum(ends) >= 9 * len(ends) for ends in by_bug.values())
    always = f"0 or less in 9 of 10 for {nearly} of {len(by_bug)} bugs"
    return f"{shown} of {len(more)} searches; {always}"


def surprises(searches: Sequence[Search]) -> Iterator[str]:
    """Searches that ended with less than what is stored: the scopes differ (a random network can
    do what else takes a step), or a proof is wrong."""
    stored = Yardstick.of(())
    for one in searches:
        length = stored.lengths.get(one.bug, {}).get(one.final_divergence)
        if length is not None and one.final_length is not None and one.final_length < length:
            yield (
                f"{one.bug}, seed {one.seed}, {one.engine}: {one.final_divergence} in "
                f"{one.final_length} steps, and {length} are stored as the shortest"
            )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def summary(found: Sequence[Finding]) -> Iterator[str]:
    """The totals over all bugs, against the figures that we aim for."""
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
