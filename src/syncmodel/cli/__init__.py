"""The command line, one file per verb.

Exit codes: 0 fine, 1 divergence found, 2 usage, 3 no verdict (an invalid run, an unknown verdict,
the tester could not do its part), 130 Ctrl-C.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

from syncmodel.cli import bugs, check, explore, minimize, node, replay
from syncmodel.cli.parsing import Parser, Verb, plain
from syncmodel.errors import InvalidRunError, SyncModelError, printable_line

VERBS: tuple[Verb, ...] = (explore, check, replay, minimize, node, bugs)
INTERRUPTED_CODE = 130

DESCRIPTION = """\
Tests sync, partitions and rollback in clusters of replicated nodes: generates steps, performs them
on live nodes, and compares what every node shows with a model after each step."""

EPILOG = """\
exit codes: 0 fine, 1 divergence found, 2 usage, 3 nothing can be said (a run is invalid
or unknown), 130 Ctrl-C

examples:
  syncmodel explore                                   search for divergences on three live nodes
  syncmodel explore --bug tombstone-lost-on-resync    the same with a bug planted: it is found
  syncmodel replay found/*.json                       see again what was found"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb with these arguments (default: the process's) and give its exit code.

    Raises `SystemExit` for --help and for arguments that can't be read.
    """
    args = _parser().parse_args(argv)
    # SIGTERM is handled like Ctrl-C, so that nothing is left behind either way.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        code: int = args.run(args)
        sys.stdout.flush()
    except SyncModelError as error:
        sys.stderr.write(f"syncmodel {args.verb}: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write(f"syncmodel {args.verb}: interrupted.\n")
        return INTERRUPTED_CODE
    except BrokenPipeError:
        # The reader of the results closed the pipe: say nothing more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        reason = printable_line(f"{error.strerror or error}{place}.")
        sys.stderr.write(f"syncmodel {args.verb}: {reason}\n")
        return InvalidRunError.exit_code
    return code


def _parser() -> Parser:
    parser = Parser(**plain("syncmodel", DESCRIPTION, EPILOG))
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in VERBS:
        examples = f"examples:\n{verb.EXAMPLES.rstrip()}"
        about = f"{verb.HELP[0].upper()}{verb.HELP[1:]}."
        told = plain(f"syncmodel {verb.NAME}", about, examples)
        child = verbs.add_parser(verb.NAME, help=verb.HELP, **told)
        verb.arguments(child)
        child.set_defaults(run=verb.run)
    return parser
