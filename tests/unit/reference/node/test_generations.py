import os
from pathlib import Path

import pytest

from syncmodel.reference.node.generations import (
    DEFAULT_GENERATIONS,
    Generation,
    Generations,
    UnknownGenerationError,
)
from syncmodel.reference.node.layout import Layout


@pytest.fixture
def generations(tmp_path: Path) -> Generations:
    made = Generations(Layout(tmp_path))
    for generation in DEFAULT_GENERATIONS:
        made.install(generation)
    made.select(1)
    return made


def test_list_is_by_number(generations: Generations) -> None:
    assert generations.list() == DEFAULT_GENERATIONS
    generations.install(Generation(10, {}))
    assert [generation.number for generation in generations.list()] == [1, 2, 3, 4, 10]


def test_selected_and_running_are_links_of_their_own(generations: Generations) -> None:
    assert (generations.selected(), generations.running()) == (1, None)
    generations.set_running(1)
    generations.select(3)
    assert (generations.selected(), generations.running()) == (3, 1)


def test_links_are_as_guix_has_them_and_relative(generations: Generations) -> None:
    generations.select(2)
    generations.set_running(2)
    layout = generations.layout
    assert os.readlink(layout.selected) == "system-2-link"
    item = os.readlink(layout.profiles / "system-2-link")
    assert item == f"../../../gnu/store/{DEFAULT_GENERATIONS[1].item}"
    assert os.readlink(layout.running) == f"../gnu/store/{DEFAULT_GENERATIONS[1].item}"
    assert layout.running.resolve() == layout.selected.resolve()


def test_an_unknown_generation_changes_nothing(generations: Generations) -> None:
    with pytest.raises(
        UnknownGenerationError, match="no generation 9; this machine has 1, 2, 3, 4"
    ):
        generations.select(9)
    with pytest.raises(UnknownGenerationError):
        generations.set_running(9)
    assert (generations.selected(), generations.running()) == (1, None)


def test_a_half_made_link_of_a_crash_is_no_hindrance(generations: Generations) -> None:
    (generations.layout.profiles / ".system.new").symlink_to("nowhere")
    generations.select(2)
    assert generations.selected() == 2
    assert generations.list() == DEFAULT_GENERATIONS


def test_with_plugins(generations: Generations) -> None:
    assert generations.with_plugins({"supertest": 2}).number == 3
    with pytest.raises(UnknownGenerationError, match="supertest"):
        generations.with_plugins({"supertest": 9})
