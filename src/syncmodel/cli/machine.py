"""`syncmodel machine`: a reference node and its supervisor on this host, and their control."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from syncmodel.cli.edge import put
from syncmodel.errors import InvalidRunError, UsageError

NAME = "machine"
HELP = "run a reference node with its supervisor on this host, or tell one what to do"
EXAMPLES = """\
  syncmodel machine /srv/n1 --make node.json     make its folder, and print its public key
  syncmodel machine /srv/n1                      run it in the foreground, until SIGTERM
  syncmodel machine /srv/n1 kill                 what `control kill` is in docs/contract.md
  syncmodel machine /srv/n1 --unit               a systemd unit that runs it, to standard output

node.json has name, admins, peers (name, pubkey, addresses: ws://HOST:PORT or wss://HOST:PORT),
trusted, and where it listens: "http_at": "127.0.0.1:4000", "relay_at": ["10.0.0.1:4848"]
("http_users": who else may use a http_at on the loopback; by default only the node's own user)
"""

#: Its supervisor starts and stops the application: systemd starts nothing that was killed.
UNIT = """\
[Unit]
Description=syncmodel reference node {name}
After=network-online.target
Wants=network-online.target

[Service]
ExecStart={python} -m syncmodel machine {root}
KillMode=mixed
TimeoutStopSec=10
Restart=on-failure
UMask=0077
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths={root}
PrivateTmp=yes

[Install]
WantedBy=multi-user.target
"""
VERBS = ("start", "stop", "kill", "restart", "pause", "resume", "status")


def arguments(parser: argparse.ArgumentParser) -> None:
    """The folder, and what to do."""
    parser.add_argument("folder", metavar="DIR", type=Path, help="everything of the machine")
    parser.add_argument(
        "control", metavar="VERB", nargs="?", choices=VERBS, help=f"one of {', '.join(VERBS)}"
    )
    parser.add_argument(
        "--unit", action="store_true", help="print a systemd unit that runs the machine, and end"
    )
    parser.add_argument(
        "--make",
        metavar="FILE",
        type=Path,
        default=None,
        help="make the folder, with this configuration and a new key, and end",
    )


def run(args: argparse.Namespace) -> int:
    """Make, control, or serve until told to end."""
    root = args.folder.absolute()
    if args.make is not None:
        if args.control is not None:
            raise UsageError("--make makes a folder and ends: leave the verb out.")
        return _make(root, args.make)
    if args.unit:
        put(_unit(root))
        return 0
    if args.control is not None:
        return _told(root, args.control)
    from syncmodel.reference import needs

    needs.installed()
    from syncmodel.reference.machines import host_process
    from syncmodel.reference.node import config
    from syncmodel.report.terminal import say

    if not (root / "etc" / "node.json").is_file():
        raise UsageError(f"There is no machine in {root}: make one with --make FILE.")
    config.load(root)
    host_process.run_host(root, lambda: say(f"The node in {root} answers."))
    return 0


def _unit(root: Path) -> str:
    """The unit of the machine in this folder, as this very Python runs it."""
    if any(
        not one.isprintable() or set(one) & set(" \"'\\%$") for one in (sys.executable, str(root))
    ):
        raise UsageError(
            f"{root} can't be in a systemd unit: choose a folder without such letters."
        )
    return UNIT.format(root=root, python=sys.executable, name=root.name)


def _told(root: Path, verb: str) -> int:
    """One verb of the control: one JSON object on standard output."""
    from syncmodel.reference.machines.host_control import ask

    answer = ask(root, verb, {})
    put(f"{json.dumps(answer)}\n")
    return 0 if answer["ok"] else InvalidRunError.exit_code


def _make(root: Path, file: Path) -> int:
    from syncmodel.corpus import budgets
    from syncmodel.corpus.fields import parse
    from syncmodel.nostr.keys import Key
    from syncmodel.reference import needs

    needs.installed()
    from syncmodel.reference.machines import host_process

    config = parse(budgets.content(file), str(file))
    if not isinstance(config, dict):
        raise UsageError(f"{file} is not a JSON object: write one as in docs/hosts.md.")
    key = Key.generate()
    host_process.make(root, key, config)
    put(f"{key.public}\n")
    return 0
