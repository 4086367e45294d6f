"""The generations of one machine, kept as Guix keeps them: links to store items.

Lives here: reading the deployment list, which generation is selected and which is running, and
replacing these two links. Not here: why and in which order (`supervisor`).
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import attrs

from syncmodel.errors import UsageError
from syncmodel.reference.node.layout import Layout
from syncmodel.reference.node.packages import CORE


class UnknownGenerationError(UsageError):
    """The machine has no generation of this number or with these plugins."""


@attrs.frozen
class Generation:
    """One numbered, immutable deployment: its plugins, each with its version.

    `supervisor` is the version of the machine's supervisor that it needs, `core` that of the host's
    own schema, and `channels` are the commits that it is built from, by channel.
    """

    number: int
    plugins: dict[str, int]
    supervisor: int = 1
    core: int = 0
    channels: dict[str, str] = attrs.field(factory=dict)

    @property
    def item(self) -> str:
        """The name of its store item. Equal deployments have equal names, as in Guix."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return f"{hashlib.sha256(text.encode()).hexdigest()[:32]}-system"

    def to_json(self) -> dict[str, Any]:
        """Its file in the store."""
        usual = Generation(self.number, self.plugins)
        given = attrs.asdict(self).items()
        always = ("number", "plugins")
        return {n: v for n, v in given if n in always or v != getattr(usual, n)}

    @property
    def versions(self) -> dict[str, int]:
        """Whose migrations it needs: its plugins, and the host itself."""
        return {**self.plugins, **({CORE: self.core} if self.core else {})}

    @property
    def substitutes(self) -> tuple[str, ...]:
        """What has to be at hand to build it: the system and each plugin's package."""
        packages = (f"{name}-{version}" for name, version in sorted(self.plugins.items()))
        return (f"system-{self.number}", *packages)


DEFAULT_GENERATIONS = (
    Generation(1, {}),
    Generation(2, {"supertest": 1}),
    Generation(3, {"supertest": 2}),
    Generation(4, {"supertest": 3}),
)


@attrs.frozen
class Generations:
    """The deployment list below one machine's folder. It keeps nothing: the links are the truth."""

    layout: Layout

    def install(self, generation: Generation) -> None:
        """Add a generation to the list. The one that is there under this number is replaced."""
        item = self.layout.store / generation.item
        item.mkdir(parents=True, exist_ok=True)
        text = json.dumps(generation.to_json())
        (item / "generation.json").write_text(text, encoding="utf-8")
        link = self.layout.profiles / f"system-{generation.number}-link"
        _replace_link(link, f"../../../gnu/store/{generation.item}")

    def list(self) -> tuple[Generation, ...]:
        """Every generation, by number."""
        found = (_read(link) for link in self.layout.profiles.glob("system-*-link"))
        return tuple(sorted(found, key=lambda generation: generation.number))

    def get(self, number: int) -> Generation:
        """The generation of this number. Raises UnknownGenerationError."""
        known = self.list()
        for generation in known:
            if generation.number == number:
                return generation
        raise UnknownGenerationError(
            f"There is no generation {number}; this machine has "
            f"{', '.join(str(generation.number) for generation in known) or 'none'}."
        )

    def with_plugins(self, plugins: dict[str, int]) -> Generation:
        """The first generation that has exactly these plugins. Raises UnknownGenerationError."""
        for generation in self.list():
            if generation.plugins == plugins:
                return generation
        raise UnknownGenerationError(f"No generation of this machine has exactly {plugins!r:.80}.")

    def selected(self) -> int:
        """The number of the generation that the machine will boot."""
        return _read(self.layout.selected).number

    def running(self) -> int | None:
        """The number of the generation that runs now, None before the first boot."""
        if not self.layout.running.exists():
            return None
        return _read(self.layout.running).number

    def select(self, number: int) -> None:
        """Make this the generation that the machine will boot; one is selected at every moment.

        Raises UnknownGenerationError (nothing changed).
        """
        self.get(number)
        _replace_link(self.layout.selected, f"system-{number}-link")

    def set_running(self, number: int) -> None:
        """Note that this generation runs now. Raises UnknownGenerationError (nothing changed)."""
        item = self.get(number).item
        _replace_link(self.layout.running, f"../gnu/store/{item}")


def _read(link: Path) -> Generation:
    data = json.loads((link / "generation.json").read_text(encoding="utf-8"))
    return Generation(**data)


def _replace_link(link: Path, to: str) -> None:
    # A link can't be written in place: make another next to it and rename it over, which is atomic.
    link.parent.mkdir(parents=True, exist_ok=True)
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(to)
    os.replace(fresh, link)
