"""What the readers of other tools' files share: words among attributes, sides, rotation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.formats.parsing import FormatError
from core.formats.validation import said, shown

WORDS = ("caption", "text", "description", "phrase", "transcription", "name", "label", "class")
"""What people call an attribute that holds words, the surest first."""


def words_among(attributes: Mapping[str, Any]) -> str:
    """The words that a region's attributes hold; "" where none does. Of attributes with other
    names, the first that is text."""
    lowered = {str(name).strip().lower(): value for name, value in attributes.items()}
    for name in (*WORDS, *lowered):
        value = lowered.get(name)
        if isinstance(value, str) and said(value):
            return value
    return ""


def whole_side(where: str, value: float) -> int:
    """A photo's side, which some tools write as 640.0."""
    if int(value) != value:
        raise FormatError(where, f"A photo's side is {shown(value)}; expected whole pixels.")
    return int(value)


def refuse_rotation(where: str, degrees: float | None) -> None:
    """A turned box has no place in any of our formats."""
    if degrees:
        raise FormatError(
            where,
            f"The box is turned by {degrees:g} degrees; expected one whose sides are upright.",
        )
