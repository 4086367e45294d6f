"""The shortest run that fails on a cluster with a planted bug, and the proof that none is shorter.

Breadth first at the grain of steps, so the first run that fails has the fewest steps, those inside
a burst counted one each. What that proof leaves out is in docs/checking.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from itertools import product
from json import loads
from operator import attrgetter

from attrs import frozen

from syncmodel.checker import (
    Bounds,
    Holds,
    Path,
    Progress,
    Property,
    Unknown,
    Unreached,
    Violated,
    always,
    check,
    sometimes,
)
from syncmodel.exhaustive.cores import Moment, cluster, never_wrong
from syncmodel.exhaustive.limits import UNLIMITED, Limits
from syncmodel.exhaustive.stepwise import Stepwise, Then, as_run
from syncmodel.model.divergence import Key, Kind
from syncmodel.model.net import Net, fully_connected
from syncmodel.reference.kinds import SIMULATED
from syncmodel.steps import Step

FILE = "shortest.json"
SCHEMA = SIMULATED.schema
#: The kinds of rows that a divergence is about; none where it is about a node.
TABLES = (*SCHEMA.by_name, "")
#: The latest and the earliest generation, besides the usual one.
NEWER, BARE = len(SCHEMA.generations), 1
#: Two rows of the first table, so that one can be the wrong one, and one of each other.
FEW = {table: 2 if place == 0 else 1 for place, table in enumerate(SCHEMA.by_name)}
#: The nodes fail, in whatever way.
OTHERWISE: Property[Moment] = sometimes("anything is wrong", lambda now: bool(now.found))


@frozen
class Shortest:
    """A failing run; no shorter one exists within the bounds of its search.

    `states` is how many moments were visited before it; `otherwise` is a shortest run that fails
    in another way than was asked for, if one was seen on the way.
    """

    net: Net
    steps: tuple[Step, ...]
    length: int
    divergence: Key
    states: int
    otherwise: Shortest | None = None


@frozen
class NoneShorter:
    """No run of up to `length` steps fails; `states` moments were visited.

    `whole`: there is no longer one either, within the limits. `otherwise`: see `Shortest`.
    """

    length: int
    states: int
    whole: bool
    otherwise: Shortest | None = None


def anything(
    nodes: int, *, reads: bool = False, faulty: bool = False, members: bool = False
) -> Limits:
    """Every kind of step, any number of times, on few rows: only the depth bounds the search.

    Reads and deployments that meet a fault change nothing, and there are many: they are left out
    unless they are asked for. So are changes of members and of trust.
    """
    return Limits(
        nodes=nodes,
        rows=FEW,
        writes=UNLIMITED,
        cuts=UNLIMITED,
        crashes=UNLIMITED,
        restarts=UNLIMITED,
        rollbacks=UNLIMITED,
        rollouts=UNLIMITED,
        faulty=UNLIMITED if faulty else 0,
        resyncs=UNLIMITED,
        reads=UNLIMITED if reads else 0,
        leaves=UNLIMITED if members else 0,
        distrusts=UNLIMITED if members else 0,
        burst=UNLIMITED,
    )


def beginnings(nodes: int) -> tuple[Net, ...]:
    """The nets that runs begin from: all alike, one node newer, one without the plugin."""
    net = fully_connected(SCHEMA, nodes)
    first = net.nodes[:1]
    return (net, net.deploy(first, NEWER), net.deploy(first, BARE))


def shortest(
    planted: Sequence[str],
    limits: Limits,
    most: int,
    *,
    key: Key | None = None,
    nets: tuple[Net, ...] = (),
    partly: bool = False,
    max_states: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Shortest | NoneShorter:
    """The shortest failing run of at most `most` steps, or up to which length there is none.

    `key`: what it fails with, name and kind of row (default: anything). `nets` default to
    `limits.net`; `partly`: see `Stepwise`. At `max_states` the search
    ends with the length up to which it was whole. Raises `UsageError` for an unknown bug.
    """
    cores = cluster(limits, planted, nets, symmetric=False)
    wanted = [never_wrong() if key is None else never(key), OTHERWISE]
    bounds = Bounds(max_states=max_states, max_depth=most)
    verdict = check(Stepwise(cores, partly), wanted, bounds, progress=progress)
    states = verdict.statistics.states
    match verdict:
        case Violated(path=path, witnesses=seen):
            return _found(path, key or path.end.found[0].key, states, _otherwise(seen, states))
        case Unknown(statistics=statistics, witnesses=seen):
            other = _otherwise(seen, states)
            return NoneShorter(statistics.whole_depth, states, whole=False, otherwise=other)
        case Holds(witnesses=seen):
            return NoneShorter(most, states, whole=True, otherwise=_otherwise(seen, states))
        case Unreached():
            return NoneShorter(most, states, whole=True)


def shortest_of_each(
    planted: Sequence[str],
    limits: Limits,
    most: int,
    *,
    nets: tuple[Net, ...] = (),
    coins: int = 1,
    partly: bool = False,
) -> dict[Key, Shortest]:
    """For each way to fail, by name and kind of row, a shortest run of at most `most` steps."""
    cores = cluster(limits, planted, nets, symmetric=False, coins=coins)
    asked = {str(key): key for key in product(map(attrgetter("value"), Kind), TABLES)}
    wanted = [sometimes(name, fails_with(key)) for name, key in asked.items()]
    bounds = Bounds(max_states=None, max_depth=most)
    verdict = check(Stepwise(cores, partly), wanted, bounds)
    assert isinstance(verdict, Unknown), f"there are more ways to fail than these: {verdict}"
    seen = verdict.witnesses.items()
    states = verdict.statistics.states
    return {asked[name]: _found(path, asked[name], states) for name, path in seen}


def fails_with(key: Key) -> Callable[[Moment], bool]:
    """Whether the model calls this wrong at a moment."""
    return lambda now: any(one.key == key for one in now.found)


def never(key: Key) -> Property[Moment]:
    """The cores may fail in other ways, but not in this one."""
    fails = fails_with(key)
    return always(f"nothing is {' '.join(key).strip()}", lambda now: not fails(now))


def _found(
    path: Path[Moment, Then], key: Key, states: int, otherwise: Shortest | None = None
) -> Shortest:
    """What a path at the grain of steps says."""
    net = path.start.model.plan.net
    return Shortest(net, as_run(path.actions), len(path), key, states, otherwise)


def _otherwise(seen: Mapping[str, Path[Moment, Then]], states: int) -> Shortest | None:
    """The first failure that was seen, whatever it is."""
    path = seen.get(OTHERWISE.name)
    return None if path is None else _found(path, path.end.found[0].key, states)


def known_lengths_by_key() -> dict[str, dict[Key, int]]:
    """By the bug's name and by how it fails, the length of the shortest run that is known.

    Minimisers are measured by it. What is proved is in docs/checking.md.
    """
    text = (files("syncmodel.reference.node.bugs") / FILE).read_text(encoding="utf-8")
    return {
        bug: {_key(words): length for words, length in lengths.items()}
        for bug, lengths in loads(text).items()
    }


def known_lengths() -> dict[str, int]:
    """By the bug's name, the length of the shortest run that is known to fail in any way."""
    return {bug: min(lengths.values()) for bug, lengths in known_lengths_by_key().items()}


def _key(words: str) -> Key:
    """A divergence as the file has it: its name, and the kind of row if it is about one."""
    name, _, table = words.rpartition(" ")
    return (name, table) if table in TABLES else (words, "")
