"""What was seen of one node in one consistent read, in the model's own words."""

from __future__ import annotations

from attrs import frozen

from syncmodel.model.values import Case, Event


@frozen
class View:
    """The rows that a node with the plugin shows, as `(name, value)` pairs in the order shown.

    A row that shows twice is there twice. Names have lost the run's prefix.
    """

    cases: tuple[tuple[str, Case], ...] = ()
    events: tuple[tuple[str, Event], ...] = ()


#: What a node without the plugin answers instead of rows.
NO_PLUGIN = None
