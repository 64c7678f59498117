"""Who chooses a region and who follows, by hand."""

import numpy as np
import pytest

from core.alignment.segmentation import followed, voting_words
from core.language.function_words import FUNCTION_WORDS
from core.language.vocabulary import tokenise


@pytest.mark.parametrize(
    ("sentence", "chosen"),
    [
        ("A man is in the kitchen", "man kitchen"),
        ("one's dog", "dog"),  # spelled as `tokenise` writes it
        ("of the", "of the"),  # nothing else is there: every word votes
        ("he has two balls", "he two balls"),  # a person and a number are things to be seen
        ("ولد في ملعب", "ولد في ملعب"),
        ("एक कुत्ता घास पर", "एक कुत्ता घास पर"),
    ],
)
def test_function_words_have_no_vote(sentence: str, chosen: str) -> None:
    words = tokenise(sentence)
    votes = voting_words(words, np.ones(len(words), dtype=bool))
    assert [word for word, vote in zip(words, votes, strict=True) if vote] == tokenise(chosen)


def test_unknown_words_never_vote() -> None:
    # "xyzzy" is unknown: without it only "the" is left, which then votes
    assert voting_words(["the", "xyzzy"], np.array([True, False])).tolist() == [True, False]
    assert voting_words(["xyzzy"], np.array([False])).tolist() == [False]
    assert voting_words([], np.array([], dtype=bool)).tolist() == []


def test_who_does_not_vote_follows_the_next_who_did() -> None:
    # the dog xyzzy on the grass there: "dog" 3, "grass" 5; "there" at the end follows back
    known = np.array([True, True, False, True, True, True, True])
    voted = np.array([False, True, False, False, False, True, False])
    assert followed(np.array([3, 5]), voted, known, -1).tolist() == [3, 3, -1, 5, 5, 5, 5]
    nobody = np.zeros(2, dtype=bool)
    assert followed(np.array([], dtype=int), nobody, nobody, -1).tolist() == [-1, -1]


def test_the_list_is_written_as_words_are_read() -> None:
    assert all(tokenise(word) == [word] for word in FUNCTION_WORDS)
    assert {"the", "ones", "into", "are"} <= FUNCTION_WORDS
    assert not {"man", "two", "he", "red", "running"} & FUNCTION_WORDS
