"""Every option of a search is a value of the ini file too, right or told."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from syncmodel.cli.options import SHARED, Option
from syncmodel.errors import UsageError
from syncmodel.pytest_plugin import PREFIX, value_of

pytest_plugins = "pytester"

#: A text that fits each option, by what it takes; others take any text.
FITS = {"N": "3", "SECONDS": "2.5", "KINDS": "network"}
#: What pyproject.toml has beside texts.
OTHERS: tuple[object, ...] = ("x\x1b", -1, 2.5, True, [], ["a", "b"], [1])


def text_for(option: Option) -> str:
    if option.told.get("action") == "store_true":
        return "true"
    choices = [*map(str, option.told.get("choices", ())), "some"]
    return FITS.get(option.told.get("metavar", ""), choices[0])


def kept(found: object) -> str:
    return str(found[0] if isinstance(found, list) else found).lower()


def test_each_option_is_a_value(pytester: pytest.Pytester) -> None:
    lines = [f"{PREFIX}{option.name} = {text_for(option)}" for option in SHARED]
    pytester.makeini("\n".join(["[pytest]", *lines]))
    config = pytester.parseconfig("-pno:cacheprovider")
    for option in SHARED:
        found = value_of(config, option)
        assert kept(found) == text_for(option)
        assert isinstance(found, list) == (option.told.get("action") == "append")


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pytest: a list for a text
@pytest.mark.parametrize("value", OTHERS, ids=str)
def test_any_value_is_taken_or_told(value: object, pytester: pytest.Pytester) -> None:
    written = json.dumps(value)
    lines = [f"{PREFIX}{option.name} = {written}" for option in SHARED]
    pytester.makepyprojecttoml("\n".join(["[tool.pytest.ini_options]", *lines]))
    config = pytester.parseconfig("-pno:cacheprovider")
    for option in SHARED:
        # Any other error is a mistake of ours.
        with suppress(UsageError):
            value_of(config, option)


def test_a_wrong_value_is_told_by_its_name(pytester: pytest.Pytester) -> None:
    names = [PREFIX + name for name in ("no_report", "nodes", "max_time", "backend")]
    pytester.makeini("\n".join(["[pytest]", *(f"{name} = maybe" for name in names)]))
    config = pytester.parseconfig("-pno:cacheprovider")
    for name, option in ((PREFIX + one.name, one) for one in SHARED):
        if name in names:
            with pytest.raises(UsageError, match=f"^{name} in the ini file: "):
                value_of(config, option)
