"""A machine whose sshd does not start says so, in the words of that sshd. Needs root."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from syncmodel.reference import space_needs
from syncmodel.reference.machines import inside, spaces

LACKING = space_needs.lacking() or (() if spaces.may_set_groups() else ("root",))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(LACKING), reason=f"namespaces need {'; '.join(LACKING)}"),
]
#: As a target does that was made while all was well.
BOOTS = """
import asyncio
from syncmodel.errors import BootError
from syncmodel.reference.machines.namespaces import NamespaceMachines

async def main():
    async with NamespaceMachines() as machines:
        try:
            await machines.prepare(["n1"]).boot()
        except BootError as error:
            print(error)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            b"#!/bin/sh\necho no such library >&2\nexit 7\n",
            "its sshd ended with code 7. Its log ends:\nno such library\n",
        ),
        (
            b"\x7fELF",
            "its sshd ended with code 1. Its log ends:\n{} can't be started: Exec format error.\n",
        ),
    ],
    ids=["it refuses", "it is no program"],
)
def test_a_machine_whose_sshd_does_not_start_says_what_that_says(
    text: bytes, said: str, tmp_path: Path
) -> None:
    sshd, unshare = inside.program("sshd"), shutil.which("unshare")
    assert sshd is not None
    assert unshare is not None
    broken = tmp_path / "sshd"
    broken.write_bytes(text)
    broken.chmod(0o755)
    script = 'mount --bind "$1" "$2" && exec "$3" -c "$4"'
    words = (str(broken), sshd, sys.executable, BOOTS)
    done = subprocess.run(
        [unshare, "--mount", "sh", "-c", script, "sh", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout == f"Machine n1 did not come up: {said.format(sshd)}", done.stderr
