"""A run that was written for some nodes, on a target that has others or more. Pure.

The names are taken in order, and the nodes that are left over stay down from the beginning.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve
from immutables import Map
from msgspec.structs import replace

from syncmodel.engine.rename import Names, renamed_steps
from syncmodel.engine.script import Script
from syncmodel.errors import UsageError


def fitted(script: Script, nodes: Sequence[str]) -> Script:
    """The same run on a target with these nodes. Raises `UsageError` if they are too few."""
    wanted = script.net.nodes
    if len(wanted) > len(nodes):
        raise UsageError(f"The run needs {len(wanted)} nodes, and the target has {len(nodes)}.")
    if not set(wanted) <= set(nodes):
        script = _on(script, nodes)
        wanted = script.net.nodes
    if tuple(nodes) == wanted:
        return script
    net, spare = script.net, [node for node in nodes if node not in wanted]
    running = net.running
    for node in spare:
        running = running.set(node, net.running[wanted[0]])
    down = net.down | frozenset(spare)
    return evolve(script, net=replace(net, nodes=tuple(nodes), running=running, down=down))


def _on(script: Script, nodes: Sequence[str]) -> Script:
    """The script with the target's names."""
    new = dict(zip(script.net.nodes, nodes, strict=False))
    running = Map({new[name]: generation for name, generation in script.net.running.items()})
    net = replace(script.net, nodes=tuple(new.values()), running=running)
    return Script(net, renamed_steps(script.steps, Names(nodes=new)))
