"""Who sent each message of a simulated run, and when: what the picture of a run draws."""

from collections import defaultdict

import pytest

from syncmodel.engine.drive import Straight
from syncmodel.engine.findings import Settings
from syncmodel.engine.following import Following
from syncmodel.engine.history import Entry, Performed, all_of
from syncmodel.machine.search import searched
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps.scope import Scope
from syncmodel.targets.inside import Carried, Moment


def followed(seed: int, nodes: int = 3) -> list[Moment]:
    """All that happened in a drawn run on that network."""
    target = SimulatedCluster(nodes)
    target.on_network(seed or None)
    follows = Following(target)
    # Of what is done to several nodes, one after the other, only the first is noted.
    scope = Scope.of(target.schema, {"create", "set", "delete", "cut", "heal", "crash", "restart"})
    settings = Settings(nodes=nodes, sequences=1, steps=30, seed=seed, scope=scope)
    searched(target, Straight(), settings, follows)
    return [one for step in sorted(follows.happened) for one in follows.happened[step]]


@pytest.mark.parametrize("seed", range(8))
def test_a_message_comes_after_it_was_sent_and_in_the_order_of_its_connection(seed: int) -> None:
    moments = followed(seed)
    assert [one.number for one in moments] == list(range(len(moments)))
    last: dict[object, int] = defaultdict(int)
    for one in moments:
        message = one.message
        if message is None:
            assert one.words.startswith(("asked: ", "the connection of "))
            continue
        dials = message.carried is Carried.CONNECTION
        assert message.sent == one.number if dials else message.sent < one.number
        way = (message.sender, message.receiver, message.carried is Carried.QUESTION)
        if not dials:
            assert last[way] <= message.sent
            last[way] = message.sent


@pytest.mark.parametrize("seed", range(8))
def test_what_sends_a_message_happens_where_it_is_sent_from(seed: int) -> None:
    """Something that comes there, or that is asked of a node or of the network."""
    moments = followed(seed)
    for one in moments:
        message = one.message
        if message is None or message.carried is Carried.CONNECTION:
            continue
        cause = moments[message.sent].message
        if cause is not None:
            assert message.sender in {cause.sender, cause.receiver}
        assert message.receiver in one.words
        assert message.sender in one.words


def test_following_a_run_changes_nothing() -> None:
    def history(*, follows: bool) -> list[Performed]:
        target, found = SimulatedCluster(3), list[Entry]()
        target.on_network(4)
        observe = all_of(found.append, Following(target)) if follows else found.append
        searched(target, Straight(), Settings(sequences=1, steps=20, seed=4), observe)
        return [entry for entry in found if isinstance(entry, Performed)]

    mine, plain = history(follows=True), history(follows=False)
    assert [(one.step, one.outcome) for one in mine] == [(one.step, one.outcome) for one in plain]
