"""What a live node says that an uninstall would lose, in the model's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.targets.wire import PLUGIN


def to_losses(node: str, details: Mapping[str, Any], run_id: str) -> dict[str, Any]:
    """`rows_lost`, `rows_only_here` (of this run alone) and `not_asked`, as far as they are there.

    Raises `DivergenceFound` for what has not the contract's shape.
    """
    try:
        found: dict[str, Any] = {}
        if "rows_lost" in details:
            counts = details["rows_lost"].items()
            found["rows_lost"] = {_table(name): int(count) for name, count in counts}
        if "rows_only_here" in details:
            found["rows_only_here"] = {
                _table(name): _names(ids, f"{run_id}/")
                for name, ids in details["rows_only_here"].items()
            }
            found["not_asked"] = [str(name) for name in details["not_asked"]]
        return found
    except (KeyError, TypeError, ValueError, AttributeError):
        expected = "details of data_loss_unconfirmed of the contract's shape"
        shown = f"{details!r:.300}"
        raise DivergenceFound(
            (Divergence(Kind.CONTROL_PLANE, node, None, expected, shown),)
        ) from None


def _table(name: str) -> str:
    return name.removeprefix(f"{PLUGIN}_")


def _names(ids: list[str], prefix: str) -> list[str]:
    return [one.removeprefix(prefix) for one in ids if one.startswith(prefix)]
