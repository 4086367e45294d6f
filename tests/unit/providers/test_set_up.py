"""What a rented host is told first, what is put on it, and the inventory that names it."""

from __future__ import annotations

import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import syncmodel
from syncmodel.errors import UsageError
from syncmodel.inventory import file
from syncmodel.nostr.keys import Key
from syncmodel.providers import lease, setup, wheels
from syncmodel.providers.base import Mark


def test_the_inventory_of_nodes_that_were_set_up_can_be_read(tmp_path: Path) -> None:
    found = {
        "n1": setup.Set("/root/syncmodel", Key.generate().public, 4000, 4848, {"n2": 4901}),
        "n2": setup.Set("/root/syncmodel", Key.generate().public, 5000, 5848, {"n1": 4902}),
    }
    lease.secret(tmp_path / "admin.key", Key.generate().reveal())
    (tmp_path / "hosts.toml").write_text(setup.inventory(found))
    read = file.load(tmp_path / "hosts.toml")
    assert read.cuts == "carried"
    assert read.ways == {("n2", "n1"): 4901, ("n1", "n2"): 4902}
    assert read.hosts["n2"].api.port == 5000
    assert read.hosts["n1"].commands["kill"].endswith("control.py /root/syncmodel/node kill")
    assert set(file.MORE) - set(read.hosts["n1"].commands) == {"reboot"}


def test_the_wheel_of_this_package_has_all_of_it(tmp_path: Path) -> None:
    wheel = wheels._own(tmp_path, metadata.distribution("syncmodel"))
    names = set(zipfile.ZipFile(wheel).namelist())
    package = Path(syncmodel.__file__).parent
    assert {f"syncmodel/{one.relative_to(package)}" for one in package.glob("*/*.py")} <= names
    assert "syncmodel/strategies/__init__.py" in names
    assert not any("__pycache__" in name for name in names)


def test_user_data_that_cloud_init_would_not_take_is_refused() -> None:
    with pytest.raises(UsageError, match=r"begins with #cloud-config or #!"):
        lease.first_orders("ssh-ed25519 A", "echo hello\n")
    with pytest.raises(UsageError, match="more than 32768 bytes"):
        lease.first_orders("ssh-ed25519 A", "#!/bin/sh\n" + "#" * 32768)


def test_a_folder_of_a_lease_is_nobody_elses_and_is_read_again(tmp_path: Path) -> None:
    folder = lease.Folder(tmp_path / "c")
    folder.make(Mark("abc", 7), ["hetzner"])
    assert lease.read(folder.path) == ("abc", ["hetzner"])
    with pytest.raises(UsageError, match="is there already"):
        folder.make(Mark("abd", 7), ["hetzner"])
    folder.remove()
    assert not folder.path.exists()
    folder.remove()
