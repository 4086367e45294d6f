"""The command line, one file per verb.

Exit codes: 0 fine, 1 divergence found, 2 usage, 3 no verdict (an invalid run, an unknown verdict,
the tester could not do its part), 4 not as a file (`replay --check`) or an
adapter (`selftest`) says, 130 Ctrl-C or a signal.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from syncmodel.cli import (
    admin,
    bugs,
    check,
    completion,
    doctor,
    explore,
    export,
    imports,
    init,
    judge,
    machine,
    machines,
    man,
    minimize,
    node,
    replay,
    report,
    scenario,
    selftest,
)
from syncmodel.cli.edge import guarded, open_streams
from syncmodel.cli.parsing import Parser, Verb, Version, plain

VERBS: tuple[Verb, ...] = (
    explore,
    check,
    replay,
    minimize,
    export,
    imports,
    report,
    judge,
    scenario,
    init,
    selftest,
    doctor,
    admin,
    node,
    machine,
    machines,
    bugs,
    completion,
    man,
)

DESCRIPTION = """\
Tests sync, partitions and rollback in clusters of replicated nodes: generates steps, performs them
on live nodes, and compares what every node shows with a model after each step."""

EPILOG = """\
exit codes: 0 fine, 1 divergence found, 2 usage, 3 nothing can be said (a run is invalid
or unknown), 4 not as a file (replay --check) or an adapter (selftest) says, 130 Ctrl-C
or a signal

examples:
  syncmodel explore                                   search for divergences on three live nodes
  syncmodel explore --bug tombstone-lost-on-resync    the same with a bug planted: it is found
  syncmodel replay found/*.json                       see again what was found
  syncmodel replay --step found/FILE.json             walk through it, step by step
  syncmodel explore --help                            more examples, for each verb"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb with these arguments (default: the process's) and give its exit code.

    Raises `SystemExit` for --help and for arguments that can't be read.
    """
    open_streams()
    args, unknown = parser().parse_known_args(argv)
    if unknown:
        args.parser.unknown(unknown)
    return guarded(f"syncmodel {args.verb}", partial(args.run, args), debug=args.debug)


def parser() -> Parser:
    """The parser of the command line, with one of each verb."""
    whole = Parser(**plain("syncmodel", DESCRIPTION, EPILOG))
    whole.add_argument("--version", action=Version, help="show the version and end")
    verbs = whole.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in VERBS:
        examples = f"examples:\n{verb.EXAMPLES.rstrip()}"
        about = f"{verb.HELP[0].upper()}{verb.HELP[1:]}."
        told = plain(f"syncmodel {verb.NAME}", about, examples)
        child = verbs.add_parser(verb.NAME, help=verb.HELP, **told)
        verb.arguments(child)
        child.add_argument("--debug", action="store_true", help="show an error's traceback")
        child.set_defaults(run=verb.run, parser=child)
    return whole
