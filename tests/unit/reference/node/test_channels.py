"""What is pulled for a generation: nothing, what follows, or what is pinned and signed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
from msgspec.structs import replace
from one_machine import Machine, live, prepared

from syncmodel.errors import FormatError
from syncmodel.nostr.keys import Key
from syncmodel.reference.node import channels
from syncmodel.reference.node.channels import Channels, Lineage, commit
from syncmodel.reference.node.generations import Generation, Generations
from syncmodel.reference.node.layout import Layout

MAINTAINER, STRANGER = Key.generate(), Key.generate()
FIRST = commit(MAINTAINER, "tribes", [])
SECOND = commit(MAINTAINER, "tribes", [FIRST.id])
#: Another history from the beginning on, and one that a stranger goes on with.
ANEW = commit(MAINTAINER, "tribes", [], "written anew")
STRANGE = commit(STRANGER, "tribes", [SECOND.id])
ON_STRANGE = commit(MAINTAINER, "tribes", [STRANGE.id])
ALL = {one.id: one for one in (FIRST, SECOND, ANEW, STRANGE, ON_STRANGE)}
KNOWN = Channels({"tribes": frozenset({MAINTAINER.public})}, ALL)


@pytest.mark.parametrize(
    ("before", "after", "lineage"),
    [
        (FIRST.id, SECOND.id, Lineage.FORWARD),
        (None, SECOND.id, Lineage.NEW),
        (SECOND.id, FIRST.id, Lineage.REWRITTEN),
        (SECOND.id, ANEW.id, Lineage.REWRITTEN),
        (SECOND.id, STRANGE.id, Lineage.UNSIGNED),
        (SECOND.id, ON_STRANGE.id, Lineage.UNSIGNED),
        (None, STRANGE.id, Lineage.UNSIGNED),
        (FIRST.id, "0" * 64, Lineage.UNKNOWN),
        ("0" * 64, FIRST.id, Lineage.UNKNOWN),
        (FIRST.id, None, Lineage.SAME),
    ],
    # Their ids are others each time.
    ids=[*"abcdefghij"],
)
def test_the_lineage_of_a_delta(before: str | None, after: str | None, lineage: Lineage) -> None:
    old, new = ({} if one is None else {"tribes": one} for one in (before, after))
    (delta,) = KNOWN.deltas(old, new)
    assert (delta.lineage, delta.before, delta.after) == (lineage, before, after)


def test_where_nothing_changes_nothing_is_pulled() -> None:
    assert KNOWN.deltas({"tribes": FIRST.id}, {"tribes": FIRST.id}) == []
    assert Channels().deltas({}, {}) == []


def test_the_commits_of_other_channels_are_none_of_this_one() -> None:
    (delta,) = KNOWN.deltas({}, {"guix": FIRST.id})
    assert delta.lineage is Lineage.UNKNOWN


def test_a_commit_whose_signature_is_not_right_is_not_known(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert channels.known(layout) == Channels()
    forged = replace(SECOND, tags=(*SECOND.tags, ("parent", ANEW.id)))
    signed = replace(SECOND, pubkey=STRANGER.public)
    for one in (forged, signed):
        channels.store(layout, attrs.evolve(KNOWN, commits={FIRST.id: FIRST, one.id: one}))
        assert list(channels.known(layout).commits) == [FIRST.id]
    channels.store(layout, KNOWN)
    assert channels.known(layout) == KNOWN
    for text in ("{", "[]", '{"authorised": {}, "commits": [1]}', '{"authorised": []}'):
        layout.channels.write_text(text)
        with pytest.raises(FormatError, match="not a list of channels"):
            channels.known(layout)


def test_a_rewritten_lineage_is_refused_unless_it_is_pinned(tmp_path: Path) -> None:
    root = prepared(tmp_path)
    channels.store(Layout(root), KNOWN)
    at = {4: FIRST, 5: SECOND, 6: SECOND, 7: ANEW, 8: STRANGE}
    for number, one in at.items():
        generation = Generation(number, {"supertest": 2 - number % 2}, channels={"tribes": one.id})
        Generations(Layout(root)).install(generation)

    async def test(machine: Machine) -> None:
        async def rolled_out(number: int, **options: Any) -> dict[str, Any]:
            return await machine.job("rollout.start", generation=number, **options)

        assert "building: store item" in (await rolled_out(4))["log"][1]
        moved = await rolled_out(5)
        assert (moved["state"], moved["log"][1].rpartition("; ")[2]) == ("done", "tribes is pulled")
        preview = await machine.ask("rollout.preview", generation=6)
        assert (preview["channel_delta"]["pull"], preview["channel_delta"]["channels"]) == (
            False,
            [],
        )
        assert (await rolled_out(6))["log"][1].endswith("; nothing is pulled")
        before = machine.snapshot(), machine.application.calls[:]
        preview = await machine.ask("rollout.preview", generation=7)
        delta = {"channel": "tribes", "from": SECOND.id, "to": ANEW.id, "lineage": "rewritten"}
        assert preview["channel_delta"]["channels"] == [delta]
        stranger = {"tribes": STRANGE.id}
        for number, pins in ((7, {}), (7, {"tribes": FIRST.id}), (8, {}), (8, stranger)):
            ended = await rolled_out(number, pins=pins)
            assert (ended["state"], ended["error"]["code"]) == ("aborted", "lineage_refused")
            assert (machine.snapshot(), machine.application.calls) == before
        assert ended["error"]["details"]["lineage"] == "unsigned"
        assert (await rolled_out(7, pins={"tribes": ANEW.id}))["state"] == "done"
        # What is gone back to was built before.
        assert (await machine.job("rollout.rollback", generation=4))["state"] == "done"
        wrong: list[object] = [[], {"tribes": 1}]
        for given in wrong:
            refused = await machine.refused("rollout.start", generation=5, pins=given)
            assert refused["code"] == "malformed"

    live(root, test)
