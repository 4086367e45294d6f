"""What rented machines are for: one verb, with their inventory, in a process of its own.

The verb is looked at before anything is rented. Not here: renting and giving back (`machines`).
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from syncmodel.errors import UsageError
from syncmodel.safe_path import COMMAND

#: An interrupt at a terminal reaches the verb too, and it ends and saves what it has within two
#: seconds of its own time; one that was sent to us alone is passed on after so long.
HEARD_S = 4.0
#: How long it may take then.
ENDS_S = 15.0


def check(words: Sequence[str]) -> None:
    """Raise `UsageError` for what is no verb that takes an inventory, or not as that verb reads
    it."""
    from syncmodel.cli import parser
    from syncmodel.cli.completion import parsers

    whole = parser()
    some = {
        name: one
        for name, one in parsers(whole).items()
        if any("--inventory" in action.option_strings for action in one._actions)
    }
    if not words or words[0] not in some:
        known = ", ".join(some)
        if not words:
            raise UsageError(f"--then needs a verb: {known}.")
        raise UsageError(f"--then takes one of {known}, and its arguments, not {words[0]}.")
    if any(word.partition("=")[0] == "--inventory" for word in words):
        raise UsageError("--then: the inventory is that of the machines; leave --inventory out.")
    one = some[words[0]]
    one.error = _refuse  # type: ignore[method-assign]
    if {"-h", "--help"} & set(words):
        raise UsageError(f"--then: for help, say syncmodel {words[0]} --help.")
    args, unknown = whole.parse_known_args([*words, "--inventory", "hosts.toml"])
    if unknown:
        args.parser.unknown(unknown)
    if words[0] == "scenario":
        from syncmodel.cli.scenario import found

        found(args)


def _refuse(message: str) -> NoReturn:
    raise UsageError(f"--then: {message if message.endswith('?') else f'{message}.'}")


def perform(words: Sequence[str], inventory: Path, interrupted: Callable[[], object]) -> int:
    """The exit code of the verb. At an interrupt `interrupted` is called, and the verb has a
    bounded time to end; the interrupt is raised again, and no process is left."""
    command = [*COMMAND, "-m", "syncmodel", *words, "--inventory", str(inventory)]
    verb = subprocess.Popen(command)
    try:
        return verb.wait()
    except BaseException:
        interrupted()
        try:
            _ended(verb)
        finally:
            verb.kill()
            verb.wait()
        raise


def _ended(verb: subprocess.Popen[bytes]) -> None:
    with suppress(subprocess.TimeoutExpired):
        verb.wait(HEARD_S)
        return
    verb.terminate()
    with suppress(subprocess.TimeoutExpired):
        verb.wait(ENDS_S)
