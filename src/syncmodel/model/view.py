"""What was seen of one node, in the model's own words."""

from __future__ import annotations

from syncmodel.model.values import Case, Event
from syncmodel.record import Record


class View(Record, cache_hash=True):
    """The rows that a node with the plugin shows in one consistent read, in the order shown.

    `(name, value)` pairs; a row that shows twice is there twice. Names have lost the run's prefix.
    Where a node without the plugin answers 404 instead, there is no view (None).
    """

    cases: tuple[tuple[str, Case], ...] = ()
    events: tuple[tuple[str, Event], ...] = ()


class ControlView(Record):
    """What a node says of itself: generations, plugin, health.

    `links` are the selected and the running generation as the machine's links have them;
    `selected` and `running` are what the admin surface says. `plugin` is the version that the
    plugin API reports, `tables` the plugin's tables.
    """

    selected: int
    running: int
    links: tuple[int, int]
    plugin: int | None
    tables: tuple[str, ...]
    healthy: bool
    problems: tuple[str, ...] = ()
