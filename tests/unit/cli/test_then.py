"""A verb that is started for machines that are rented, and told to end."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from syncmodel.cli import then
from syncmodel.interrupts import like_ctrl_c

#: A verb that heeds what it is sent by its second word, and leaves what it was told.
VERB = """
import os, signal, sys
from pathlib import Path

def ends(number, frame):
    Path("told").write_text(signal.Signals(number).name)
    sys.exit(7)

heeds = sys.argv[2] == "heeds"
signal.signal(signal.SIGTERM, ends if heeds else signal.SIG_IGN)
Path("pid.new").write_text(str(os.getpid()))
os.rename("pid.new", "pid")
os.mkfifo("never")
while True:
    Path("never").read_text()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder whose `syncmodel` is that verb."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "syncmodel.py").write_text(VERB)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "there"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(then, "HEARD_S", 0.1)
    monkeypatch.setattr(then, "ENDS_S", 1.0)
    return tmp_path


@pytest.mark.parametrize("how", ["heeds", "stubborn"])
def test_an_interrupt_ends_the_verb_before_its_machines_go(folder: Path, how: str) -> None:
    said: list[bool] = []

    def interrupt() -> None:
        while not (folder / "pid").exists():
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    def told() -> None:
        said.append((folder / "told").exists())

    thread = threading.Thread(target=interrupt)
    with like_ctrl_c():
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            then.perform(["scenario", how], Path("hosts.toml"), told)
    thread.join()
    assert said == [False], "who waits is told at once"
    assert (folder / "told").exists() == (how == "heeds")
    with pytest.raises(ProcessLookupError):
        os.kill(int((folder / "pid").read_text()), 0)


def test_the_exit_code_is_that_of_the_verb(folder: Path) -> None:
    (folder / "there" / "syncmodel.py").write_text("import sys; print(sys.argv); sys.exit(4)")
    assert then.perform(["scenario", "x"], Path("hosts.toml"), lambda: None) == 4


def test_what_lies_in_the_current_folder_is_not_the_verb(folder: Path) -> None:
    (folder / "there" / "syncmodel.py").write_text("")
    (folder / "syncmodel.py").write_text("import sys; sys.exit(5)")
    assert then.perform(["scenario"], Path("hosts.toml"), lambda: None) == 0
