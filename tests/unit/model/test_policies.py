"""Merge policies and guarantees: where each is seen to be broken, and a near miss."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from attrs import frozen
from stories import (
    C1,
    CONFLICT,
    CREATED,
    DELETED,
    EMPTY,
    EVERYWHERE,
    HEALED,
    LOST,
    N1_RETITLES,
    N3_ALONE,
    N3_RETITLES,
    NET,
    OK,
    T2,
    T3,
    Moment,
    Sight,
    Story,
    both,
    check_near,
    check_raised,
    count,
    create,
    everywhere,
    retitle,
    rolled_back,
    row,
    sights,
    told,
)

from syncmodel.errors import UsageError
from syncmodel.model import policies as registry
from syncmodel.model.divergence import Kind
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import accepted, refused
from syncmodel.model.policies import Policy, policies, policy
from syncmodel.model.policies.causal_lww import CausalLww
from syncmodel.model.policies.multi_value import MultiValue
from syncmodel.model.schema import Schema
from syncmodel.model.values import Row, Value
from syncmodel.model.view import View
from syncmodel.steps import Cut, Partition, Refused, Set
from syncmodel.targets.wire import SUPERTEST

LEAVES = Guarantees(rows="multi-value")
FIELDS = Guarantees(by_field=True)
SUMS = Guarantees(by_field=True, sums=True)
UPSERTS = Guarantees(upserts=True)
SILENT = Guarantees(answers_rows=False)
QUORUM = Guarantees(quorum=True, rollback_keeps_log=True)
READERS = Guarantees(readers={"n2"})
#: n2 has version 2 of the plugin, all others have version 1.
MIXED = NET.deploy(("n2",), 3)
ONE_GENERATION = fully_connected(Schema(*SUPERTEST.tables), 3)


def normal(title: str, counter: int, severity: str = "normal") -> View:
    """The case as version 2 shows it."""
    cells = (("title", title), ("counter", counter), ("severity", severity))
    return View(((Row("cases", "c1"), Value(cells)),))


def versions(old: tuple[str, int], new: View) -> Sight:
    """What nodes of version 1 and the one of version 2 show."""
    return sights({"c1": old}, new, {"c1": old})


def full(title: str, counter: int, severity: str) -> Any:
    """An accepted write of a case by a node of version 2."""
    return accepted({"title": title, "counter": counter, "severity": severity})


SEVERE = (Set("n2", "cases", "c1", "severity", "t5"), full("t1", 0, "t5"))
T1_T5 = versions(("t1", 0), normal("t1", 0, "t5"))
STORIES = [
    Story(
        Kind.MISSING,
        "deleting the winner uncovers the next leaf",
        (*CONFLICT, everywhere(c1=T3), DELETED),
        everywhere(),
        everywhere(c1=T2),
        LEAVES,
    ),
    Story(
        Kind.RESURRECTED,
        "a leaf that was replaced is none",
        (*CONFLICT, everywhere(c1=T3), DELETED, everywhere(c1=T2), DELETED),
        everywhere(c1=T2),
        everywhere(),
        LEAVES,
    ),
    Story(
        Kind.FLIPPED,
        "one leaf wins for good",
        (*CONFLICT, everywhere(c1=T3)),
        everywhere(c1=T2),
        everywhere(c1=T3),
        LEAVES,
    ),
    Story(
        Kind.WRONGLY_REFUSED,
        "a leaf that is uncovered can be deleted",
        (*CONFLICT, everywhere(c1=T3), DELETED, everywhere(c1=T2)),
        (DELETED[0], refused("no_such_row")),
        DELETED,
        LEAVES,
    ),
    Story(
        Kind.STALE,
        "columns merge by themselves",
        (
            *EVERYWHERE,
            N3_ALONE,
            N1_RETITLES,
            (count("n3", "c1", 1), row("t1", 1)),
            HEALED,
        ),
        everywhere(c1=("t1", 1)),
        everywhere(c1=("t2", 1)),
        FIELDS,
    ),
    Story(
        Kind.STALE,
        "increments add up",
        (
            *EVERYWHERE,
            N3_ALONE,
            (count("n1", "c1", 1), row("t1", 1)),
            (count("n3", "c1", 2), row("t1", 2)),
            HEALED,
        ),
        everywhere(c1=("t1", 2)),
        everywhere(c1=("t1", 3)),
        SUMS,
    ),
    Story(
        Kind.STALE,
        "what is in a sum its node knows",
        (*EVERYWHERE, (count("n1", "c1", 1), LOST), everywhere(c1=("t1", 1))),
        everywhere(c1=("t1", 0)),
        everywhere(c1=("t1", 1)),
        SUMS,
    ),
    Story(
        Kind.LEAKED,
        "a sum has nothing from behind a cut",
        (*EVERYWHERE, N3_ALONE, (count("n1", "c1", 1), row("t1", 1))),
        everywhere(c1=("t1", 1)),
        sights({"c1": ("t1", 1)}, {"c1": ("t1", 1)}, C1),
        SUMS,
    ),
    Story(
        Kind.INVENTED,
        "a sum begins again with the row, or does not",
        (*EVERYWHERE, (count("n1", "c1", 1), row("t1", 1)), DELETED),
        (create("n1", "c1", "t2"), row("t2", 4)),
        (create("n1", "c1", "t2"), row("t2", 1)),
        SUMS,
    ),
    Story(
        Kind.STALE,
        "a create replaces",
        (*EVERYWHERE, (create("n2", "c1", "t2"), row("t2"))),
        everywhere(c1=("t1", 0)),
        everywhere(c1=T2),
        UPSERTS,
    ),
    Story(
        Kind.INVENTED,
        "what an unknown increment rests on is kept though its node lost it",
        (
            *EVERYWHERE,
            N3_ALONE,
            both((count("n1", "c1", 1), OK), rolled_back("n1")),
        ),
        sights(None, {"c1": ("t1", 2)}, C1),
        sights(None, {"c1": ("t1", 1)}, C1),
        SILENT,
    ),
    Story(
        Kind.WRONGLY_ACCEPTED,
        "a minority refuses",
        (*EVERYWHERE, N3_ALONE),
        N3_RETITLES,
        (N3_RETITLES[0], refused("no_quorum")),
        QUORUM,
    ),
    Story(
        Kind.WRONGLY_REFUSED,
        "most of the nodes do not",
        (*EVERYWHERE, N3_ALONE),
        (N1_RETITLES[0], refused("no_quorum")),
        N1_RETITLES,
        QUORUM,
    ),
    Story(
        Kind.WRONGLY_REFUSED,
        "while links change a node may be alone for a moment",
        (*EVERYWHERE, N3_ALONE),
        (N1_RETITLES[0], refused("no_quorum")),
        both((Partition((("n1", "n3"), ("n2",))), OK), (N1_RETITLES[0], refused("no_quorum"))),
        QUORUM,
    ),
    Story(
        Kind.STALE,
        "what is accepted follows what was accepted before",
        (
            *EVERYWHERE,
            N3_ALONE,
            (count("n1", "c1", 1), row("t1", 1)),
            (Partition((("n2", "n3"), ("n1",))), OK),
        ),
        (retitle("n3", "c1", "t3"), row("t3", 0)),
        (retitle("n3", "c1", "t3"), row("t3", 1)),
        QUORUM,
    ),
    Story(
        Kind.WRONGLY_ACCEPTED,
        "a reader refuses",
        EVERYWHERE,
        (Refused(retitle("n2", "c1", "t2"), "read_only"), OK),
        (Refused(retitle("n2", "c1", "t2"), "read_only"), refused("read_only")),
        READERS,
    ),
    Story(
        Kind.WRONGLY_REFUSED,
        "nobody else does",
        EVERYWHERE,
        (N1_RETITLES[0], refused("read_only")),
        N1_RETITLES,
        READERS,
    ),
    Story(
        Kind.INVENTED,
        "an older node keeps the column that it does not know",
        (CREATED, versions(("t1", 0), normal("t1", 0)), SEVERE, T1_T5, N1_RETITLES),
        versions(("t2", 0), normal("t2", 0)),
        versions(("t2", 0), normal("t2", 0, "t5")),
        net=MIXED,
    ),
    Story(
        Kind.INVENTED,
        "a row of an older node shows the default",
        (CREATED,),
        versions(("t1", 0), normal("t1", 0, "none")),
        versions(("t1", 0), normal("t1", 0)),
        net=MIXED,
    ),
    Story(
        Kind.CONTROL_PLANE,
        "each version shows its columns",
        (CREATED,),
        sights(C1, C1, C1),
        versions(("t1", 0), normal("t1", 0)),
        net=MIXED,
    ),
]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_raised(story: Story) -> None:
    check_raised(story)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_near_miss(story: Story) -> None:
    check_near(story)


AGAIN = (DELETED, sights(EMPTY, View(), EMPTY), (create("n1", "c1", "t6"), row("t6")))


@pytest.mark.parametrize(
    ("moments", "guarantees"),
    [
        pytest.param(
            (CREATED, SEVERE, T1_T5, *AGAIN, versions(("t6", 0), normal("t6", 0, severity))),
            FIELDS,
            id=f"an older node creates a row again: {severity}",
        )
        for severity in ("normal", "t5")
    ]
    + [
        pytest.param(
            (
                CREATED,
                SEVERE,
                T1_T5,
                (create("n1", "c1", "t6"), row("t6")),
                versions(("t6", 0), normal("t6", 0, severity)),
            ),
            UPSERTS,
            id=f"an older node replaces a row: {severity}",
        )
        for severity in ("normal", "t5")
    ]
    + [
        pytest.param(
            (
                (Cut("n1", "n3"), OK),
                CREATED,
                (count("n2", "c1", 1), row("t1", 1)),
                sights({"c1": ("t1", 1)}, {"c1": ("t1", 1)}, EMPTY),
                (create("n3", "c1", "t3"), row("t3", counted)),
            ),
            Guarantees(by_field=True, sums=True, passes_on=False),
            id=f"a create may take out what it knew: {counted}",
        )
        for counted in (0, 1)
    ],
)
def test_what_is_left_to_a_system(moments: tuple[Moment, ...], guarantees: Guarantees) -> None:
    net = NET if guarantees.sums else MIXED
    told(moments, guarantees, net)


# --- how a policy is had ------------------------------------------------------------------------


@frozen
class FirstWriter(Policy):
    """A policy of somebody's own."""

    name: ClassVar[str] = "first-writer"
    promise: ClassVar[str] = "the first writer wins"


def test_a_policy_is_an_object_or_a_name() -> None:
    assert Guarantees(rows=MultiValue()).policy("cases") == policy("multi-value")
    assert Guarantees(tables={"cases": FirstWriter()}).policy("cases") == FirstWriter()
    assert Guarantees(tables={"cases": FirstWriter()}).policy("events") == CausalLww()


def test_a_policy_by_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    points = {registry.GROUP: [SimpleNamespace(load=FirstWriter)]}
    monkeypatch.setattr(registry, "entry_points", lambda group: points[group])
    for cached in (policies, policy):
        cached.cache_clear()
    try:
        assert Guarantees(rows="first-writer").policy("cases") == FirstWriter()
    finally:
        for cached in (policies, policy):
            cached.cache_clear()


def test_an_unknown_policy_is_one_sentence_that_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no merge policy 'causal-lwww'.* nearest is causal-lww"):
        Guarantees(rows="causal-lwww")
    with pytest.raises(UsageError, match=r"'xyzzy'\. There are: causal-lww: the last writer wins"):
        Guarantees(tables={"cases": "xyzzy"})


@pytest.mark.parametrize("one", policies().values(), ids=lambda one: str(one.name))
def test_each_policy_says_what_it_promises(one: Policy) -> None:
    assert one.promise
    assert "\n" not in one.promise


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"sums": True}, "only where columns merge `by_field`"),
        ({"rows": "counter"}, "Only counters add up"),
        ({"tables": {"cases": "counter"}, "by_field": True, "sums": True}, "Only counters add up"),
        ({"rows": "multi-value", "by_field": True}, "kept whole"),
        ({"tables": {"cases": MultiValue()}, "by_field": True}, "kept whole"),
        ({"quorum": True, "rows": "wallclock-lww"}, "writes have one order"),
        ({"quorum": True, "tables": {"cases": "multi-value"}}, "writes have one order"),
        ({"quorum": True, "heal_catches_up": False}, "`heal_catches_up`"),
        ({"quorum": True, "passes_on": False}, "`passes_on`"),
    ],
    ids=str,
)
def test_promises_that_contradict_each_other(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Guarantees(**given)


def test_a_quorum_needs_nodes_that_keep_what_they_accepted() -> None:
    with pytest.raises(UsageError, match="`rollback_keeps_log`"):
        told((), Guarantees(quorum=True))
    told((), Guarantees(quorum=True), ONE_GENERATION)
    told((), QUORUM)
