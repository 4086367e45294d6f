"""How verbs read their arguments: argparse, with one sentence where it says a paragraph."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn, Protocol

from syncmodel.cli.edge import put, tell
from syncmodel.cli.options import Option
from syncmodel.errors import printable_line

PACKAGE = "syncmodel"

Run = Callable[[argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """A parser whose error is one sentence on stderr, with exit code 2."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where help is."""
        tell(f"{self.prog}: {printable_line(message)} (see `{self.prog} --help`)")
        sys.exit(2)

    def _print_message(self, message: str, file: object = None) -> None:
        """Print a help: where there is no room for it, the edge of the process says so."""
        put(message)

    def unknown(self, words: Sequence[str]) -> NoReturn:
        """Say which words are no arguments, and what may have been meant."""
        options = [option for action in self._actions for option in action.option_strings]
        meant = get_close_matches(words[0].partition("=")[0], options, n=1)
        hint = f"; do you mean {meant[0]}?" if meant else ""
        self.error(f"unrecognized arguments: {' '.join(words)}{hint}")


class Version(argparse.Action):
    """Says which version is installed, and ends. Looked up only when it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:  # noqa: A002
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from importlib.metadata import PackageNotFoundError, version

        try:
            found = version(PACKAGE)
        except PackageNotFoundError:
            found = "of a folder: it is not installed"
        put(f"{parser.prog} {found}\n")
        parser.exit()


def plain(prog: str, about: str, epilog: str) -> dict[str, Any]:
    """The arguments that every parser here is made with."""
    return {
        "prog": prog,
        "description": about,
        "epilog": epilog,
        "allow_abbrev": False,
        "formatter_class": argparse.RawDescriptionHelpFormatter,
    }


class Verb(Protocol):
    """A file of this package that is a verb."""

    NAME: str
    HELP: str
    EXAMPLES: str

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what the verb takes."""

    def run(self, args: argparse.Namespace) -> int:
        """Run the verb; return the exit code. Raises `SyncModelError` if it can't go on."""


def add_options(parser: argparse.ArgumentParser, options: Iterable[Option]) -> None:
    """Let the parser know these options."""
    for option in options:
        parser.add_argument(option.flag, **option.told)
