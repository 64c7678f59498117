"""Options that several commands share, and options made of a dataclass's fields.

A field's text in the source is its --help, so that it is written once.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import math
import textwrap
from collections.abc import Collection
from dataclasses import MISSING, fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from core.errors import UserError
from core.formats import FORMATS


@cache
def texts_of(kind: type) -> dict[str, str]:
    """A dataclass -> the text below each field, in one line; fields without one are left out."""
    [body] = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for one, after in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(one, ast.AnnAssign)
            and isinstance(one.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        ):
            found[one.target.id] = " ".join(after.value.value.split())
    return found


def add_fields(
    parser: argparse.ArgumentParser,
    kind: type,
    leave_out: Collection[str] = (),
    defaults: bool = True,
    shown: dict[str, Any] | None = None,
) -> None:
    """An option for each field of a dataclass that has a default.

    defaults: whether an option that is not given takes the field's default, or None. shown: values
    that --help names as the defaults instead of the fields' own.
    """
    texts = texts_of(kind)
    for field in fields(kind):
        if field.name in leave_out or field.default is MISSING:
            continue
        name = f"--{field.name.replace('_', '-')}"
        default = (shown or {}).get(field.name, field.default)
        text = texts[field.name].replace("%", "%%").rstrip(".")
        told = {"help": f"{text} (default: {default})"}
        given = field.default if defaults else None
        if isinstance(field.default, bool):
            parser.add_argument(name, action=argparse.BooleanOptionalAction, default=given, **told)  # type: ignore[arg-type]
        else:
            parser.add_argument(name, type=type(field.default), default=given, **told)  # type: ignore[arg-type]


def fields_of(kind: type, arguments: argparse.Namespace) -> dict[str, Any]:
    """What `add_fields` read: the values that were given, by field."""
    return {
        one.name: value
        for one in fields(kind)
        if (value := getattr(arguments, one.name, None)) is not None
    }


SHARES = frozenset(
    ("word_dropout", "region_dropout", "whole_hidden", "word_hidden", "people_said",
     "borrowed_said", "label_smoothing")
)  # fmt: skip
"""Recipes' fields that lie in [0, 1]."""
MAY_BE_ZERO = frozenset(
    ("patience", "hard_after", "seed", "weight_decay", "fragments", "proposal_weight", "margin",
     "hypotheses", "held_out")
)  # fmt: skip
"""Those that 0 turns off; all others are over 0."""


def check_numbers(recipe: object) -> None:
    """Raise UserError for the first number of a recipe that no training can have: before anything
    is written, not as a loss that is no number."""
    for one in fields(recipe):  # type: ignore[arg-type]
        value = getattr(recipe, one.name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        name = one.name.replace("_", "-")
        least_count = 0 if one.name in MAY_BE_ZERO else 1
        if one.name in SHARES:
            fits, wanted = 0 <= value <= 1, "a number from 0 to 1"
        elif isinstance(one.default, int):
            fits, wanted = value >= least_count, f"{least_count} or more"
        elif one.name in MAY_BE_ZERO:
            fits, wanted = 0 <= value < math.inf, "a number from 0 upwards"
        else:
            fits, wanted = 0 < value < math.inf, "a number over 0"
        if not fits:
            raise UserError(f"{name} is {value}; expected {wanted}")


_T = TypeVar("_T")


def read_into(kind: type[_T], arguments: argparse.Namespace, **instead: Any) -> _T:
    """Parsed arguments -> a dataclass of options, by its fields' names; lists become tuples."""
    names = [one.name for one in fields(kind) if one.name not in instead]  # type: ignore[arg-type]
    values = {name: getattr(arguments, name) for name in names}
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    return kind(**values, **instead)


def add_photos(
    parser: argparse.ArgumentParser, split: str, data: str = "a data set (train/README.md)"
) -> None:
    """--data, --split, --images and --captions: which photos and sentences."""
    parser.add_argument("--data", type=Path, help=data)
    parser.add_argument("--split", default=split, help=f"which part of --data (default: {split})")
    parser.add_argument("--images", type=Path, help="the photos' folder, where --data has none")
    formats = ", ".join(one.name for one in FORMATS.values() if one.carries.sentences)
    parser.add_argument(
        "--captions",
        type=Path,
        help=f"with --images: sentences, in COCO's captions JSON or another of {formats}",
    )


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    """--checkpoint and --encoder-weights."""
    parser.add_argument(
        "--checkpoint",
        default="bundled",
        help="'bundled' or a checkpoint's folder (default: bundled)",
    )
    parser.add_argument("--encoder-weights", type=Path, help="a file for torchvision encoders")


SIZES = ("exact", "confident", "all")


def add_sizes(parser: argparse.ArgumentParser) -> None:
    """--sizes: which photos of a phrases file count."""
    parser.add_argument(
        "--sizes", choices=SIZES, default="confident",
        help="which photos of --phrases count, by how their sizes are known (default: confident)",
    )  # fmt: skip


def written(path: Path) -> Path:
    """Where a result goes, its folder made. Raises UserError where that cannot be: before the work,
    not after it."""
    folder_for(path.parent)
    if path.is_dir():
        raise UserError(f"{path} is a folder; expected the name of a file to write")
    return path


def folder_for(path: Path) -> Path:
    """A folder that results go to, made. Raises UserError where that cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{path} cannot be made ({error.strerror}); expected a folder, or a place for one"
        ) from None
    return path


def picture(path: Path) -> Path:
    """A name that a picture can be saved under. Raises UserError before the work, not after it."""
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise UserError(f"{path} names no picture; expected a name that ends in .png or .jpg")
    return path
