"""`syncmodel man`: the manual page, made of the same parsers as `--help`.

In the man macros of groff_man(7). A library for this leaves out the examples of each verb, which
are what a reader looks for.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from syncmodel.cli.completion import parsers
from syncmodel.cli.edge import put
from syncmodel.cli.parsing import PACKAGE

NAME = "man"
HELP = "print the manual page"
EXAMPLES = """\
  syncmodel man | man -l -                                        read it
  syncmodel man > ~/.local/share/man/man1/syncmodel.1             then: man syncmodel
"""

#: The paragraphs below the options of a verb that are sections.
TITLES = ("examples", "exit codes")


def arguments(parser: argparse.ArgumentParser) -> None:
    """This verb takes no arguments."""


def run(args: argparse.Namespace) -> int:  # noqa: ARG001 (every verb is called alike)
    """Print it."""
    from syncmodel.cli import parser

    put("".join(f"{line}\n" for line in page(parser())))
    return 0


def page(whole: argparse.ArgumentParser) -> Iterator[str]:
    """The lines of the page."""
    yield f'.TH SYNCMODEL 1 "" "syncmodel {_version()}" "User Commands"'
    yield from (".SH NAME", f"syncmodel \\- {_escaped(_first(whole))}")
    yield from (".SH SYNOPSIS", ".B syncmodel", r".I VERB", "[option ...]")
    yield from (".SH DESCRIPTION", _escaped(" ".join((whole.description or "").split())))
    for name, parser in parsers(whole).items():
        yield from (f".SH SYNCMODEL {_escaped(name.upper())}",)
        yield from _verb(parser)
    yield from _epilog(whole, ".SH")


def _verb(parser: argparse.ArgumentParser) -> Iterator[str]:
    """What one verb does, takes, and is for."""
    yield _escaped(" ".join((parser.description or "").split()))
    for action in parser._actions:
        if action.help is not argparse.SUPPRESS and "-h" not in action.option_strings:
            yield from (".TP", _name(action), _escaped(_help(parser, action)))
    yield from _epilog(parser, ".SS")


def _name(action: argparse.Action) -> str:
    """The option with what it takes, or the argument, as a heading."""
    takes = "" if action.nargs == 0 else _takes(action)
    if not action.option_strings:
        return f"\\fI{_escaped(takes)}\\fR{' ...' if action.nargs == '+' else ''}"
    names = ", ".join(f"\\fB{_escaped(name)}\\fR" for name in action.option_strings)
    return f"{names} \\fI{_escaped(takes)}\\fR" if takes else names


def _takes(action: argparse.Action) -> str:
    if action.metavar is not None:
        return str(action.metavar)
    return "|".join(map(str, action.choices)) if action.choices else action.dest.upper()


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    """Its help with the default in it, as `--help` has it."""
    return " ".join(parser._get_formatter()._expand_help(action).split()) if action.help else ""


def _epilog(parser: argparse.ArgumentParser, heading: str) -> Iterator[str]:
    """Examples and exit codes, just as they stand; a paragraph that has a title is a section."""
    for paragraph in (parser.epilog or "").strip("\n").split("\n\n"):
        title, _, rest = paragraph.partition(":")
        titled = title in TITLES
        yield f"{heading} {title}" if titled else ".PP"
        # What follows the colon is the end of its line, or a space.
        lines = (rest[1:] if titled else paragraph).splitlines()
        yield from (".nf", *map(_escaped, lines), ".fi")


def _escaped(text: str) -> str:
    """The text as roff takes it: no line of it is a request, and hyphens can be copied."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{escaped}" if escaped[:1] in (".", "'") else escaped


def _first(whole: argparse.ArgumentParser) -> str:
    text = " ".join((whole.description or "").split())
    return text.partition(":")[0].partition(". ")[0].rstrip(".")


def _version() -> str:
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return ""
