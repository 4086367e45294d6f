"""Links between hosts that nft cuts: in namespaces, where root and nft are there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

#: It starts many processes.
pytestmark = pytest.mark.slow

INSIDE = Path(__file__).parent / "packets_inside.py"
#: Where nft is not in the PATH, its command may be said.
NFT = os.environ.get("SYNCMODEL_TEST_NFT") or shutil.which("nft", path="/usr/sbin:/sbin:/usr/bin")


@pytest.mark.long
def test_links_are_cut_by_packets_and_heal_by_themselves() -> None:
    if NFT is None or os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("nft, root and unshare are needed: install nftables, or run it as root")
    command = ["unshare", "--net", "--kill-child", sys.executable, str(INSIDE), NFT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.stdout.endswith("done\n"), done.stdout + done.stderr
    assert "cuts: n1 -> n2 was cut, probed and healed in" in done.stdout
    assert "one that nobody renewed ended after" in done.stdout
    arrived, wrong = (
        "it does, and arrives from 10.77.0.1.",
        "it does, from 10.77.0.99, which is none ",
    )
    assert done.stdout.index(arrived) < done.stdout.index(wrong)
    assert "(NAT), as it sends from 10.77.0.1; a cut" in done.stdout
    assert "hung, and was dialled anew" in done.stdout
    assert "cut by the other one meanwhile" in done.stdout
