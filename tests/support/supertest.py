"""The reference schema in few words: steps on cases and events, nets, values."""

from __future__ import annotations

from syncmodel.model import net
from syncmodel.model.net import Net
from syncmodel.model.values import Row, Value
from syncmodel.steps import Add, Create, Delete, Set
from syncmodel.targets.wire import SUPERTEST


def fully_connected(count: int, generation: int = 2) -> Net:
    """So many nodes, all with the plugin, every link whole."""
    return net.fully_connected(SUPERTEST, count, generation)


def create_case(node: str, case: str, title: str) -> Create:
    """A case is created with this title."""
    return Create(node, "cases", case, (("title", title),))


def update_case(node: str, case: str, title: str) -> Set:
    """A case gets another title."""
    return Set(node, "cases", case, "title", title)


def increment_case(node: str, case: str, by: int) -> Add:
    """A case's counter grows."""
    return Add(node, "cases", case, "counter", by)


def delete_case(node: str, case: str) -> Delete:
    """A case is deleted."""
    return Delete(node, "cases", case)


def create_event(node: str, event: str, case: str, body: str) -> Create:
    """An event of a case is created with this body."""
    return Create(node, "events", event, (("case", case), ("body", body)))


def delete_event(node: str, event: str) -> Delete:
    """An event is deleted."""
    return Delete(node, "events", event)


def case_row(name: str) -> Row:
    """A row of cases."""
    return Row("cases", name)


def case(title: str, counter: int = 0) -> Value:
    """What version 1 shows of a case."""
    return Value((("title", title), ("counter", counter)))


def event(case: str, body: str) -> Value:
    """What a node shows of an event."""
    return Value((("case", case), ("body", body)))
