"""The simulator behind a pipe: one JSON request a line on stdin, one JSON answer a line on stdout.

    python bench/peers/pipe.py [--bug NAME] [--seed N]

{"op": "begin"}                       a fresh run, three nodes on the plugin
{"op": "step", "step": {"op": ...}, "hurry": false}   a step in its JSON form; whether to wait
{"op": "end"}                         what is still not waited for is performed, and the run is over
{"op": "report"}                      {"runs": [{"steps", "failed", "divergence"}, ...]}

All but the last answer {"verdict": null while nothing decided the run, else its name, "reason"}.
A request that can't be read is answered {"error": text}, and nothing has happened.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

# Run as a file, Python looks for our neighbours in this folder: it is the one above that has them.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from peers.naive import NaiveRun, cluster
from peers.recorder import Recorder
from syncmodel.errors import SyncModelError
from syncmodel.model.divergence import DivergenceFound
from syncmodel.steps import load
from syncmodel.targets.base import Target


class Server:
    """One conversation, about one run at a time."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._recorder = Recorder()
        self._run: NaiveRun | None = None

    def answer(self, line: str) -> dict[str, Any]:
        """The answer to one line."""
        try:
            return self._answer(json.loads(line))
        except DivergenceFound as found:
            self._run = None
            return {"verdict": "diverged", "reason": str(found)}
        except (ValueError, KeyError, TypeError, SyncModelError) as error:
            return {"error": f"{type(error).__name__}: {error}"}

    def _answer(self, asked: Any) -> dict[str, Any]:
        match asked["op"]:
            case "begin":
                self._run = NaiveRun(self._target, self._recorder)
            case "report":
                return {"runs": [attrs.asdict(run) for run in self._recorder.runs]}
            case "step" if self._run is not None:
                self._run.take(load(asked["step"]), hurry=bool(asked.get("hurry")))
            case "end" if self._run is not None:
                over = self._run.finish()
                self._run = None
                return {"verdict": over.verdict.value, "reason": over.reason}
            case other:
                raise ValueError(f"{other!r} can't be asked here")
        return {"verdict": None, "reason": ""}


def answers(lines: Iterator[str], target: Target) -> Iterator[str]:
    """The answers to these lines, each a line."""
    server = Server(target)
    return (json.dumps(server.answer(line)) for line in lines)


def main(argv: list[str]) -> int:
    """Answer until stdin ends."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--bug", help="a planted bug, by name")
    parser.add_argument("--seed", type=int, default=0, help="of the simulated network")
    options = parser.parse_args(argv)
    for answer in answers(iter(sys.stdin.readline, ""), cluster(options.bug, options.seed)):
        print(answer, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
