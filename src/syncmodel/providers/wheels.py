"""Everything that a host needs to run the reference node, as wheels: looked for before anything is
rented, and sent over SFTP, so that a host needs neither an index nor the network."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import zipfile
from importlib import metadata
from pathlib import Path

from syncmodel.errors import UsageError
from syncmodel.safe_path import COMMAND

NAME = "syncmodel"
#: What Debian 12 runs, and every older C library.
PYTHON = "3.11"
PLATFORMS = ("manylinux1", "manylinux2014", *(f"manylinux_2_{n}" for n in (5, 12, 17, 24, 27, 28)))


def gather(folder: Path, python: str = PYTHON) -> list[Path]:
    """The wheels for a host of x86-64 with that Python, in this new folder. Raises `UsageError`."""
    folder.mkdir(parents=True)
    try:
        whole = metadata.distribution(NAME)
    except metadata.PackageNotFoundError:
        raise UsageError("syncmodel is run from a folder: install it to put it on hosts.") from None
    wanted = [one.partition(";")[0].strip() for one in whole.requires or () if _runs_a_node(one)]
    # Those that are known to work together.
    known = folder / "known"
    known.write_text("".join(f"{name}=={version}\n" for name, version in installed().items()))
    platforms = [word for one in PLATFORMS for word in ("--platform", f"{one}_x86_64")]
    command = [*COMMAND, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--only-binary", ":all:", "--python-version", python, *platforms]
    command += ["--constraint", str(known), "--dest", str(folder), "pip", *wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    known.unlink()
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise UsageError(f"The packages of a node can't be had for Python {python}: {last}")
    _own(folder, whole)
    return sorted(folder.glob("*.whl"))


def installed() -> dict[str, str]:
    """The version of each package but ours that is imported here: the first one on the path, where
    several folders of it have one."""
    found: dict[str, str] = {}
    for one in metadata.distributions():
        found.setdefault(one.name.lower().replace("_", "-"), one.version)
    found.pop(NAME, None)
    return found


def _runs_a_node(requirement: str) -> bool:
    marker = requirement.partition(";")[2]
    return "extra" not in marker or '"reference"' in marker.replace("'", '"')


def _own(folder: Path, whole: metadata.Distribution) -> Path:
    """A wheel of this very package, whichever way it is installed here."""
    package, info = Path(__file__).parents[1], f"{NAME}-{whole.version}.dist-info"
    files = {
        f"{info}/METADATA": (whole.read_text("METADATA") or "").encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: syncmodel\nRoot-Is-Purelib: true\n"
        b"Tag: py3-none-any\n",
    }
    # `strategies` is a link in a checkout.
    for at, folders, names in os.walk(package, followlinks=True):
        folders[:] = sorted(one for one in folders if one != "__pycache__")
        for name in sorted(names):
            path = Path(at, name)
            files[f"{NAME}/{path.relative_to(package)}"] = path.read_bytes()
    record = "".join(f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    wheel = folder / f"{NAME}-{whole.version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return wheel


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
