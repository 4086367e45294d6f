"""From which address a peer arrives is what the other host sees, and not what the peer sends by."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from syncmodel.inventory import arriving
from syncmodel.inventory.checks import Health, Line, line_of
from syncmodel.inventory.host import HostNode
from syncmodel.inventory.reading import place

RELAY = place("10.0.0.1:4848")
STAYS = "0 0 10.0.0.1:4848 10.0.0.3:5000"


class Host:
    """One that says these things of its connections, one after the other, and of its route."""

    def __init__(
        self, name: str, *relay: str, says: Sequence[tuple[int, str]] = (), route: str = ""
    ) -> None:
        self.name, self.connection = name, None
        self.host = SimpleNamespace(relay=tuple(map(place, relay)))
        self._says, self._route = list(says), route
        self.asked: list[str] = []

    async def shell(self, command: str, limit_s: float) -> tuple[int, str]:
        self.asked.append(command)
        if command.startswith("ip route get"):
            return 0, self._route
        return self._says.pop(0)


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Line]:
    """The doctor's line of a peer that gets through, or not."""

    def of(peer: Host, to: Host, *, through: bool = True) -> Line:
        @asynccontextmanager
        async def dialled(*_: object) -> AsyncIterator[bool]:
            yield through

        monkeypatch.setattr(arriving, "dialled", dialled)
        check = arriving.arrives(cast(HostNode, to), RELAY)
        return asyncio.run(line_of(cast(HostNode, peer), "dials", check))

    return of


def peer(route: str = "10.0.0.1 via 10.0.0.9 src 10.0.0.2 uid 0", *more: str) -> Host:
    return Host("n2", "10.0.0.2:4848", *more, route=route)


def sees(*said: str) -> Host:
    return Host("n1", "10.0.0.1:4848", says=[(0, one) for one in said])


def test_a_peer_that_arrives_from_its_own_address_is_ok(line: Any) -> None:
    to = sees(STAYS, f"{STAYS}\n0 0 10.0.0.1:4848 10.0.0.2:6000")
    assert line(peer(), to) == Line(Health.OK, "n2 dials", "it does, and arrives from 10.0.0.2")
    assert to.asked[0].endswith("ss -Htn state established 'sport = :4848'")


def test_addresses_are_the_same_however_they_are_written(line: Any) -> None:
    to = sees("", "0 0 [::ffff:10.0.0.1]:4848 [::ffff:10.0.0.2]:6000")
    assert line(peer(), to).health is Health.OK
    to = sees("", "0 0 [fd00::1%e0]:4848 [fd00::2%e0]:6000")
    assert line(peer("", "[FD00:0::2]:4848"), to).health is Health.OK


def test_a_peer_behind_nat_is_told_though_it_sends_from_its_own_address(line: Any) -> None:
    found = line(peer(), sees("", "0 0 10.0.0.1:4848 192.0.2.7:6000"))
    assert found.health is Health.DEGRADED
    assert "it does, from 192.0.2.7, which is none of its own addresses" in found.told
    assert "(NAT), as it sends from 10.0.0.2" in found.told


def test_another_address_of_its_own_is_to_be_in_the_inventory(line: Any) -> None:
    found = line(peer("src 10.0.0.7"), sees("", "0 0 10.0.0.1:4848 10.0.0.7:6000"))
    assert found.health is Health.DEGRADED
    assert found.told.endswith("add it to `relay`, as a cut must name it")


@pytest.mark.parametrize(
    "says",
    [
        [(127, "env: 'ss': No such file or directory")],
        [(0, "ss: this is no list")],
        [(0, STAYS)] * 6,
    ],
    ids=["no ss", "another ss", "a list without it"],
)
def test_what_the_other_host_does_not_tell_is_not_ok(
    line: Any, says: list[tuple[int, str]]
) -> None:
    found = line(peer(), Host("n1", "10.0.0.1:4848", says=says))
    assert found.health is Health.DEGRADED
    assert "from which address it arrives is not known; it sends from 10.0.0.2: n1 " in found.told
    other = line(peer("src 10.0.0.7"), Host("n1", "10.0.0.1:4848", says=says))
    assert "it does, from 10.0.0.7, which is none of its own addresses" in other.told


def test_where_others_dial_meanwhile_it_is_looked_for_again(line: Any) -> None:
    both = f"{STAYS}\n0 0 10.0.0.1:4848 10.0.0.2:6000"
    again = f"{both}\n0 0 10.0.0.1:4848 10.0.0.2:6001"
    found = line(peer(), sees("", both, both, again))
    assert found.told == "it does, and arrives from 10.0.0.2"


def test_a_peer_whose_addresses_are_names_is_not_held_against_them(line: Any) -> None:
    named = Host("n2", "n2.example:4848", route="src 10.0.0.2")
    found = line(named, sees("", "0 0 10.0.0.1:4848 10.0.0.7:6000"))
    assert found == Line(Health.OK, "n2 dials", "it does, and arrives from 10.0.0.7")


def test_a_peer_that_gets_nowhere_is_missing(line: Any) -> None:
    found = line(peer(), sees(""), through=False)
    assert (found.health, found.told[:11]) == (Health.MISSING, "it can't: s")
