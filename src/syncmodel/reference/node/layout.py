"""Where everything of one machine lies below its root folder. Paths only: nothing is read."""

from __future__ import annotations

from pathlib import Path

import attrs


@attrs.frozen
class Layout:
    """One machine's folder. `root` is absolute, and short: a unix socket's path has 107 bytes."""

    root: Path

    @property
    def store(self) -> Path:
        return self.root / "gnu" / "store"

    @property
    def profiles(self) -> Path:
        return self.root / "var" / "guix" / "profiles"

    @property
    def selected(self) -> Path:
        return self.profiles / "system"

    @property
    def running(self) -> Path:
        return self.root / "run" / "current-system"

    @property
    def database(self) -> Path:
        return self.root / "var" / "lib" / "tribes" / "node.sqlite"

    @property
    def accepted(self) -> Path:
        return self.root / "var" / "lib" / "tribes" / "accepted.sqlite"

    @property
    def key(self) -> Path:
        return self.root / "var" / "lib" / "tribes" / "key"

    @property
    def jobs(self) -> Path:
        return self.root / "var" / "lib" / "control" / "jobs"

    @property
    def mark(self) -> Path:
        return self.root / "var" / "lib" / "control" / "log-mark"

    @property
    def backup(self) -> Path:
        return self.root / "var" / "backup"

    @property
    def config(self) -> Path:
        return self.root / "etc" / "node.json"

    @property
    def clock(self) -> Path:
        return self.root / "etc" / "clock"

    @property
    def substitutes(self) -> Path:
        return self.root / "etc" / "substitutes.json"

    @property
    def channels(self) -> Path:
        return self.root / "etc" / "channels.json"

    def manifest(self, plugin: str, version: int) -> Path:
        return self.store / f"{plugin}-{version}-plugin" / "manifest.json"

    def plugin_migrations(self, plugin: str, version: int) -> Path:
        return self.manifest(plugin, version).with_name("migrations.json")

    @property
    def host_key(self) -> Path:
        return self.root / "etc" / "ssh" / "host_ed25519_key"

    @property
    def authorized_keys(self) -> Path:
        return self.root / "etc" / "ssh" / "authorized_keys"

    @property
    def app_socket(self) -> Path:
        return self.root / "run" / "app.sock"

    @property
    def relay_socket(self) -> Path:
        return self.root / "run" / "relay.sock"

    @property
    def links(self) -> Path:
        return self.root / "run" / "links"

    @property
    def control_socket(self) -> Path:
        return self.root / "run" / "control.sock"

    @property
    def app_log(self) -> Path:
        return self.root / "var" / "log" / "app.log"

    @property
    def supervisor_log(self) -> Path:
        return self.root / "var" / "log" / "supervisor.log"
