"""The screen of `syncmodel replay --step`: keys, moves, and texts that look like something else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from attrs import evolve
from textual.widgets import OptionList, Static

from syncmodel.cli.walk_screen import Screen
from syncmodel.corpus import Reproduction, usual
from syncmodel.engine.walk import Walk
from syncmodel.model.outcome import Outcome
from syncmodel.model.values import Write
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Burst, Create, Delete, Resync, Set
from syncmodel.targets import registry
from syncmodel.targets.wire import SUPERTEST

#: It starts many processes.
pytestmark = pytest.mark.slow

CREATE = Create("n1", "cases", "c1", (("title", "t1"),))
STEPS = (
    CREATE,
    Burst((Resync("n2"), Delete("n1", "cases", "c1"))),
    Set("n1", "cases", "c1", "title", "t2"),
)
RUN = Reproduction("A case goes", usual(SUPERTEST, 2), STEPS[:2], system=registry.get("simulated"))
BUG = "tombstone-lost-on-resync"


async def settled(pilot: object, screen: Screen) -> None:
    """Until every key that was pressed has had its effect."""
    await screen.idle()
    await pilot.pause()  # type: ignore[attr-defined]


def seen(keys: Sequence[str], run: Reproduction = RUN, *bugs: str, start: int = 0) -> list[str]:
    """What the screen shows at the beginning, and after each key: where, and all lines."""

    async def pressed() -> list[str]:
        screen = Screen(Walk(SimulatedCluster(2, bugs), run), start, f"a file: {run.title}")
        shown = []
        async with screen.run_test(size=(120, 40)) as pilot:
            for key in ("", *keys):
                if key:
                    await pilot.press(key)
                await settled(pilot, screen)
                texts = [screen.query_one(name, Static).content for name in ("#where", "#lines")]
                shown.append("\n".join(map(str, texts)))
        return shown

    return asyncio.run(pressed())


def test_it_begins_before_the_first_step_or_where_it_was_told() -> None:
    (first,) = seen(())
    assert first.startswith("after step 0 of 2  |  a file: A case goes\n")
    assert "Before the first of 2 steps" in first
    (later,) = seen((), start=1)
    assert later.startswith("after step 1 of 2")


def test_keys_walk_forward_and_back() -> None:
    shown = seen("nnnpse", RUN, BUG)
    places = [text.partition("  |")[0] for text in shown]
    at = "after step {} of 2".format
    over = f"{at(2)}: diverged"
    assert places == [at(0), at(1), over, over, at(1), at(0), over]
    assert "!   n2    title t1, counter 0" in shown[2]
    assert shown[1].partition("v1  by n1")[2] == shown[4].partition("v1  by n1")[2] != ""


def test_messages_come_one_by_one_and_go_back() -> None:
    shown = seen("mmmmbbbbb")
    places = [text.partition("  |")[0] for text in shown]
    step = "message {} of 3 in step 1".format
    at = "after step {} of 2".format
    # Past the last message is the rest; past that, the next step's first one.
    assert places[:5] == [at(0), step(1), step(2), step(3), at(1)]
    assert places[5:9] == [step(3), step(2), step(1), at(0)]
    assert places[9] == "message 6 of 6 in step 0"
    assert "> " in shown[2]
    assert "n2 hears from n1: cases/c1" in shown[2]
    assert "* n2  cases/c1 (title t1, counter 0)" in shown[2]


def test_more_keys_than_steps_change_nothing() -> None:
    assert seen("nnnnnppppp")[-1].startswith("after step 0 of 2")
    assert seen("mmmmmmmmmmmmmmmmmmmmm")[-1].startswith("after step 2 of 2: pass")


def test_how_to_reach_the_nodes_is_a_key() -> None:
    shown = seen("rr")
    assert "These nodes can't be reached from outside" in shown[1]
    assert shown[2] == shown[0]


def test_all_rows_or_those_of_which_something_is_new() -> None:
    rows = tuple(Create("n1", "cases", f"c{i}", (("title", f"t{i}"),)) for i in range(10))
    shown = seen("ea", evolve(RUN, steps=rows))
    assert "9 rows more" in shown[1]
    assert "9 rows more" not in shown[2]


def test_a_step_is_chosen_from_the_list() -> None:
    shown = seen(["down", "down", "enter"])
    assert shown[-1].startswith("after step 2 of 2")


def test_markup_and_other_directions_are_texts() -> None:
    nasty = "[red]x[/red] \u202e [link=http://x]"
    steps = (evolve(CREATE, values=(("title", nasty),)),)
    (_, text) = seen("n", evolve(RUN, title=nasty, steps=steps))
    assert "[red]x[/red]" in text
    assert "\u202e" not in text


def test_what_a_walk_raises_comes_out_once_the_screen_is_gone() -> None:
    class Broken(SimulatedCluster):
        async def write(self, node: str, write: Write) -> Outcome:
            raise ZeroDivisionError

    async def left() -> None:
        screen = Screen(Walk(Broken(2), RUN), 1, "a file")
        async with screen.run_test():
            await screen.idle()
        screen.raise_for()

    with pytest.raises(ZeroDivisionError):
        asyncio.run(left())


def test_ctrl_c_is_an_interrupt_and_q_is_none() -> None:
    async def left(key: str) -> None:
        screen = Screen(Walk(SimulatedCluster(2), RUN), 0, "a file")
        async with screen.run_test() as pilot:
            await settled(pilot, screen)
            await pilot.press(key)
        screen.raise_for()

    asyncio.run(left("q"))
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(left("ctrl+c"))


def test_the_list_says_what_was_performed_and_what_differed() -> None:
    async def listed() -> list[str]:
        screen = Screen(Walk(SimulatedCluster(2, (BUG,)), evolve(RUN, steps=STEPS)), 3, "a file")
        async with screen.run_test() as pilot:
            await settled(pilot, screen)
            steps = screen.query_one(OptionList)
            return [str(steps.get_option_at_index(n).prompt)[:7] for n in range(4)]

    assert asyncio.run(listed()) == [".   0  ", ".   1  ", "!   2  ", "    3  "]
