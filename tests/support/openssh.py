"""A real OpenSSH server of the tests' own, as strict or as broken as its configuration."""

from __future__ import annotations

import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import asyncssh
import attrs
import pytest

CLIENT_KEY = asyncssh.generate_private_key("ssh-ed25519")
HOST_KEY = asyncssh.generate_private_key("ssh-ed25519")
SSHD = Path("/usr/sbin/sshd")
USER = pwd.getpwuid(os.geteuid()).pw_name


@attrs.frozen
class Server:
    """Where it listens, and the process that does."""

    port: int
    pid: int

    def sessions(self) -> list[int]:
        """The processes that serve a connection, one each."""
        return [
            int(pid)
            for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        ]

    def drop(self) -> None:
        """Kill what serves the connections: they break, and new ones are served."""
        for pid in self.sessions():
            os.kill(pid, signal.SIGKILL)

    def end(self) -> None:
        """Kill all of it."""
        for pid in [*self.sessions(), self.pid]:
            os.kill(pid, signal.SIGKILL)


#: Below those that the kernel gives to who dials: it gives one that is free now to anybody.
PORTS = range(20_000, 32_768)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port


@contextmanager
def sshd(
    *lines: str,
    key_options: str = "",
    host_key: asyncssh.SSHKey = HOST_KEY,
    address: str = "127.0.0.1",
    prefix: Sequence[str] = (),
    port: int = 0,
) -> Iterator[Server]:
    """A server with these lines in its configuration; it lets CLIENT_KEY in as USER. `prefix` are
    words before the command, such as one that enters the namespace with this `address`."""
    if not SSHD.exists():
        reason = f"{SSHD} is missing: install openssh-server"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    if os.geteuid() == 0:
        # What its own service unit creates at boot.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    port = port or free_port()
    folder = Path(tempfile.mkdtemp())
    # Another user's keys are read as that user.
    folder.chmod(0o755)
    try:
        host_key.write_private_key(folder / "host_key")
        (folder / "host_key").chmod(0o600)
        public = CLIENT_KEY.export_public_key().decode()
        (folder / "authorized").write_text(f"{key_options} {public}".lstrip())
        config = folder / "config"
        settings = "\n".join(lines)
        config.write_text(
            f"{settings}\nPort {port}\nListenAddress {address}\nHostKey {folder}/host_key\n"
            f"PidFile none\nAuthorizedKeysFile {folder}/authorized\nStrictModes no\nUsePAM no\n"
            "PasswordAuthentication no\nPermitRootLogin prohibit-password\n"
            "Subsystem sftp internal-sftp\n"
        )
        command = [*prefix, str(SSHD), "-D", "-e", "-f", str(config)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            try:
                said = process.stderr.readline()
                assert "listening" in said, said
                yield Server(port, process.pid)
            finally:
                process.terminate()
    finally:
        shutil.rmtree(folder)
