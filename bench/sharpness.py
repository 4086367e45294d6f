"""How sharp is the model? Random histories, and an exact oracle that says which are possible.

    python bench/sharpness.py [--histories 200000] [--first 0] [--guarantees wallclock]
                              [--also members] [--show 3]
    python bench/sharpness.py --every [--histories 200000] [--minutes 60]

Prints false alarms (there must be none: exit code 1), what the model missed, by what was changed,
and the rates. `--show` prints so many of the misses, shortened. `--every` shares the histories
among all guarantees, each as it is and with each of what else may be done, a few at a time, and has
a line for each. A history is small: see tests/unit/model/histories.py, and for the guarantees
tests/unit/model/test_oracle.py.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from attrs import define, field, frozen

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS / "support"), str(TESTS / "unit" / "model")]

from histories import SCHEMA, History, judged, random_history, shorter  # noqa: E402
from test_oracle import OTHERS, WIDE  # noqa: E402
from test_oracle_told import ALL, OFTEN  # noqa: E402

from syncmodel.model.guarantees import Guarantees  # noqa: E402
from syncmodel.model.schema import Schema  # noqa: E402

ALSO = ("", *OFTEN)
#: How many histories of one kind are judged before it is the next one's turn.
TURN = 20
#: The same, of the contract's own guarantees.
LONG_TURN = 200


@frozen
class Kind:
    """What histories are of: guarantees by name ("" for the contract's), and what else is done."""

    name: str
    also: str

    @property
    def promised(self) -> tuple[Schema, Guarantees]:
        """The schema, and the guarantees."""
        if self.name in OTHERS:
            return SCHEMA, OTHERS[self.name]
        return WIDE.get(self.name, (SCHEMA, Guarantees()))

    def __str__(self) -> str:
        return " and ".join(filter(None, (self.name or "the contract", self.also)))


@define
class Tally:
    """What came of the histories of one kind."""

    kind: Kind
    most: int
    show: int
    seed: int
    happened: Counter[str] = field(factory=Counter)
    missed: list[int] = field(factory=list)

    def judge(self, histories: int) -> None:
        """So many histories more."""
        for _ in range(histories):
            self._judge()
            self.seed += 1

    def _judge(self) -> None:
        schema, guarantees = self.kind.promised
        happened, seed = self.happened, self.seed
        history = random_history(seed, guarantees, happened, schema, also=self.kind.also)
        verdict = judged(history, self.most)
        if verdict is None:
            happened["undecided"] += 1
            return
        happened["impossible"] += verdict.oracle is not None
        happened["seen late"] += verdict.late
        happened["no world for a correct system"] += (
            verdict.oracle is not None and not history.changed
        )
        if verdict.false_alarm:
            happened["false alarms"] += 1
            print(f"{self.kind}: seed {seed} alarmed falsely: {verdict.why}\n{history}\n")
        if verdict.miss:
            happened["missed"] += 1
            happened[f"missed {history.changed.split(': ')[1]}"] += 1
            self.missed.append(seed)
            print(f"{self.kind}: seed {seed} was missed", flush=True)
            if happened["missed"] <= self.show:
                print(f"{shorter(history, missed)}\n")

    def __str__(self) -> str:
        told, rate = self.happened, self.happened["missed"] / max(1, self.happened["impossible"])
        seeds = f", seeds {' '.join(map(str, self.missed))}" if self.missed else ""
        return (
            f"{self.kind!s:36} {told['histories']:7} histories, {told['impossible']:6} impossible, "
            f"{told['undecided']:5} undecided, {told['false alarms']} false alarms, "
            f"{told['missed']} missed ({rate:.2%}){seeds}"
        )


def missed(history: History) -> bool:
    """Whether the model accepts what no world explains."""
    verdict = judged(history)
    return verdict is not None and verdict.miss


def every(given: argparse.Namespace) -> list[Tally]:
    """All kinds in turn; half of the histories are of the contract's own guarantees."""
    kinds = [Kind("", also) for also in ALSO]
    kinds += [Kind(name, also) for also in ("", *OFTEN) for name in ALL]
    kinds.append(Kind("quorum", ""))
    # Where no write beats what it was made knowing there are many orders: few worlds are enough.
    tallies = [Tally(kind, 1_000 if kind.name else given.most, 0, given.first) for kind in kinds]
    left, began = given.histories, time.monotonic()
    for turn in count(1):
        for tally in tallies:
            share = min(left, TURN if tally.kind.name else LONG_TURN)
            tally.judge(share)
            left -= share
            if not left or time.monotonic() - began > given.minutes * 60:
                return tallies
        print(f"after turn {turn}: {total(tallies)}", flush=True)
    raise AssertionError


def total(tallies: Sequence[Tally]) -> str:
    """The sum, in one line."""
    told = sum((tally.happened for tally in tallies), Counter[str]())
    return (
        f"{told['histories']} histories, {told['impossible']} impossible, {told['undecided']} "
        f"undecided, {told['false alarms']} false alarms, {told['missed']} missed"
    )


def main() -> int:
    """Judge histories and print what came of them."""
    parser = argparse.ArgumentParser(description="How sharp is the model?")
    parser.add_argument("--histories", type=int, default=200_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument(
        "--guarantees", choices=sorted({*OTHERS, *WIDE}), help="default: the contract's"
    )
    parser.add_argument("--also", choices=ALSO, default="", help="what else is done")
    parser.add_argument("--every", action="store_true", help="all guarantees, and all else")
    parser.add_argument(
        "--minutes", type=float, default=6000, help="the longest that --every takes"
    )
    parser.add_argument("--most", type=int, default=20_000, help="how many worlds are looked at")
    parser.add_argument("--show", type=int, default=0, help="how many misses to print")
    given = parser.parse_args()
    began = time.process_time()
    if given.every:
        tallies = every(given)
        print(*tallies, sep="\n")
    else:
        kind = Kind(given.guarantees or "", given.also)
        tallies = [Tally(kind, given.most, given.show, given.first)]
        tallies[0].judge(given.histories)
        happened = tallies[0].happened
        for name, number in sorted(happened.items()):
            print(f"{name:32} {number:8} {number / happened['histories']:8.2%}")
        rate = happened["missed"] / max(1, happened["impossible"])
        print(f"missed of the impossible {rate:.2%}")
    print(f"{total(tallies)}; {time.process_time() - began:.0f} s of processor time")
    wrong = ("false alarms", "no world for a correct system")
    return 1 if any(tally.happened[name] for tally in tallies for name in wrong) else 0


if __name__ == "__main__":
    sys.exit(main())
