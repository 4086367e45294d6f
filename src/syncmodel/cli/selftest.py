"""`syncmodel selftest`: does an adapter do what a search will ask of it?"""

from __future__ import annotations

import argparse

from syncmodel.errors import printable_line

NAME = "selftest"
HELP = "try an adapter: each operation and refusal, rest, cuts, restarts"
EXAMPLES = """\
  syncmodel selftest notes_adapter:Notes      before the first search, and after each change

exit codes: 0 if everything works, 4 if something does not, 3 if it could not be tried
"""

#: The exit code where something does not work.
OTHERWISE_CODE = 4
NODES = 3


def arguments(parser: argparse.ArgumentParser) -> None:
    """The adapter."""
    parser.add_argument(
        "target", metavar="NAME", help="a target that is registered, or yours as module:Class"
    )


def run(args: argparse.Namespace) -> int:
    """Try one thing after the other; each is told as soon as it is known."""
    from syncmodel.adapter.selftest import selftest
    from syncmodel.engine.pool import Pool
    from syncmodel.report.terminal import say
    from syncmodel.targets import registry

    kind = registry.get(args.target)
    count = kind.nodes or NODES
    say(f"{kind.title}: {', '.join(kind.schema.by_name)}; {count} nodes.")
    failed = tried = 0
    with Pool(kind) as pool:
        for check in selftest(kind, pool.target(count), pool.driver):
            tried += 1
            failed += bool(check.trouble)
            say(f"{'not ok' if check.trouble else 'ok    '}  {check.title}")
            if check.trouble:
                say("\n".join(f"          {number}. {it}" for number, it in _numbered(check.steps)))
                say(f"        {printable_line(check.trouble)}")
                say(f"        Hint: {check.hint}.")
    if failed:
        say(f"{failed} of {tried} do not work: mend the adapter before you search.")
        return OTHERWISE_CODE
    say(f"All {tried} work. Now search: syncmodel explore --target {args.target}")
    return 0


def _numbered(steps: tuple[object, ...]) -> list[tuple[int, str]]:
    return [(number, printable_line(str(step))) for number, step in enumerate(steps, 1)]
