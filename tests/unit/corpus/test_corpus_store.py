"""The corpus folder: names by content, whole files or none, clear words when it can't be."""

import errno
import os
from pathlib import Path

import pytest
from attrs import evolve

from syncmodel.corpus import Reproduction, file_name, load, load_all, save, usual
from syncmodel.corpus.store import slug
from syncmodel.errors import FormatError, SyncModelError, UsageError
from syncmodel.steps import Create
from syncmodel.targets import registry
from syncmodel.targets.wire import SUPERTEST

KIND = registry.get("embedded")
ONE = Reproduction(
    title="A Case (ä) is lost!",
    nodes=usual(SUPERTEST, 1),
    steps=(Create("n1", "cases", "c1", (("title", "t1"),)),),
    system=KIND,
)
OTHER = Reproduction(title="Another", nodes=usual(SUPERTEST, 2), steps=ONE.steps, system=KIND)


def test_saved_and_loaded(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "corpus"
    path = save(folder, ONE)
    save(folder, OTHER)
    assert load(path, KIND) == ONE
    assert [found for _, found in load_all(folder, KIND)] == [ONE, OTHER]
    assert path.stat().st_mode & 0o777 == 0o644


def test_the_name_says_title_and_content(tmp_path: Path) -> None:
    assert file_name(ONE).startswith("a-case-a-is-lost-")
    assert file_name(ONE) == save(tmp_path, ONE).name
    longer = evolve(ONE, steps=(*ONE.steps, Create("n1", "cases", "c2", (("title", "t2"),))))
    elsewhere = evolve(ONE, target="simulated")
    assert len({file_name(one) for one in (ONE, longer, elsewhere)}) == 3
    assert save(tmp_path, ONE, name="mine.json").name == "mine.json"


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("", "run"),
        ("../../etc", "etc"),
        ("日本", "run"),
        ("a" * 99, "a" * 60),
        ("x " * 60, None),
        ("\x1b[2J\u202e/\0", "2j"),
    ],
)
def test_slugs_are_safe_names(title: str, expected: str | None) -> None:
    found = slug(title)
    assert found == expected or expected is None
    assert 0 < len(found) <= 60
    assert found.strip("-") == found


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path, ONE, name="kept.json")
    before = path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SyncModelError, match="No space left on device"):
        save(tmp_path, OTHER, name="kept.json")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_leaves_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path, ONE)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    with pytest.raises(SyncModelError, match="can't be written"):
        save(path, ONE)


def test_reading_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no corpus folder"):
        load_all(tmp_path / "none", KIND)
    with pytest.raises(UsageError, match="can't be read"):
        load(tmp_path / "none.json", KIND)


def test_a_malformed_file_is_named_and_others_are_left_alone(tmp_path: Path) -> None:
    save(tmp_path, ONE)
    (tmp_path / "notes.txt").write_text("not a reproduction")
    (tmp_path / ".half.tmp").write_text("{")
    assert len(load_all(tmp_path, KIND)) == 1
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(FormatError, match=r"bad\.json"):
        load_all(tmp_path, KIND)
