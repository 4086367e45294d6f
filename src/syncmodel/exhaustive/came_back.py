"""What a node lost with its disk, and has again from others: what searches of restores must see."""

from __future__ import annotations

from syncmodel.exhaustive.limits import Limits
from syncmodel.model.backups import NOTHING
from syncmodel.model.belief import Belief

#: The name of the property, the same at each grain.
CAME_BACK = "a node has again what it wrote after its backup and lost"


def may_come_back(limits: Limits) -> bool:
    """Whether that can happen within these limits."""
    back = limits.backups and limits.restores
    return bool(back and limits.nodes > 1 and limits.writes)


def came_back(belief: Belief) -> bool:
    """Whether a node knows again what it wrote, lost with its disk, and has no copy of."""
    for row in belief.rows.values():
        for version in row.gone:
            author = row.versions[version].node
            copied = row.saved.get(author, NOTHING).may
            if version not in copied and version in row.known_by(author):
                return True
    return False
