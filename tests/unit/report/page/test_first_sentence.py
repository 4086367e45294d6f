"""The first sentence of a page: node, row, step and rule, for every planted bug of the corpus."""

import re

import pytest
from saved_runs import saved_bugs
from seen_runs import planted

from syncmodel.model.divergence import Kind
from syncmodel.report.page.versions import Versions
from syncmodel.report.page.why import RULES, rule, why

NODE = re.compile(r"\bn\d+\b")


@pytest.mark.parametrize("bug", saved_bugs())
def test_it_names_node_row_step_and_rule(bug: str) -> None:
    run = planted()[bug].run
    (first, *_), said = run.divergences, why(run, Versions(run)).headline
    assert f"step {run.last.index}" in said
    assert rule(first) in said
    if first.row is not None:
        assert str(first.row) in said
    # Rest is of all nodes: then those that are not at rest are named.
    assert first.node in said if first.node in run.net.nodes else NODE.search(said)
    assert "\n" not in said
    # Words, and nothing as Python writes it.
    assert not re.search(r"[{}\[\]]|\b(True|False|None)\b", said)


def test_these_are_of_ten_families_and_more() -> None:
    kinds = {one.run.divergences[0].kind for one in planted().values()}
    assert len(planted()) >= 50
    assert sorted(planted()) == saved_bugs()
    assert len(kinds) >= 10


def test_every_name_has_its_rule() -> None:
    assert RULES.keys() == set(Kind) - {Kind.INVARIANT}


LOSES = (
    "What shows is the create by n1 in step 1; it loses to the delete by n2 in step 2, which was "
    "written knowing it."
)
KNEW = (
    "n2 acknowledged the change in step 2, and n1 must know it since the rest after step 2, as the "
    "links were up that it travels over."
)


def test_why_a_deleted_row_must_not_show() -> None:
    run = planted()["tombstone-lost-on-resync"].run
    assert why(run, Versions(run)).reasons == (
        (
            "n2 acknowledged the delete in step 2; n2 lost it in step 3 (n2: rollback to "
            "generation 1 (no plugin)), and must have it again from one that knows it."
        ),
        LOSES,
        "Only this may show there: deleted.",
        "The last write of cases/c1 is in step 2; nothing later was written.",
        (
            "What may have to do with it: n2: rollback to generation 1 (no plugin) (step 3), n2: "
            "rollout to generation 2 (plugin version 1) (step 4)."
        ),
    )


def test_why_a_row_cannot_have_come() -> None:
    run = planted()["resync-round-the-cut"].run
    assert (
        why(run, Versions(run))
        .reasons[0]
        .startswith(
            "What shows is the create by n1 in step 2, which can't have reached n2: no link was up"
        )
    )


def test_what_an_answer_is_judged_by_is_what_was_before() -> None:
    run = planted()["reads-own-copy"].run
    said = why(run, Versions(run))
    assert said.headline.startswith("In step 3, n1 gave an answer about cases/c1 that can't be: ")
    assert said.reasons == (
        KNEW,
        (
            "What it answered is the create by n1 in step 1; it loses to the change by n2 in step "
            "2, which was written knowing it."
        ),
    )


def reasons(bug: str) -> str:
    run = planted()[bug].run
    return " ".join(why(run, Versions(run)).reasons)


#: What somebody who knew nothing of the bug did not understand without it.
MISREAD = {
    "half-of-a-failed-rollout-kept": (
        "n1: rollout to generation 2, in which the disk is full at the commit. Its answer: refused"
    ),
    "rollback-leaves-table": "The job ran other migrations than the preview before it had named.",
    "two-jobs-at-once": "Another deployment was asked for meanwhile, and was not refused.",
    "half-open-never-noticed": "the link n1 -> n2 hangs (step 1), the network heals (step 3)",
    "no-wake-up-for-losers": "n1 creates cases/c1 with title t1 and n2 creates cases/c1",
    "future-dropped-on-restart": "the clock of n1 is 60 s behind (step 2), n1 restarts (step 3)",
    "case-takes-its-events": "events/e1 refers to cases/c1: it is hidden as long as that is not",
    "second-read-older": "Its answer before, in step 2: title t1, counter 0.",
    "request-done-twice": "n1 did not answer to step 3: it may have been done, but once.",
    "ids-without-case": "Nobody had written cases/C1 in this run; of cases there were cases/c1.",
    "distrusted-author-still-shown": "and n2 does not trust n1: it shows nothing of it.",
    "left-node-still-served": "and one of the two is no member: nothing passes between them.",
    "distrusted-deletes-count": "n1 does not trust n2: what n2 wrote in step 3 does not count",
    "own-rows-refused": "n1 lost it in step 2 (n1: rollback to generation 1 (no plugin)), and",
    "restore-keeps-cursors": "n1 lost it in step 3 (n1: the disk is restored, as it was copied)",
    "text-cut-at-emoji": 'Only this may show there: title "t1',
}


@pytest.mark.parametrize("bug", sorted(MISREAD))
def test_it_says_what_a_newcomer_misses(bug: str) -> None:
    assert MISREAD[bug] in reasons(bug)


def test_facts_of_a_node_are_in_words() -> None:
    run = planted()["half-of-a-failed-rollout-kept"].run
    said = why(run, Versions(run)).headline
    assert "has tables in the store cases, events, where it must have no tables in the st" in said


@pytest.mark.parametrize("bug", saved_bugs())
def test_there_is_always_a_reason(bug: str) -> None:
    assert reasons(bug)
