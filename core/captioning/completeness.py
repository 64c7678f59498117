"""Whether a captioner's words are a whole phrase: "a brown and white dog" is, "a brown and" is not.

Region captioners learn from pieces of sentences that the alignment cut (section 3.2 of the paper),
and speak in such pieces. What can stand alone is said by `core.language.phrases`; a captioner,
which stops where it likes, also leaves phrases open that a person's sentence never would. Closed
lists of English words: what they refuse wrongly costs little, as a captioner has other candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from core.language.phrases import AUXILIARIES, stands_alone
from core.language.vocabulary import tokenise

COLOURS = frozenset(
    tokenise(
        "black white brown red blue green yellow orange pink purple gray grey tan beige golden "
        "blond blonde dark light bright colorful colourful"
    )
)
"""Wait for a noun, as in "a brown and white"; "in red" and "is red" have their end."""
TRANSITIVE = frozenset(
    tokenise(
        "wearing wears holding holds doing does performing performs carrying carries using uses "
        "making makes having taking takes throwing throws showing shows getting gets"
    )
)
"""Verbs that wait for an object."""

Fault = Literal["no phrase", "no object", "no noun", "a word twice"]
"""Why words are no whole phrase."""


def fault(words: Sequence[str]) -> Fault | None:
    """Lower-case words -> what is wrong with them as a phrase, or None for a whole one.

    no phrase     cannot stand alone: "a man and a", "in its mouth", "a woman is", ""
    no object     "a man wearing"
    no noun       "a brown and white"
    a word twice  in a row, or on both sides of "and": "a white and white dog"
    """
    if not stands_alone(words):
        return "no phrase"
    if words[-1] in TRANSITIVE:
        return "no object"
    if words[-1] in COLOURS and not (AUXILIARIES | {"in"}).intersection(words):
        return "no noun"
    joined = [k for k in range(1, len(words) - 1) if words[k] in ("and", "or")]
    twice = any(one == other for one, other in pairwise(words))
    return "a word twice" if twice or any(words[k - 1] == words[k + 1] for k in joined) else None


def is_complete(words: Sequence[str]) -> bool:
    """Whether lower-case words are a whole phrase, by `fault`."""
    return fault(words) is None
