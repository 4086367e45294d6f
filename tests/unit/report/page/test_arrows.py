"""The lines of the picture: from where something was known to where it had to be."""

import pytest
from seen_runs import drawn, planted

from syncmodel.model.values import Row
from syncmodel.report.page.arrows import arrows
from syncmodel.report.page.moments import SeenRun
from syncmodel.report.page.versions import Versions


def of(run: SeenRun) -> list[tuple[object, ...]]:
    versions = Versions(run)
    rows = {name.whole: number for number, name in enumerate(versions.registers)}
    found = arrows(run, versions, rows)
    return [(one["from"], one["at"], one["wrote"], one["to"], one["rest"]) for one in found]


def test_what_was_passed_on_comes_from_who_passed_it_on() -> None:
    assert of(planted()["delete-before-row-skipped"].run) == [
        ("n1", 2, True, "n3", 2),
        ("n1", 2, True, "n2", 5),
        ("n1", 4, True, "n2", 5),
        ("n2", 5, False, "n3", 6),
    ]


@pytest.mark.parametrize("seed", range(6))
def test_each_begins_where_it_was_known_and_ends_where_it_had_to_be(seed: int) -> None:
    run = drawn(seed, 3, 40)
    at = {moment.index: moment for moment in run.moments}
    written = {
        (one.node, one.step)
        for register in Versions(run).registers.values()
        for one in register.versions
    }
    found = of(run)
    assert found
    for teller, began, wrote, node, rest in found:
        assert isinstance(began, int)
        assert isinstance(rest, int)
        assert began <= rest
        assert not wrote or (teller, began) in written
        rows = at[rest].world.belief.rows.values()
        assert any(row.known_by(str(node)) for row in rows)
        assert isinstance(next(iter(at[rest].world.belief.rows)), Row)
