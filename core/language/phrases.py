"""English phrases that can stand alone: "a man is" is none, "a man" is one.

A segment of a sentence is cut by its regions, not by its grammar: it may begin with "and" or end
with "in its". As a caption of its region it is trimmed at both ends to what can stand alone. The
rules are closed lists of function words and one ending; words of another language stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


DETERMINERS = _words(
    """
    a an the this that these those some another each every both several many two three four five
    six seven eight nine ten one his her its their my our your all other no
    """
)
"""Begin a phrase, and end none: "the", "another", "her"."""
PREPOSITIONS = _words(
    """
    of in on at to with by for from into onto over through under above across along around near
    behind beside between against towards toward past during after before among amongst beneath
    below underneath atop upon via about as like while whilst
    """
)
"""Join a phrase to what stands before it: neither the first nor the last word of one."""
CONJUNCTIONS = _words("and or but so because who which whose where when if than")
AUXILIARIES = _words(
    """
    is are was were be been being am has have had does do did can will would could there it he
    she they
    """
)
"""Verbs that need another word, and pronouns that need a name said before."""
PARTICLES = _words("up down out off away back together outside inside nearby")
"""May end a phrase ("a dog jumping up") and begin none."""

ADJECTIVES = _words("young old little small large big very")
"""Frequent words that wait for a noun. ("in red" and "in black" are whole.)"""
THINGS = _words("building clothing railing ceiling painting")
"""Nouns with the ending of a verb."""

_NEVER_FIRST = PREPOSITIONS | CONJUNCTIONS | AUXILIARIES | PARTICLES
_ALONE = frozenset(("one", "other", "both", "all"))
_NEVER_LAST = (DETERMINERS - _ALONE) | PREPOSITIONS | CONJUNCTIONS | AUXILIARIES | ADJECTIVES


def trimmed(words: Sequence[str]) -> slice:
    """A segment's words, in lower case -> which of them are left when both ends lose what belongs
    to the words before and after the segment. The slice may be empty."""
    first, end = 0, len(words)
    while first < end and words[first] in _NEVER_FIRST:
        first += 1
    while first < end and words[end - 1] in _NEVER_LAST:
        end -= 1
    return slice(first, end)


def stands_alone(words: Sequence[str]) -> bool:
    """Do these words, in lower case, name something: "two dogs in the snow", and neither "a man is"
    nor "jumping over a log", which begins with a verb?"""
    if not words or trimmed(words) != slice(0, len(words)):
        return False
    return not words[0].endswith("ing") or words[0] in THINGS
