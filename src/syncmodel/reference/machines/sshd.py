"""The sshd of a machine in namespaces: its configuration, its users, and a trial of it.

Not here: its process (`isolated`).
"""

from __future__ import annotations

import os
import subprocess

import asyncssh

from syncmodel.reference.machines import inside

PORT = 22
CONFIG = "etc/ssh/sshd_config"
LOG = "var/log/sshd.log"
_HOST_KEY = "/etc/ssh/host_ed25519_key"
_OPTIONS = """\
Port {port}
ListenAddress {address}
HostKey {host_key}
AuthorizedKeysFile /etc/ssh/authorized_keys
AllowUsers root
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PidFile none
UseDNS no
PrintMotd no
MaxStartups 100
MaxSessions 100
SetEnv PATH=/root/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
Subsystem sftp internal-sftp
"""
USERS = """\
root:x:0:0:root:/root:/bin/sh
sshd:x:100:65534:sshd:/run/sshd:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
"""
# What it reads is in a folder that is seen in the trial alone, as are its users.
_TRIED = "/run/tried"
_TRIAL = f"""\
umask 077 && mount -t tmpfs -o mode=755 none /run && mkdir -m 755 /run/sshd && mkdir {_TRIED} &&
printf %s "$TRIED_KEY" > {_TRIED}/key && printf %s "$TRIED_CONFIG" > {_TRIED}/config &&
printf %s "$TRIED_USERS" > {_TRIED}/users && chmod 644 {_TRIED}/users && chmod 755 {_TRIED} &&
mount --bind {_TRIED}/users /etc/passwd && exec "$0" -T -f {_TRIED}/config
"""
_LIMIT_S = 20.0


def config(address: str, host_key: str = _HOST_KEY) -> str:
    """The text of its configuration."""
    return _OPTIONS.format(port=PORT, address=address, host_key=host_key)


def refusal(sshd: str, unshare: str) -> str:
    """Why that sshd does not start with such a configuration, in its own words; "" if it would.

    Nothing listens meanwhile, and nothing is left.
    """
    key = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    told = {
        "TRIED_KEY": key,
        "TRIED_CONFIG": config("127.0.0.1", f"{_TRIED}/key"),
        "TRIED_USERS": USERS,
    }
    try:
        done = subprocess.run(
            [unshare, "--mount", "sh", "-c", _TRIAL, sshd],
            env={**os.environ, **told, "PATH": inside.PATH},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_LIMIT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    # It shows what it has read: a program that only ends well is no sshd.
    if not done.returncode and f"port {PORT}" in done.stdout.lower().splitlines():
        return ""
    return " ".join(done.stderr.split())[-200:] or f"it ended with code {done.returncode}"
