"""Every file of corpus/ is a separate test, named after it: `pytest stateful/ -k corpus`.

A file that names a planted bug must fail on nodes with that bug and pass on nodes without. Files of
one bug run together, so that its cluster is booted once.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from syncmodel.corpus import Reproduction, Systems, load
from syncmodel.engine.pool import Pool
from syncmodel.engine.replay import Judgement, replay
from syncmodel.engine.session import SETTLE_LIMIT_S
from syncmodel.errors import UsageError
from syncmodel.model.divergence import Kind
from syncmodel.reference.node.bugs import get
from syncmodel.report.story import story
from syncmodel.targets import registry
from syncmodel.targets.registry import TargetKind

#: How often a bug fails is only known of the kind of target that it was confirmed on: where the
#: clock is real, two writes are not always made within one second. One that fails in one run of
#: seven is still seen in all but 1 in 400 tests.
CHANCES = 40
#: Nodes that are to show that they never come to rest need not be waited for as long as others.
NO_REST_LIMIT_S = 1.0
CORPUS = Path(__file__).parent.parent / "corpus"


def _together(path: Path) -> tuple[str, int, str]:
    """What decides which cluster a file needs; a malformed file fails in its own test."""
    try:
        reproduction = load(path, registry.registered)
    except UsageError:
        return ("", 0, path.name)
    return (reproduction.bug or "", len(reproduction.nodes), path.name)


def _systems(kind: TargetKind) -> Systems:
    """What the target's name in a file means: the kind that is tested, or a registered one."""
    return lambda name: kind if name == kind.name else registry.registered(name)


def _can_show(reproduction: Reproduction, kind: TargetKind) -> bool:
    """Whether nodes of that kind come into the situation of the file's bug.

    Hosts of an inventory, whose number is theirs, have no bugs but their own.
    """
    if kind.nodes is not None:
        return False
    return reproduction.bug is None or not kind.waits or get(reproduction.bug).live


FILES = sorted(CORPUS.glob("*.json"), key=_together)
#: Coverings that deploy, boot and restore all the time: the simulator takes them in every run.
LONG = (
    "covering-kinds-of-nodes-2-writes-1-",
    # The same with links that hang, and purges.
    "covering-kinds-of-nodes-2-hangs-1-",
    "covering-kinds-of-nodes-2-writes-3-purges-1-",
    # Live nodes come into their situation in few runs, or must be waited for.
    "a-connection-that-breaks-while-a-node-asks-",
    "a-peer-whose-connection-hung-",
    "while-one-node-is-down-another-one-does-not-",
    "a-version-that-loses-is-stored-",
    "what-a-node-writes-after-its-files-were-put-back-",
)


def _param(path: Path) -> ParameterSet:
    return pytest.param(path, marks=[pytest.mark.long] if path.name.startswith(LONG) else [])


@pytest.mark.parametrize("path", list(map(_param, FILES)), ids=lambda path: path.stem)
def test_corpus(path: Path, syncmodel_pool: Pool) -> None:
    """What the file says is seen: with its bug planted, and without."""
    try:
        reproduction = load(path, _systems(syncmodel_pool.kind))
    except UsageError as error:
        pytest.fail(str(error), pytrace=False)
    if reproduction.schema == syncmodel_pool.kind.schema:
        _check(reproduction, syncmodel_pool)
        return
    # A run on other tables is performed where there are these.
    with Pool(reproduction.target) as pool:
        _check(reproduction, pool)


def _check(reproduction: Reproduction, pool: Pool) -> None:
    kind = pool.kind
    if kind.nodes not in (None, len(reproduction.nodes)):
        pytest.skip(f"a run on {len(reproduction.nodes)} nodes, and {kind.title} are {kind.nodes}")
    elsewhere = reproduction.target != kind.name
    planted = reproduction.bug if _can_show(reproduction, kind) else None
    for bugs in ((planted,), ()) if planted else ((),):
        target = pool.target(len(reproduction.nodes), bugs)
        expected = reproduction.expected_with(bugs)
        no_rest = expected.divergence == (Kind.NOT_SETTLED.value, "")
        limit_s = NO_REST_LIMIT_S if no_rest else SETTLE_LIMIT_S
        for _ in range(CHANCES if bugs and elsewhere else 1):
            replayed = pool.driver.run(
                replay(target, reproduction, expected=expected, settle_limit_s=limit_s)
            )
            if replayed.judgement is not Judgement.OTHERWISE:
                break
        if replayed.judgement is not Judgement.AS_EXPECTED:
            nodes = f"with {bugs[0]}" if bugs else "without a bug"
            pytest.fail(f"{story(reproduction)}\n\nOn nodes {nodes}: {replayed.reason}", False)
