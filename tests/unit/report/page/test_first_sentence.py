"""The first sentence of a page: node, row, step and rule, for every planted bug of the corpus."""

import re

import pytest
from seen_runs import planted

from syncmodel.model.divergence import Kind
from syncmodel.report.page.versions import Versions
from syncmodel.report.page.why import RULES, why

NODE = re.compile(r"\bn\d+\b")


@pytest.mark.parametrize("bug", sorted(planted()))
def test_it_names_node_row_step_and_rule(bug: str) -> None:
    run = planted()[bug].run
    (first, *_), said = run.divergences, why(run, Versions(run)).headline
    assert f"step {run.last.index}" in said
    assert RULES[first.kind] in said
    if first.row is not None:
        assert str(first.row) in said
    # Rest is of all nodes: then those that are not at rest are named.
    assert first.node in said if first.node in run.net.nodes else NODE.search(said)
    assert "\n" not in said


def test_these_are_of_ten_families_and_more() -> None:
    kinds = {one.run.divergences[0].kind for one in planted().values()}
    assert len(planted()) >= 50
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
        "n2 acknowledged the delete in step 2, so it must know it.",
        LOSES,
        "Only this may show there: deleted.",
        "The last write of cases/c1 is in step 2; nothing later was written.",
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
    assert said.reasons == (KNEW,)
