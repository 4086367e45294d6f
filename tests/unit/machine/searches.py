"""Searches on the simulator, for the tests of this folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import hypothesis

from syncmodel.campaign.campaign import Place
from syncmodel.engine.drive import Straight
from syncmodel.engine.findings import Findings, Settings
from syncmodel.engine.history import Began, Entry, Observer, Performed, nobody
from syncmodel.engine.session import Session
from syncmodel.engine.tally import Tally
from syncmodel.machine.cluster import ClusterMachine
from syncmodel.machine.search import Search, Share
from syncmodel.model.divergence import Divergence
from syncmodel.model.net import Net
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Step, dump
from syncmodel.strategies.themes import Theme
from syncmodel.targets.base import Target


class Recorder:
    """The step lists of every run, as they were performed, by the number of the run."""

    def __init__(self) -> None:
        self.runs: list[tuple[Net, list[Step]]] = []
        self.numbers: list[int] = []

    def __call__(self, entry: Entry) -> None:
        if isinstance(entry, Began):
            self.numbers.append(entry.number)
            self.runs.append((entry.net, []))
        elif isinstance(entry, Performed):
            self.runs[-1][1].append(entry.step)

    @property
    def digest(self) -> str:
        """One word for all that was done."""
        return digest(zip(self.numbers, self.runs, strict=True))


def digest(runs: Any) -> str:
    """One word for these runs, whatever their order."""
    lines = [
        json.dumps([number, sorted(net.running.items()), [dump(step) for step in steps]])
        for number, (net, steps) in runs
    ]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]


def search(
    target: Target | None = None,
    settings: Settings | None = None,
    machine: type[ClusterMachine] = ClusterMachine,
    *,
    share: Share | None = None,
    base: hypothesis.settings | None = None,
    observe: Observer | None = None,
    until_s: float | None = None,
    beyond: Callable[[int], bool] = lambda _: False,
) -> tuple[Findings, Recorder]:
    """What a search finds, and what it did."""
    recorder, findings = Recorder(), Findings()

    def see(entry: Entry) -> None:
        recorder(entry)
        if observe is not None:
            observe(entry)

    settings = settings or Settings(sequences=10, steps=20, seed=1)
    made = target or SimulatedCluster(settings.nodes)
    place = Place(lambda: made, Straight(), settings, see, findings, Tally())
    one = Search(machine, place, share=share or Share(), until_s=until_s, beyond=beyond)
    one.run(base)
    return findings, recorder


class Drawing(Search):
    """Draws the sequences of a search and performs nothing, which takes a fraction of the time.

    What is drawn follows from the plan alone, so they are the same.
    """

    def __init__(self, machine: type[ClusterMachine], settings: Settings) -> None:
        made = SimulatedCluster(settings.nodes)
        super().__init__(
            machine, Place(lambda: made, Straight(), settings, nobody, Findings(), Tally())
        )
        self.sessions: dict[int, Session] = {}

    def _admit(self) -> None:
        super()._admit()
        self._dry = not self._void

    def begin(self, net: Net, theme: Theme) -> tuple[Session, tuple[Divergence, ...]]:
        session, diverged = super().begin(net, theme)
        self.sessions[self._number] = session
        return session, diverged


def drawn(
    settings: Settings, machine: type[ClusterMachine] = ClusterMachine
) -> list[tuple[Net, list[Step]]]:
    """The sequences of a search, from the first one on."""
    drawing = Drawing(machine, settings)
    drawing.run()
    return [(session.net, session.steps) for session in drawing.sessions.values()]
