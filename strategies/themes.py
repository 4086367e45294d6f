"""What a sequence is about: each has a theme, which says how often its kinds of steps are drawn.

One mixture of everything has too little of anything: a deployment now and then drops the long logs
that a mistake needs, and few requests meet on one row. A machine's class names a theme for all of
its sequences, or leaves it to each to draw one.
"""

from __future__ import annotations

from random import Random
from typing import Any

from attrs import field, frozen
from hypothesis import strategies as st

from syncmodel.errors import UsageError
from syncmodel.strategies.inside import Picked
from syncmodel.strategies.weights import Weights


@frozen
class Theme:
    """A name, and the weights that differ from those of the table.

    A kind of weight 0 comes only where nothing else is possible. `often`: one in how many
    sequences has it; 0 for the one that all others have.
    """

    name: str
    often: int = field(repr=False)
    weights: Weights = field(default=(), repr=False)


MIXTURE = Theme("mixture", 0)
#: Links are cut and mended, and rows written: nothing stops, and no log is lost.
NETWORK = Theme(
    "network",
    6,
    (
        ("backup", 0),
        ("clock", 0),
        ("crash", 0),
        ("cut", 7),
        ("disable", 0),
        ("faulty_rollback", 0),
        ("faulty_rollout", 0),
        ("heal", 3),
        ("mend", 4),
        ("partition", 9),
        ("pause", 0),
        ("reboot", 0),
        ("restart", 0),
        ("restore", 0),
        ("resume", 0),
        ("rollback", 0),
        ("spoil", 0),
        ("rollout", 0),
        ("select", 0),
        ("uninstall", 0),
    ),
)
#: Many rows, and nothing that drops the log that they are in.
LONG_LOGS = Theme(
    "long logs",
    30,
    (
        ("disable", 0),
        ("backup", 0),
        ("faulty_rollback", 0),
        ("faulty_rollout", 0),
        ("fill", 1),
        ("heal", 3),
        ("restart", 3),
        ("restore", 0),
        ("rollback", 0),
        ("spoil", 0),
        ("rollout", 0),
        ("select", 0),
        ("uninstall", 0),
    ),
)
#: Nodes come and go between generations all the time.
DEPLOYMENTS = Theme(
    "deployments",
    9,
    (
        ("disable", 3),
        ("faulty_rollback", 4),
        ("faulty_rollout", 4),
        ("misuse", 6),
        ("reboot", 2),
        ("restart", 4),
        ("rollback", 6),
        ("rollout", 3),
        ("select", 3),
        ("uninstall", 2),
    ),
)
#: Requests of several clients meet on one row.
CLIENTS = Theme(
    "clients",
    7,
    (
        ("add", 14),
        ("backup", 0),
        ("concurrently", 16),
        ("disable", 0),
        ("faulty_rollback", 0),
        ("faulty_rollout", 0),
        ("restore", 0),
        ("rollback", 0),
        ("spoil", 0),
        ("rollout", 0),
        ("select", 0),
        ("set", 12),
        ("uninstall", 0),
    ),
)
#: Nodes stand still for a while, and requests meet them so; clocks jump, and nodes restart; links
#: hang.
STALLS = Theme(
    "stalls",
    20,
    (
        ("add", 10),
        ("clock", 6),
        ("concurrently", 9),
        ("disable", 0),
        ("hang", 6),
        ("heal", 3),
        ("pause", 6),
        ("restart", 4),
        ("rollback", 0),
        ("spoil", 0),
        ("rollout", 0),
        ("select", 0),
        ("slow", 3),
        ("impair", 3),
        ("uninstall", 0),
    ),
)
#: Nodes leave, join and come back, while rows are written and links are cut.
MEMBERS = Theme(
    "members",
    18,
    (
        ("clock", 0),
        ("crash", 1),
        ("cut", 3),
        ("distrust", 6),
        ("faulty_rollback", 0),
        ("faulty_rollout", 0),
        ("heal", 3),
        ("join", 12),
        ("leave", 12),
        ("misuse", 3),
        ("partition", 3),
        ("pause", 3),
        ("reactivate", 8),
        ("restart", 4),
        ("rollout", 1),
        ("trust", 6),
    ),
)
#: Disks are copied, rows change, links are cut, and disks are put back as they were.
RESTORES = Theme(
    "restores",
    11,
    (
        ("add", 10),
        ("backup", 4),
        ("burst", 18),
        ("clock", 0),
        ("disable", 0),
        ("faulty_rollback", 0),
        ("faulty_rollout", 0),
        ("heal", 4),
        ("hang", 0),
        ("partition", 9),
        ("pause", 0),
        ("restore", 14),
        ("resume", 0),
        ("rollback", 0),
        ("spoil", 3),
        ("set", 16),
        ("slow", 0),
        ("impair", 0),
        ("uninstall", 0),
    ),
)
THEMES = {
    one.name: one
    for one in (MIXTURE, NETWORK, LONG_LOGS, DEPLOYMENTS, CLIENTS, STALLS, MEMBERS, RESTORES)
}


def theme(name: str) -> Theme:
    """The theme of that name. Raises `UsageError`, which lists the known ones."""
    found = THEMES.get(name)
    if found is None:
        raise UsageError(f"There is no theme {name!r}; there are: {', '.join(THEMES)}.")
    return found


def draw_theme(rng: Random) -> Theme:
    """The theme of one sequence."""
    at = rng.random()
    for one in THEMES.values():
        if one.often:
            at -= 1 / one.often
            if at < 0:
                return one
    return MIXTURE


class _AnyTheme(Picked[Theme]):
    def pick(self, machine: Any, rng: Random) -> Theme:
        return draw_theme(rng) if machine.theme is None else theme(machine.theme)

    def __repr__(self) -> str:
        return "any_theme()"


def any_theme() -> st.SearchStrategy[Theme]:
    """The theme of one sequence: that of the machine's class, if it has one."""
    return _AnyTheme()
