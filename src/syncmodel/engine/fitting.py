"""A run that was written for some nodes, on a target that has others or more. Pure.

The names are taken in order, and the nodes that are left over stay down from the beginning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve
from immutables import Map
from msgspec.structs import replace

from syncmodel.engine.rename import Names, renamed_steps
from syncmodel.engine.script import Script
from syncmodel.errors import UsageError
from syncmodel.model.guarantees import Guarantees


def fitted(script: Script, nodes: Sequence[str]) -> Script:
    """The same run on a target with these nodes. Raises `UsageError` if they are too few."""
    wanted = script.net.nodes
    if len(wanted) > len(nodes):
        raise UsageError(f"The run needs {len(wanted)} nodes, and the target has {len(nodes)}.")
    new = _names(wanted, nodes)
    if new:
        script = _on(script, new)
        wanted = script.net.nodes
    if tuple(nodes) == wanted:
        return script
    net, spare = script.net, [node for node in nodes if node not in wanted]
    running = net.running
    for node in spare:
        running = running.set(node, net.running[wanted[0]])
    down = net.down | frozenset(spare)
    return evolve(script, net=replace(net, nodes=tuple(nodes), running=running, down=down))


def fitted_promises(
    guarantees: Guarantees, wanted: Sequence[str], nodes: Sequence[str]
) -> Guarantees:
    """The promises to a run on the nodes `wanted`, with the target's names for the readers."""
    new = _names(wanted, nodes)
    readers = frozenset(new.get(reader, reader) for reader in guarantees.readers)
    return guarantees if readers == guarantees.readers else evolve(guarantees, readers=readers)


def _names(wanted: Sequence[str], nodes: Sequence[str]) -> Mapping[str, str]:
    """The target's name for each node of a run: nothing if it has all of these itself."""
    return {} if set(wanted) <= set(nodes) else dict(zip(wanted, nodes, strict=False))


def _on(script: Script, new: Mapping[str, str]) -> Script:
    """The script with the target's names."""
    net = script.net
    running = Map({new[name]: generation for name, generation in net.running.items()})
    readers = frozenset(new[reader] for reader in net.readers)
    net = replace(net, nodes=tuple(new.values()), running=running, readers=readers)
    return Script(net, renamed_steps(script.steps, Names(nodes=new), net.schema))
