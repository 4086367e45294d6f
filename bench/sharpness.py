"""How sharp is the model? Random histories, and an exact oracle that says which are possible.

    python bench/sharpness.py [--histories 200000] [--first 0] [--guarantees wallclock]
                              [--also members] [--show 3]

Prints false alarms (there must be none: exit code 1), what the model missed, by what was changed,
and the rates. `--show` prints so many of the misses, shortened. A history is small: see
tests/unit/model/histories.py, and for the guarantees tests/unit/model/test_oracle.py.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS / "support"), str(TESTS / "unit" / "model")]

from histories import SCHEMA, History, judged, random_history, shorter  # noqa: E402
from test_oracle import OTHERS, WIDE  # noqa: E402

from syncmodel.model.guarantees import Guarantees  # noqa: E402


def missed(history: History) -> bool:
    """Whether the model accepts what no world explains."""
    verdict = judged(history)
    return verdict is not None and verdict.miss


def main() -> int:
    """Judge histories and print what came of them."""
    parser = argparse.ArgumentParser(description="How sharp is the model?")
    parser.add_argument("--histories", type=int, default=200_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument(
        "--guarantees", choices=sorted({*OTHERS, *WIDE}), help="default: the contract's"
    )
    parser.add_argument(
        "--also", choices=("members", "restores"), default="", help="what else is done"
    )
    parser.add_argument("--most", type=int, default=20_000, help="how many worlds are looked at")
    parser.add_argument("--show", type=int, default=0, help="how many misses to print")
    given = parser.parse_args()
    schema, guarantees = WIDE.get(given.guarantees or "", (SCHEMA, Guarantees()))
    guarantees = OTHERS.get(given.guarantees or "", guarantees)
    happened, began = Counter[str](), time.process_time()
    for seed in range(given.first, given.first + given.histories):
        history = random_history(seed, guarantees, happened, schema, also=given.also)
        verdict = judged(history, given.most)
        if verdict is None:
            happened["undecided"] += 1
            continue
        happened["impossible"] += verdict.oracle is not None
        happened["seen late"] += verdict.late
        happened["no world for a correct system"] += (
            verdict.oracle is not None and not history.changed
        )
        if verdict.false_alarm:
            happened["false alarms"] += 1
            print(f"seed {seed} alarmed falsely: {verdict.why}\n{history}\n")
        if verdict.miss:
            happened["missed"] += 1
            happened[f"missed {history.changed.split(': ')[1]}"] += 1
            if happened["missed"] <= given.show:
                print(f"seed {seed} was missed:\n{shorter(history, missed)}\n")
    for name, count in sorted(happened.items()):
        print(f"{name:32} {count:8} {count / happened['histories']:8.2%}")
    rate = happened["missed"] / max(1, happened["impossible"])
    seconds = time.process_time() - began
    print(f"missed of the impossible {rate:.2%}; {seconds:.0f} s of processor time")
    return 1 if happened["false alarms"] or happened["no world for a correct system"] else 0


if __name__ == "__main__":
    sys.exit(main())
