"""Text that people typed, made inert for places that read more into it than letters.

The pages themselves write text nodes only (static/dom.js) and need none of this. Plotly does: it
reads a few tags, entities and `$...$` in every label.
"""

from __future__ import annotations

import unicodedata

_JOINERS = "\u200c\u200d"  # invisible, but parts of words in Persian and Hindi
_PLOTLY = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;"}


def visible(text: str) -> str:
    """Drop control and format characters: bidi overrides would turn their surroundings around."""
    return "".join(
        character
        for character in text
        if character in _JOINERS or unicodedata.category(character) not in ("Cc", "Cf")
    )


def plotly_label(text: str, most: int = 18) -> str:
    """One line for an axis: inert, and short enough to leave the plot its room."""
    line = visible(text)
    if len(line) > most:
        line = line[: most - 1] + "…"
    return "".join(_PLOTLY.get(character, character) for character in line)
