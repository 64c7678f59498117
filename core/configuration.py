"""Frozen dataclasses that say what a model is: their bounds, and how they come out of JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from core.errors import UserError, shown

T = TypeVar("T")
_SPOKEN = {int: "a whole number", float: "a finite number", bool: "true or false", str: "a text"}


class ConfigError(UserError, ValueError):
    """A value that a configuration cannot have; names the field, the value and what is expected."""


def check_bounds(config: object, **bounds: tuple[float, float]) -> None:
    """Raise ConfigError for the first named field that is outside its (least, most)."""
    for name, (least, most) in bounds.items():
        value = getattr(config, name)
        if not least <= value <= most:  # NaN is outside, too
            raise ConfigError(f"{name} is {shown(value)}; expected a number from {least} to {most}")


def check_choices(config: object, **choices: tuple[object, ...]) -> None:
    """Raise ConfigError for the first named field that is none of its choices."""
    for name, allowed in choices.items():
        value = getattr(config, name)
        if value not in allowed:
            raise ConfigError(
                f"{name} is '{shown(value)}'; expected one of {', '.join(map(str, allowed))}"
            )


def from_json(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    """JSON's values -> a dataclass with fields of int, float, bool, str and Literal.

    where: what the values are, for messages. Raises ConfigError for the first field that is
    unknown, missing, of another type or refused by the dataclass itself.
    """
    types = get_type_hints(kind)
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(values.keys() - known)
    if unknown:
        raise ConfigError(f"{where} has '{shown(unknown[0])}'; expected {sorted(known)}")
    for name, field in known.items():
        if name in values:
            _check_type(name, values[name], types[name], where)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ConfigError(f"{where} lacks '{name}'; expected {_expected(types[name])}")
    try:
        return kind(**values)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def _check_type(name: str, value: object, wanted: Any, where: str) -> None:
    if get_origin(wanted) is Literal:
        fits = any(type(value) is type(one) and value == one for one in get_args(wanted))
    elif wanted is float:
        fits = type(value) in (int, float) and _is_finite(value)
    elif wanted is int:
        fits = type(value) is int and abs(value) < 2**53  # bool is no number here
    else:
        fits = type(value) is wanted
    if not fits:
        raise ConfigError(f"{where}: {name} is '{shown(value)}'; expected {_expected(wanted)}")


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond what a float holds
        return False


def _expected(wanted: Any) -> str:
    if get_origin(wanted) is Literal:
        return "one of " + ", ".join(map(str, get_args(wanted)))
    return _SPOKEN[wanted]
