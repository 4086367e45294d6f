"""One fork server for all embedded clusters of a process, which is most of what a first boot costs.

A suite alternates between clusters with one planted bug or another: each has its own machines, and
they are all forked by the same process.
"""

from __future__ import annotations

from syncmodel.reference.machines.local import LocalMachines

_users: dict[LocalMachines, int] = {}


def borrow(kind: type[LocalMachines] = LocalMachines) -> LocalMachines:
    """What makes clusters of that kind, for one user more, who gives it back.

    A fork of this process, and one whose fork server died, get a new one.
    """
    lent = next((one for one in _users if type(one) is kind and one.usable), None) or kind()
    _users[lent] = _users.get(lent, 0) + 1
    return lent


def give_back(machines: LocalMachines) -> None:
    """One user less; the last one ends every process and removes the folder."""
    _users[machines] -= 1
    if not _users[machines]:
        del _users[machines]
        machines.close()
