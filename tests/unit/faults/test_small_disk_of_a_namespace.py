"""Who is root only for itself has no small disks, and no run that is invalid for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

MAY = "from syncmodel.faults.small_disk import may_be_made; print(may_be_made())"
ROOT_FOR_ITSELF = ("unshare", "--map-root-user")


@pytest.mark.skipif(
    subprocess.run([*ROOT_FOR_ITSELF, "true"], capture_output=True, check=False).returncode != 0,
    reason="no user namespaces here",
)
def test_who_is_root_in_a_user_namespace_alone_makes_no_disks() -> None:
    command = [*ROOT_FOR_ITSELF, sys.executable, "-c", MAY]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
