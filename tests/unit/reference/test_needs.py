"""What local nodes need of their computer is looked at before any of them starts."""

from __future__ import annotations

import resource

import pytest

from syncmodel.errors import InvalidRunError
from syncmodel.reference import needs
from syncmodel.reference.embedded import EmbeddedCluster

#: The most that were seen open in one process, by the number of nodes.
SEEN = {2: 26, 3: 41, 5: 105}


@pytest.mark.parametrize(("count", "seen"), SEEN.items())
def test_too_few_open_files_are_told_with_what_is_enough(
    monkeypatch: pytest.MonkeyPatch, count: int, seen: int
) -> None:
    def allow(number: int) -> None:
        monkeypatch.setattr(resource, "getrlimit", lambda _: (number, number))

    allow(seen)
    with pytest.raises(InvalidRunError, match=r"raise it to at least (\d+)") as caught:
        EmbeddedCluster(count)
    assert caught.value.exit_code == 3
    enough = int(str(caught.value).split("at least ")[1].split(",")[0])
    assert enough > seen
    for number in (enough, resource.RLIM_INFINITY):
        allow(number)
        needs.open_files(count)
