"""What a shell gets: completion, and the manual page, both made of the parsers."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from syncmodel.cli import VERBS, main, parser
from syncmodel.cli.completion import SHELLS, parsers
from syncmodel.cli.man import page

LIMIT_S = 60


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(words) == 0
    return capsys.readouterr().out


def completed(script: str, *words: str) -> set[str]:
    """What bash offers for the last of these words."""
    line = (
        f"{script}\n"
        f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; COMPREPLY=()\n"
        "_shtab_syncmodel\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, timeout=LIMIT_S, check=True
    )
    return set(done.stdout.split())


def test_bash_completes_verbs_options_bugs_and_targets(capsys: pytest.CaptureFixture[str]) -> None:
    script = printed(capsys, "completion", "bash")
    assert completed(script, "syncmodel", "re") == {"replay", "report"}
    assert {"export", "explore"} == completed(script, "syncmodel", "exp")
    assert "--step" in completed(script, "syncmodel", "replay", "--st")
    bugs = completed(script, "syncmodel", "replay", "--bug", "tombstone-lost")
    assert "tombstone-lost-on-resync" in bugs
    targets = completed(script, "syncmodel", "explore", "--target", "sim")
    assert targets == {"simulated", "simulated-dropping"}
    assert completed(script, "syncmodel", "export", "--as", "elle-e") == {"elle-edn"}


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_its_own(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    script = printed(capsys, "completion", shell)
    assert all(verb.NAME in script for verb in VERBS)


def test_without_its_library_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 2
    assert "pip install 'syncmodel[terminal]'" in capsys.readouterr().err


def test_completion_changes_no_parser() -> None:
    """Any bug's name may be given to a target of one's own."""
    args = parser().parse_args(["explore", "--bug", "mine", "--target", "my:Target"])
    assert (args.bug, args.target) == (["mine"], "my:Target")


def test_the_manual_page_has_every_verb_option_and_example() -> None:
    text = "\n".join(page(parser())).replace("\\-", "-")
    for name, verb in parsers(parser()).items():
        assert f".SH SYNCMODEL {name.upper()}\n" in text
        for action in verb._actions:
            assert all(option in text for option in action.option_strings if option != "-h")
    for each in VERBS:
        for line in each.EXAMPLES.splitlines():
            # Titles of paragraphs are headings.
            words = line.removesuffix(":").removeprefix("exit codes: ")
            assert words.replace("\\", r"\e") in text
    assert ".SH exit codes\n" in text
    assert "%(default)s" not in text


@pytest.mark.skipif(shutil.which("groff") is None, reason="no groff here")
def test_groff_reads_the_manual_page_without_a_warning() -> None:
    text = "\n".join(page(parser())) + "\n"
    done = subprocess.run(
        ["groff", "-ww", "-man", "-Tutf8", "-rLL=120n"],
        input=text,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=True,
    )
    assert done.stderr == ""
    assert "syncmodel replay --step FILE" in done.stdout.replace("\u2010", "-")
