"""The JSON form of steps: what the corpus, the report and the command line show.

A step is an object with its `op` and its fields, under the names of docs/semantics.md. Whatever is
unknown, missing or of a wrong type is one clear error that names the position and the field.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, cast, get_args, get_origin

import cattrs
import cattrs.v
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from syncmodel.errors import FormatError
from syncmodel.model.values import Scalar
from syncmodel.steps.base import VOCABULARY, Step

#: The version of the JSON form; a file says which it was written in.
VERSION = 2

#: How much of a wrong value an error shows.
SHOWN_CHARACTERS = 60
#: How many reasons an error gives: a step may hold thousands of others.
REASONS_SHOWN = 3

#: Fields whose JSON names can't be Python's.
RENAMED = {
    "on": override(rename="nodes"),
    "from_node": override(rename="from"),
    "to_node": override(rename="to"),
}


@cache
def vocabulary() -> Mapping[str, type[Step]]:
    """Our own steps by their `op`. Modules in this package are discovered."""
    package = __name__.rpartition(".")[0]
    for info in iter_modules(import_module(package).__path__):
        import_module(f"{package}.{info.name}")
    ours = f"{package}."
    return {op: cls for op, cls in VOCABULARY.items() if cls.__module__.startswith(ours)}


def known() -> Mapping[str, type[Step]]:
    """Every step by its `op`: ours, and whatever subclass of `Step` was imported by now."""
    vocabulary()
    return VOCABULARY


def kind(op: str) -> type[Step] | None:
    """The step with this `op`, however late it was imported."""
    return known().get(op)


@cache
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)
    for plain in (str, int, bool):
        converter.register_structure_hook(plain, _exactly)
    converter.register_structure_hook_func(_is_scalar, _scalar)
    converter.register_structure_hook_func(_is_tuple, _listed)
    converter.register_structure_hook_func(_is_step, _structure)
    converter.register_unstructure_hook_func(_is_step, _unstructure)
    return converter


def _shown(value: Any) -> str:
    """A wrong value as an error shows it: cut short."""
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."


def _is_step(cls: Any) -> bool:
    return isinstance(cls, type) and issubclass(cls, Step)


def _is_scalar(cls: Any) -> bool:
    return bool(cls == Scalar)


def _scalar(value: Any, _cls: Any) -> Any:
    if value is not None and type(value) not in (str, int):
        raise TypeError(f"expected a text, a whole number or null, found {_shown(value)}")
    return value


def _columns(raw: Any, cls: Any) -> Any:
    """An object of columns, as the pairs that a step keeps."""
    if not isinstance(raw, Mapping):
        raise TypeError(f"expected an object of columns, found {_shown(raw)}")
    return tuple((str(name), _scalar(value, cls)) for name, value in raw.items())


def _is_tuple(cls: Any) -> bool:
    return get_origin(cls) is tuple


def _listed(value: Any, cls: Any) -> Any:
    """Only a list is a list: a word must not be read as its letters, nor an object as its keys."""
    if not isinstance(value, list | tuple):
        raise TypeError(f"expected a list, found {_shown(value)}")
    (member, _) = get_args(cls)
    return tuple(_converter().structure(value, cast(Any, list)[member]))


def _exactly(value: Any, cls: type) -> Any:
    if type(value) is not cls:
        raise TypeError(f"expected {cls.__name__}, found {_shown(value)}")
    return value


@cache
def _reader(cls: Any) -> Any:
    return make_dict_structure_fn(
        cls, _converter(), _cattrs_forbid_extra_keys=True, **_renames(cls)
    )


@cache
def _writer(cls: Any) -> Any:
    return make_dict_unstructure_fn(cls, _converter(), **_renames(cls))


def _renames(cls: Any) -> dict[str, Any]:
    names = {field.name for field in cls.__attrs_attrs__}
    return {name: to for name, to in [*RENAMED.items(), VALUES] if name in names}


def _structure(raw: Any, cls: type[Step]) -> Step:
    if not isinstance(raw, Mapping):
        raise TypeError(f"expected an object with an `op`, found {_shown(raw)}")
    fields = {str(name): value for name, value in raw.items()}
    op = fields.pop("op", None)
    found = kind(op) if isinstance(op, str) else None
    if found is None or not issubclass(found, cls):
        names = ", ".join(sorted(name for name, c in known().items() if issubclass(c, cls)))
        raise ValueError(
            f"unknown op {_shown(op)}; known are: {names}; a step of your own needs its machine "
            f"(--machine module:Class)"
        )
    step: Step = _reader(cast(Hashable, found))(fields, found)
    return step


def _unstructure(step: Step) -> dict[str, Any]:
    return {"op": step.op, **_writer(cast(Hashable, type(step)))(step)}


#: The columns of a create are an object, in their order.
VALUES = ("values", override(struct_hook=_columns, unstruct_hook=dict))


def dump(step: Step) -> dict[str, Any]:
    """The JSON form of a step."""
    form: dict[str, Any] = _converter().unstructure(step)
    return form


def load(raw: Any, where: str = "step") -> Step:
    """The step of a JSON form. Raises `FormatError` that names `where` and the field."""
    try:
        return _converter().structure(raw, Step)
    except (cattrs.BaseValidationError, TypeError, ValueError) as error:
        raise FormatError(f"{where}: {_reasons(error)}") from None


def load_all(raw: Any, where: str) -> tuple[Step, ...]:
    """The steps of a JSON list. Raises `FormatError` that names `where`, position and field."""
    if not isinstance(raw, Sequence) or isinstance(raw, str):
        raise FormatError(f"{where}: expected a list of steps, found {_shown(raw)}")
    return tuple(load(item, f"{where}, step {i}") for i, item in enumerate(raw, 1))


def _reasons(error: Exception) -> str:
    if isinstance(error, cattrs.BaseValidationError):
        reasons = cattrs.transform_error(error, path="", format_exception=_reason)
        found = "; ".join(reasons[:REASONS_SHOWN])
        for name, there in RENAMED.items():
            found = re.sub(rf"\b{name}\b", str(there.rename), found)
        found = re.sub(r"(the field `(\w+)` is missing) @ \.\2$", r"\1", found)
        return found.replace(" @ .", " at ").replace(" @ [", " at [").removesuffix(" @ ")
    return str(error)


def _reason(error: BaseException, _type: Any) -> str:
    """One failure, without the path: cattrs' own words only where ours have nothing to add."""
    match error:
        case TypeError() | ValueError():
            return str(error)
        case KeyError(args=(name,)):
            return f"the field `{name}` is missing"
        case _:
            return cattrs.v.format_exception(error, None)
