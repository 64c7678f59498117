"""What the annotation store may hold: every value that a person, a browser or a file gives passes
here first.

Each function gives the value as it is stored or raises InvalidError, one sentence that names the
value and what was expected. The values may be of any type: they come from a browser's JSON.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence

from core.errors import InvalidError
from core.formats.record import Annotation, Box, Suggestion

NAME_LENGTH = 100
SNIPPET_LENGTH = 1_000
"""The paper's snippets have a few words; a thousand characters are an essay."""
TEXT_LENGTH = 20_000
"""Guidelines and reasons."""
MOST_BOXES = 1_000
"""On one photo by one person; Visual Genome has 50."""
MOST_SECONDS = 1e9
"""30 years: the schema's limit, to refuse what is no time."""
LARGEST = 2**31 - 1
"""PostgreSQL's integer."""


def text_of(what: str, value: object, longest: int = TEXT_LENGTH) -> str:
    """Any text that both databases can hold, unchanged; it may be empty."""
    if not isinstance(value, str):
        raise InvalidError(f"{what} is {shown(value)}; expected text.")
    if len(value) > longest:
        raise InvalidError(f"{what} has {len(value):,} characters; expected at most {longest:,}.")
    if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise InvalidError(f"{what} has a character that is no text; expected readable letters.")
    return value


def said(value: str) -> bool:
    """Whether there is anything to read: a letter, digit, sign or symbol."""
    return any(unicodedata.category(letter)[0] in "LNPS" for letter in value)


def words_of(what: str, value: object, longest: int = TEXT_LENGTH) -> str:
    """Text that is not blank."""
    text = text_of(what, value, longest)
    if not said(text):
        raise InvalidError(f"{what} is blank; expected words.")
    return text


def name_of(what: str, value: object) -> str:
    """A name of one line, without blanks around it, in Unicode's composed form."""
    name = unicodedata.normalize("NFC", words_of(what, value, NAME_LENGTH).strip())
    if any(unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp") for letter in name):
        raise InvalidError(f"{what} has an invisible character; expected a plain name.")
    return name


def file_name_of(value: object) -> str:
    """A photo's file name: never a path, never one that stands for a folder."""
    name = words_of("A photo's name", value, 255)
    if name in (".", "..") or any(sign in name for sign in "/\\:"):
        raise InvalidError(f"The photo's name {shown(name)} is a path; expected a file name.")
    if any(unicodedata.category(letter) == "Cc" for letter in name):
        raise InvalidError(f"The photo's name {shown(name)} has a control character.")
    return name


def whole(what: str, value: object, least: int, most: int = LARGEST) -> int:
    """A whole number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidError(f"{what} is {shown(value)}; expected a whole number from {least:,}.")
    return value


def number(what: str, value: object) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidError(f"{what} is {shown(value)}; expected a number.")
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        raise InvalidError(f"{what} is {shown(value)}; expected a finite number.")
    return result


def seconds_of(value: object) -> float:
    """Time spent, in seconds."""
    seconds = number("The time spent", value)
    if not 0 <= seconds <= MOST_SECONDS:
        raise InvalidError(f"The time spent is {seconds:g} s; expected 0 to {MOST_SECONDS:g}.")
    return seconds


def box_of(value: object, width: int, height: int) -> Box:
    """xyxy in the photo's pixels: finite, inside the photo, of positive area."""
    if not isinstance(value, Sequence) or isinstance(value, str | bytes) or len(value) != 4:
        raise InvalidError(f"A box is {shown(value)}; expected four numbers x0, y0, x1, y1.")
    x0, y0, x1, y1 = (number("A box's edge", edge) for edge in value)
    # The area of an extremely thin box may round to 0 though its sides do not.
    if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height and (x1 - x0) * (y1 - y0) > 0):
        raise InvalidError(
            f"The box ({x0:g}, {y0:g}, {x1:g}, {y1:g}) has no area inside the photo; expected "
            f"0 <= x0 < x1 <= {width} and 0 <= y0 < y1 <= {height}."
        )
    return x0, y0, x1, y1


def annotations_of(
    values: Sequence[Annotation], width: int, height: int, finished: bool
) -> tuple[Annotation, ...]:
    """A draft's or a submission's regions, in their order.

    Identities and orders are distinct. In a finished one every snippet has words, and orders are
    renumbered from 0.
    """
    if len(values) > MOST_BOXES:
        raise InvalidError(f"There are {len(values):,} boxes; expected at most {MOST_BOXES:,}.")
    checked = []
    for value in values:
        snippet = (words_of if finished else text_of)("A snippet", value.snippet, SNIPPET_LENGTH)
        if value.provenance not in ("drawn", "accepted", "edited"):
            raise InvalidError(
                f"A box's provenance is {shown(value.provenance)}; expected drawn, accepted or "
                f"edited."
            )
        checked.append(
            Annotation(
                words_of("A box's identity", value.id, NAME_LENGTH),
                box_of(value.box, width, height),
                snippet,
                whole("A box's order", value.order, 0),
                value.provenance,
                seconds_of(value.seconds),
            )
        )
    checked.sort(key=lambda one: one.order)
    if len({one.id for one in checked}) < len(checked):
        raise InvalidError("Two boxes have the same identity; expected one each.")
    if len({one.order for one in checked}) < len(checked):
        raise InvalidError("Two boxes have the same place in the order; expected one each.")
    if finished:
        return tuple(
            Annotation(one.id, one.box, one.snippet, place, one.provenance, one.seconds)
            for place, one in enumerate(checked)
        )
    return tuple(checked)


def suggestion_of(value: Suggestion, width: int, height: int) -> Suggestion:
    """A model's proposal: a box inside the photo, words, a finite score, the model's name."""
    return Suggestion(
        words_of("A suggestion's identity", value.id, NAME_LENGTH),
        box_of(value.box, width, height),
        words_of("A suggestion's caption", value.snippet, SNIPPET_LENGTH),
        number("A suggestion's score", value.score),
        words_of("A suggestion's model", value.model, NAME_LENGTH),
    )


def shown(value: object) -> str:
    """A value as an error may repeat it: short."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
