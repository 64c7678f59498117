"""Which words of a sentence choose a region, and which follow one that does.

Eq. 11 gives every word a vote. Function words (`core.language.function_words`) name nothing, so
their scores say nothing either, and each would found a segment of its own at a small beta. Here
they have no vote: the chain is decoded over the other words, and each follows the next word that
chose, as "in the" belongs to "kitchen"; at the end of a sentence it follows the last one. They keep
their rows of scores. A sentence of function words alone is read as Eq. 11 has it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.language.function_words import FUNCTION_WORDS


def voting_words(texts: Sequence[str], known: np.ndarray) -> np.ndarray:
    """N words, as `tokenise` writes them, and which of them are known (N,) -> (N,) bool: which
    choose a region. All known ones where none of them is more than a function word."""
    known = np.asarray(known, dtype=bool)
    telling = known & np.array([text not in FUNCTION_WORDS for text in texts], dtype=bool)
    return telling if telling.any() else known


def followed(chosen: np.ndarray, voted: np.ndarray, known: np.ndarray, none: int) -> np.ndarray:
    """The regions (V,) of the V words that chose, in their order, and (N,) bool: which words chose
    and which are known -> (N,) int64 the region of every known word, `none` for unknown ones."""
    regions = np.full(len(known), none, dtype=np.int64)
    places = np.flatnonzero(voted)
    if not len(places):
        return regions
    followers = np.flatnonzero(known)
    next_one = np.searchsorted(places, followers).clip(max=len(places) - 1)
    regions[followers] = np.asarray(chosen)[next_one]
    return regions
