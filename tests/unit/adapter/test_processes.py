"""What an adapter of servers does around its author's methods, without any server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from syncmodel import Schema, Table, Token
from syncmodel.adapter import Processes, Unknown, processes
from syncmodel.errors import UsageError
from syncmodel.model.net import Link
from syncmodel.steps.base import PAIRS, CutsOneWay
from syncmodel.targets.registry import kind_of


class Server:
    """One that ended, or never does."""

    def __init__(self, runs: bool) -> None:
        self.runs = runs

    async def ended(self) -> None:
        if self.runs:
            await asyncio.Event().wait()


class Deaf(Processes):
    """Nodes of which one can't be told that its links are whole."""

    schema = Schema(Table("rows", Token("text")))
    quiet_s = 0.1

    def __init__(self, trouble: Exception, running: dict[str, bool]) -> None:
        super().__init__(3)
        self.trouble, self.told = trouble, set[Link]()
        servers: Any = {node: Server(runs) for node, runs in running.items()}
        self._servers = servers

    async def mended(self, links: frozenset[Link]) -> None:
        if ("n1", "n2") in links:
            raise self.trouble
        self.told |= links


LINKS = frozenset({("n1", "n2"), ("n2", "n3"), ("n3", "n1")})
RUN = {"n1": True, "n2": True, "n3": True}


@pytest.mark.parametrize("trouble", [Unknown(""), ConnectionResetError(), TimeoutError()])
@pytest.mark.parametrize("gone", [["n2"], ["n1"], ["n3"], []])
def test_a_node_that_ends_while_links_are_mended_is_no_trouble(
    trouble: Exception, gone: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "END_S", 0.01)
    adapter = Deaf(trouble, RUN | dict.fromkeys(gone, False))
    if set(gone) & {"n1", "n2"}:
        asyncio.run(adapter._dial_again(LINKS))
        assert adapter.told == LINKS - {("n1", "n2")}
    else:
        with pytest.raises(type(trouble)):
            asyncio.run(adapter._dial_again(LINKS))


class Paired(Processes):
    """Nodes whose links are cut in both directions, or in none."""

    schema = Schema(Table("rows", Token("text")))
    quiet_s = 0.1
    links = PAIRS


def test_where_links_are_pairs_no_single_one_is_cut() -> None:
    directed, paired = kind_of(Deaf).ops, kind_of(Paired).ops
    assert directed - paired == {"cut", "mend"}
    assert {"partition", "heal"} <= paired
    assert issubclass(Deaf, CutsOneWay)
    assert not issubclass(Paired, CutsOneWay)
    for cut in ({("n1", "n2")}, {("n1", "n2"), ("n2", "n3"), ("n3", "n2")}):
        with pytest.raises(UsageError, match="Paired has links that are cut in both directions"):
            asyncio.run(Paired(3).set_cut(frozenset(cut)))
