"""What a member of etcd without a leader means, without any member."""

from __future__ import annotations

from typing import Any

import pytest

from syncmodel.adapter import Refused, Unknown
from syncmodel.adapters.etcd import Etcd
from syncmodel.model.net import Link

ALONE = frozenset({("n2", "n1"), ("n3", "n1"), ("n1", "n2"), ("n1", "n3")})


class Leaderless(Etcd):
    """Members that know no leader."""

    def _ask(self, node: str, what: str, **asked: Any) -> Any:
        assert what == "maintenance/status", "nothing else may be sent"
        return {"leader": "0"}


@pytest.mark.parametrize(
    ("cut", "down", "node", "answer"),
    [
        ((), (), "n1", Unknown),
        ((), ("n3",), "n1", Unknown),
        (ALONE, (), "n2", Unknown),
        ({("n2", "n1"), ("n1", "n2")}, (), "n1", Unknown),
        (ALONE, (), "n1", Refused),
        ((), ("n2", "n3"), "n1", Refused),
        ({("n2", "n1"), ("n1", "n2")}, ("n3",), "n1", Refused),
    ],
)
def test_without_a_leader_only_too_few_members_refuse(
    cut: frozenset[Link], down: tuple[str, ...], node: str, answer: type[Exception]
) -> None:
    etcd = Leaderless(3)
    etcd.cut, etcd.down = frozenset(cut), frozenset(down)
    with pytest.raises(answer):
        etcd._unless_without_leader(node)
