"""A walk on live nodes: they are held, reached by hand, and gone afterwards, whatever ends it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from syncmodel.corpus import Confirmed, Expected, Reproduction, save, usual
from syncmodel.steps import Burst, Create, Delete, Resync
from syncmodel.targets import registry
from syncmodel.targets.wire import SUPERTEST

#: It starts many processes.
pytestmark = pytest.mark.slow

CREATE = Create("n1", "cases", "c1", (("title", "t1"),))
FAILS = Reproduction(
    "A case is back",
    usual(SUPERTEST, 2),
    (CREATE, Burst((Resync("n2"), Delete("n1", "cases", "c1")))),
    system=registry.get("embedded"),
    expected=Expected(("resurrected", "cases")),
    bug="tombstone-lost-on-resync",
    confirmed=Confirmed(3, 3),
)
LIMIT_S = 60
HELD = "until Enter"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return save(tmp_path, FAILS)


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "syncmodel", "replay", *map(str, words)]


def environment(tmp_path: Path) -> dict[str, str]:
    """With a folder of its own for the nodes, so that it is seen what is left there."""
    return {**os.environ, "TMPDIR": str(tmp_path), "TERM": "xterm-256color", "LINES": "40"}


def ways(text: str) -> dict[tuple[str, str], str]:
    """The commands that were told, by node and what they are for."""
    found, node = {}, ""
    for line in text.partition(HELD)[2].splitlines():
        if re.fullmatch(r"n\d", line):
            node = line
        elif match := re.fullmatch(r"  (\w+) +(\S.*)", line):
            found[node, match[1]] = match[2]
    return found


def shell(line: str) -> str:
    done = subprocess.run(
        line, shell=True, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("end", ["Enter", "the end of input", "SIGTERM"])
def test_held_nodes_are_reached_by_hand_and_gone_afterwards(
    file: Path, tmp_path_factory: pytest.TempPathFactory, end: str
) -> None:
    folder = tmp_path_factory.mktemp("h")
    pipe, lines = subprocess.PIPE, list[str]()
    words = command("--until", 1, "--hold", file)
    with subprocess.Popen(
        words, env=environment(folder), stdin=pipe, stdout=pipe, text=True
    ) as held:
        assert held.stdin is not None
        assert held.stdout is not None
        while not (lines and lines[-1].startswith("  log") and lines.count("n2\n")):
            lines.append(held.stdout.readline())
            assert lines[-1], "it ended"
        told = ways("".join(lines))
        if end == "Enter":
            for node in ("n1", "n2"):
                assert '"title":"t1"' in shell(told[node, "curl"])
                assert '"application": "running"' in shell(told[node, "ssh"])
                assert "t1" in shell(told[node, "sqlite3"])
                shell(told[node, "log"])
            ask = told["n1", "admin"].replace("syncmodel", f"{sys.executable} -m syncmodel", 1)
            assert '"selected": 2' in shell(ask)
            held.stdin.write("\n")
            held.stdin.flush()
        elif end == "the end of input":
            held.stdin.close()
        else:
            held.send_signal(signal.Signals[end])
        code = held.wait(LIMIT_S)
    assert code == (130 if end.startswith("SIG") else 0)
    assert not list(folder.glob("sm-*"))


@pytest.mark.long
@pytest.mark.parametrize("end", ["q", "\x03", "SIGTERM"])
def test_the_screen_in_a_terminal_on_live_nodes(
    file: Path, tmp_path_factory: pytest.TempPathFactory, end: str
) -> None:
    folder = tmp_path_factory.mktemp("s")
    words = command("--step", file)
    screen = pexpect.spawn(
        words[0], words[1:], env=environment(folder), dimensions=(40, 120), encoding="utf-8"
    )
    screen.timeout = LIMIT_S
    try:
        screen.expect("after step 0 of 2")
        screen.send("n")
        screen.expect("after step 1 of 2")
        screen.send("e")
        screen.expect("after step 2 of 2: diverged")
        screen.send("p")
        screen.expect("after step 1 of 2")
        if end.startswith("SIG"):
            screen.kill(signal.Signals[end])
        else:
            screen.send(end)
        screen.expect(pexpect.EOF)
        screen.wait()
    finally:
        screen.close(force=True)
    assert screen.exitstatus == (0 if end == "q" else 130)
    # The terminal is as it was: back from the other screen, with its cursor.
    text = str(screen.before)
    assert "\x1b[?1049l" in text
    assert "\x1b[?25h" in text
    if end == "q":
        assert "Stopped after step 1 of 2." in text.rpartition("\x1b[?1049l")[2]
    assert not list(folder.glob("sm-*"))
