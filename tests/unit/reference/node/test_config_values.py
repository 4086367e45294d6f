"""A node reads any configuration, or says in one sentence what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncmodel.errors import FormatError
from syncmodel.reference.node import config
from syncmodel.reference.node.layout import Layout

FIELDS = sorted({field.name for field in attrs.fields(config.Config)} | {"peers", "http_users"})
ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["127.0.0.1:1", "a:65536", 10**400, float("inf"), "\ud800"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["name", "pubkey"]), inner),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    layout = Layout(tmp_path_factory.mktemp("machine"))
    for file in (layout.config, layout.key):
        file.parent.mkdir(parents=True, exist_ok=True)
    layout.key.write_text("1" * 64)
    return layout.root


def read(root: Path, text: bytes) -> config.Config | None:
    Layout(root).config.write_bytes(text)
    try:
        return config.load(root)
    except FormatError as error:
        # One line, whatever it quotes.
        return None if str(error).isprintable() else pytest.fail(str(error))


@pytest.mark.slow
@given(field=st.sampled_from(FIELDS), value=ANY)
def test_whatever_a_field_holds_is_taken_or_told(field: str, value: object, root: Path) -> None:
    found = read(root, json.dumps({"name": "n1", field: value}).encode())
    if found is not None:
        assert 0 < found.silence_limit_s <= config.MOST_SECONDS
        assert 0 < found.reconnect_cap_s <= config.MOST_SECONDS


@pytest.mark.parametrize("text", [b"", b"[", b"[" * 100_000, b"9" * 5_000, b"\xff", b"null", b"5"])
def test_what_is_no_object_is_told(text: bytes, root: Path) -> None:
    assert read(root, text) is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, -1, 0, True, "5", None])
@pytest.mark.parametrize("field", ["silence_limit_s", "reconnect_cap_s"])
def test_seconds_are_a_number_with_an_end(field: str, value: object, root: Path) -> None:
    assert read(root, json.dumps({"name": "n1", field: value}).encode()) is None
