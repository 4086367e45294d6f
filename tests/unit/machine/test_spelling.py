"""What a machine's class says and nobody reads is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, rule

from syncmodel.errors import UsageError
from syncmodel.machine.cluster import ClusterMachine
from syncmodel.machine.loading import load
from syncmodel.machine.spelling import SETTINGS
from syncmodel.steps import vocabulary

KNOWN = sorted({*SETTINGS, *vocabulary()})


def machine(**body: Any) -> type:
    return type("Mine", (ClusterMachine,), body)


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [("nods", 2, "nodes"), ("rolout", None, "rollout"), ("weigths", {}, "weights")],
)
def test_a_misspelt_attribute_names_the_nearest(name: str, value: Any, meant: str) -> None:
    with pytest.raises(UsageError, match=f"{name!r}.*do you mean {meant!r}"):
        machine(**{name: value})


@given(name=st.sampled_from([name for name in KNOWN if len(name) > 4]), at=st.integers(0, 20))
def test_a_letter_too_few_is_always_noticed(name: str, at: int) -> None:
    at %= len(name)
    wrong = name[:at] + name[at + 1 :]
    with pytest.raises(UsageError, match="do you mean"):
        machine(**{wrong: None})


def test_what_is_a_users_own_is_left_alone() -> None:
    def creates(self: ClusterMachine) -> None:
        """A rule, whatever it is called."""

    made = machine(
        nodes=2,
        rollout=None,
        limit_s=3,
        _nods=1,
        rows=Bundle("rows"),
        creates=rule()(creates),
        deleted=property(lambda _: 1),
    )
    assert made.__mro__[1] is ClusterMachine


def test_loading_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "from syncmodel import ClusterMachine\nclass M(ClusterMachine):\n    nods = 2\n"
    (tmp_path / "misspelt_machine.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UsageError, match=r"^M has an attribute 'nods'"):
        load("misspelt_machine:M")
