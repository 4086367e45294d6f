"""The folder of a lease: its keys, how its machines are reached, and what they are told first.

The private key is made here and leaves its file (0600) never. Each machine gets a host key that was
made before it, by cloud-init, so that nobody has to be trusted at the first login.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import asyncssh
from attrs import frozen

from syncmodel.corpus import budgets
from syncmodel.corpus.fields import Fields, parse, shown
from syncmodel.errors import FormatError, UsageError
from syncmodel.providers.base import Mark, Thing
from syncmodel.providers.registry import PROVIDERS

#: What the strictest provider takes.
USER_DATA_BYTES = 32768
#: How cloud-init calls the kinds of first orders, by how they begin.
KINDS = {"#cloud-config": "cloud-config", "#!": "x-shellscript"}


@frozen
class Folder:
    """Where the files of a lease are."""

    path: Path

    @property
    def key(self) -> Path:
        """The private key that its machines let in."""
        return self.path / "id"

    @property
    def ssh_config(self) -> Path:
        """How its machines are reached: as n1, n2 and so on."""
        return self.path / "ssh_config"

    @property
    def inventory(self) -> Path:
        """The inventory that `--inventory` takes."""
        return self.path / "hosts.toml"

    @property
    def record(self) -> Path:
        """What to destroy, for whoever finds the folder."""
        return self.path / "lease.json"

    def make(self, mark: Mark, providers: Sequence[str]) -> str:
        """Make it, with a key; the public key. Raises `UsageError` if it is in use."""
        try:
            self.path.mkdir(mode=0o700, parents=True)
        except FileExistsError:
            raise UsageError(f"{self.path} is there already: name another with --to.") from None
        key = asyncssh.generate_private_key("ssh-ed25519")
        secret(self.key, key.export_private_key().decode())
        said = {"lease": mark.lease, "expires": mark.expires, "providers": list(providers)}
        self.record.write_text(json.dumps(said) + "\n", encoding="utf-8")
        return key.export_public_key().decode().strip()

    def remove(self) -> None:
        """Nothing is rented by it any more; that may be said twice."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self.path)

    def reached(self, machines: Mapping[str, Thing], keys: Mapping[str, str], user: str) -> None:
        """Write how each node's machine is reached, and by which host key it is known."""
        known = [f"{machines[node].address} {keys[node]}" for node in machines]
        (self.path / "known_hosts").write_text("".join(f"{one}\n" for one in known))
        self.ssh_config.write_text(
            "".join(
                f"Host {node}\n  HostName {one.address}\n  User {user}\n"
                f'  IdentityFile "{self.key.absolute()}"\n  IdentitiesOnly yes\n'
                f'  UserKnownHostsFile "{self.path.absolute()}/known_hosts"\n\n'
                for node, one in machines.items()
            )
        )


def secret(path: Path, text: str) -> None:
    """Write what is nobody else's to read."""
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(text, encoding="utf-8")


def read(path: Path) -> tuple[str, list[str]]:
    """The lease of that folder, and its providers. Raises `FormatError`."""
    record = Folder(path).record
    if not record.exists():
        raise FormatError(f"{path} is not the folder of a lease: it has no lease.json.")
    said = Fields.of(parse(budgets.content(record), str(record)), str(record))
    lease, providers = said.required("lease", str), said.required("providers", list)
    if not is_lease(lease):
        # It selects what is destroyed: any other text may stand for more than one lease.
        raise FormatError(f"{said.at('lease')}: {shown(lease)} is not the name of a lease.")
    strange = [name for name in providers if name not in list(PROVIDERS)]
    if strange or not providers:
        found = shown(strange[0]) if strange else "none"
        raise FormatError(
            f"{said.at('providers')}: expected some of {', '.join(PROVIDERS)}, found {found}."
        )
    return lease, providers


def is_lease(name: str) -> bool:
    """Whether a lease can be called so."""
    return re.fullmatch(r"[A-Za-z0-9]{1,63}", name, re.ASCII) is not None


def first_orders(public: str, own: str = "") -> tuple[str, str]:
    """What a machine is told by cloud-init, and the public host key that it is given by it.

    `own`: the user's own orders, after ours. Raises `UsageError` if they are of no known kind, or
    too long.
    """
    key = asyncssh.generate_private_key("ssh-ed25519")
    known = key.export_public_key().decode().strip()
    ours = {
        "ssh_deletekeys": True,
        "ssh_keys": {
            "ed25519_private": key.export_private_key().decode(),
            "ed25519_public": known,
        },
        "ssh_authorized_keys": [public],
        "disable_root": False,
        "ssh_pwauth": False,
    }
    # JSON is YAML.
    text = f"#cloud-config\n{json.dumps(ours)}\n"
    if own:
        kind = next((kind for begin, kind in KINDS.items() if own.startswith(begin)), None)
        if kind is None:
            raise UsageError(f"User data begins with {' or '.join(KINDS)}: see cloud-init.")
        whole = MIMEMultipart()
        whole.attach(MIMEText(text, "cloud-config", "utf-8"))
        whole.attach(MIMEText(own, kind, "utf-8"))
        text = whole.as_string()
    if len(text.encode()) > USER_DATA_BYTES:
        raise UsageError(f"User data has more than {USER_DATA_BYTES} bytes with ours: shorten it.")
    return text, known
