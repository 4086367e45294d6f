"""`syncmodel completion`: what a shell needs to complete verbs, options and names."""

from __future__ import annotations

import argparse

from syncmodel.cli.edge import put
from syncmodel.errors import UsageError

NAME = "completion"
HELP = "print what makes a shell complete verbs, options, files, bugs and targets"
EXAMPLES = """\
  syncmodel completion bash > ~/.local/share/bash-completion/completions/syncmodel
  syncmodel completion zsh > ~/.zfunc/_syncmodel          with fpath+=~/.zfunc before compinit
  syncmodel completion fish > ~/.config/fish/completions/syncmodel.fish
"""

SHELLS = ("bash", "zsh", "fish", "tcsh")
#: By what an option takes: which of shtab's completions.
FILES = {"FILE": "FILE", "DIR": "DIRECTORY"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """The shell."""
    parser.add_argument("shell", choices=SHELLS, help="the shell that is to complete")


def run(args: argparse.Namespace) -> int:
    """Print it."""
    from syncmodel.cli import parser

    try:
        import shtab
    except ImportError:
        raise UsageError(
            "Completion is written by shtab, which is not installed: pip install "
            "'syncmodel[terminal]'."
        ) from None
    whole = parser()
    for each in parsers(whole).values():
        for action in each._actions:
            _say_what_fits(action, shtab)
    put(f"{shtab.complete(whole, args.shell)}\n")
    return 0


def parsers(whole: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parser of each verb, by its name."""
    subparsers = (a for a in whole._actions if isinstance(a, argparse._SubParsersAction))
    return dict(next(subparsers).choices)


def _say_what_fits(action: argparse.Action, shtab: object) -> None:
    """Which words may stand there, or that it is a file."""
    from syncmodel.reference.node.bugs import all_bugs
    from syncmodel.targets import registry

    if action.dest == "bug":
        action.choices = [bug.name for bug in all_bugs()]
    elif action.dest == "target":
        action.choices = list(registry.names())
    elif (kind := FILES.get(str(action.metavar))) is not None:
        action.complete = getattr(shtab, kind)  # type: ignore[attr-defined]
