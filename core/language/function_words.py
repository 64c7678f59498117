"""Words that name nothing a photo could show: articles, possessives, prepositions, auxiliaries,
conjunctions, relative and reflexive pronouns of English.

Where words choose regions they have no vote and follow a neighbour
(`core.alignment.segmentation`). "next" and "front" are here for "next to" and "in front of".
Personal pronouns such as "he" and numbers such as "two" are not among them: they stand for things
that are there. Sentences of other languages have none of these words, but for a few that are
spelled alike, and are read as they were. (What a phrase may begin and end with is another question:
`core.language.phrases`.)
"""

from __future__ import annotations

from core.language.vocabulary import tokenise

FUNCTION_WORDS = frozenset(
    tokenise(
        """
        a an the this that these those some any each every another other both all no
        my your our his her its their one's hers theirs
        it itself himself herself themselves him them
        who whom whose which what where when while as if than then because so
        and or but nor not also just only very too there
        is are am was were be being been has have had having do does did
        will would could may might must should
        of in on at to by for from with without into onto through over under near up down out off
        above below across along around behind beside besides between among amongst against during
        before after toward towards upon within inside outside past beneath underneath about like
        amid amidst atop via per next front
        """
    )
)
"""As `tokenise` writes them."""
