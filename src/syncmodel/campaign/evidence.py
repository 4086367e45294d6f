"""What can be had of a failure only while it happens: what its nodes say, and their messages.

The run is performed once more for that, once it is confirmed: no step of any search waits for it.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from attrs import field, frozen

from syncmodel.engine.again import performed
from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.drive import Driver
from syncmodel.engine.following import Following, Happenings
from syncmodel.engine.hanging import bounded, let_go
from syncmodel.engine.history import nobody
from syncmodel.engine.invariant import Invariant
from syncmodel.engine.trouble import sentence
from syncmodel.shrink.odds import Odds
from syncmodel.targets.base import Diagnosed, Target
from syncmodel.targets.inside import Traces

#: What a folder of artefacts is called: as the saved run, with this in place of `.json`.
SUFFIX = ".artefacts"
#: The file that says that such a folder is ours, and which run it is of.
ABOUT, FORMAT = "about.json", "syncmodel-artefacts"
#: More runs than this are not performed to see a failure once more that shows only sometimes.
MOST_RUNS = 10


@frozen
class Evidence:
    """`folder` has the artefacts of the nodes; `lacking` says why there are none, if they were to
    be. `happened` is what the target said of its messages."""

    folder: Path | None = None
    lacking: str = ""
    happened: Happenings = field(factory=dict, repr=False)


def offers(target: Target) -> bool:
    """Whether a target can say more than what its rows show."""
    return isinstance(target, Diagnosed | Traces)


def gathered(
    target: Target,
    driver: Driver,
    found: Counterexample,
    file: Path | None,
    invariants: Sequence[Invariant] = (),
) -> tuple[Counterexample, Evidence]:
    """See the failure once more, and what its nodes say then; the failure as it was seen.

    `target` is on the network that it needs. Never fails for what a node or a disk does.
    """
    follows = Following(target) if isinstance(target, Traces) else None
    try:
        for _ in range(min(MOST_RUNS, Odds(found.failed, found.runs).tries)):
            result = performed(target, driver, found, invariants, follows or nobody)
            if found.key in result.keys and len(result.steps) == len(found.script.steps):
                kept = artefacts(target, driver, file)
                happened = {} if follows is None else follows.happened
                seen = found.seen(found.script, result)
                return seen, Evidence(kept.folder, kept.lacking, happened)
    except Exception as error:  # noqa: BLE001 (the failure is saved, whatever its nodes do now)
        return found, Evidence(lacking=sentence(error))
    return found, Evidence(lacking="It did not fail when it was performed once more for them.")


def artefacts(target: Target, driver: Driver, file: Path | None) -> Evidence:
    """Have the nodes of the run that just ended say what they can, into a folder beside the file.

    It takes the place of an older one of ours, whole or not at all. Never fails.
    """
    if not isinstance(target, Diagnosed) or file is None:
        return Evidence()
    folder = file.with_suffix(SUFFIX)
    if folder.exists() and not _is_ours(folder):
        return Evidence(lacking=f"{folder} is no folder of ours, so it is left as it is.")
    making = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(dir=file.parent, prefix=".", suffix=".tmp"))
        saying = bounded(target, target.artefacts(making), lambda: "saying what its nodes know")
        try:
            driver.run(saying)
        finally:
            let_go()
        about = json.dumps({"format": FORMAT, "of": file.name})
        (making / ABOUT).write_text(f"{about}\n", encoding="utf-8")
        making.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        making.rename(folder)
    except Exception as error:  # noqa: BLE001 (what was found stands without them)
        return Evidence(lacking=sentence(error))
    finally:
        if making is not None and making.exists():
            shutil.rmtree(making, ignore_errors=True)
    return Evidence(folder)


def _is_ours(folder: Path) -> bool:
    """Whether it is a folder that says that it is one of these."""
    try:
        about = json.loads((folder / ABOUT).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(about, dict) and about.get("format") == FORMAT
