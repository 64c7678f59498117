"""Words and vocabulary."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.language.vocabulary import UNKNOWN, Vocabulary, tokenise, words_of


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("A dog runs .", ["a", "dog", "runs"]),
        ("Dog,cat;  BIRD!", ["dog", "cat", "bird"]),
        ("a t-shirt", ["a", "tshirt"]),
        ("the girl's hat", ["the", "girls", "hat"]),
        ("2 dogs & 10 cats", ["2", "dogs", "10", "cats"]),
        ("\N{LATIN SMALL LETTER E WITH ACUTE}t\N{LATIN SMALL LETTER E WITH ACUTE}", ["été"]),
        ("كلب يجري", ["كلب", "يجري"]),
        ("लड़का दौड़ता है ।", ["लड़का", "दौड़ता", "है"]),
        ("... !", []),
        ("", []),
    ],
)
def test_words(sentence: str, words: list[str]) -> None:
    assert tokenise(sentence) == [unicodedata.normalize("NFC", word) for word in words]


@given(st.text())
def test_places_point_at_the_word(sentence: str) -> None:
    last = 0
    for word in words_of(sentence):
        assert last <= word.start < word.end <= len(sentence)
        assert tokenise(sentence[word.start : word.end]) == [word.text]
        last = word.end


@given(st.text())
def test_tokenising_again_changes_nothing(sentence: str) -> None:
    words = tokenise(sentence)
    assert tokenise(" ".join(words)) == words


def test_composed_and_decomposed_are_one_word() -> None:
    assert tokenise("caf\u00e9") == tokenise("cafe\u0301")


def test_vocabulary_keeps_words_seen_five_times(tmp_path: Path) -> None:
    # dog 6 times, cat 5 times, bird 4 times
    sentences = ["Dog cat"] * 5 + ["bird"] * 4 + ["a-dog DOG"]
    vocabulary = Vocabulary.from_sentences(sentences)
    assert vocabulary.words == ("dog", "cat")
    assert vocabulary.counts == (6, 5)
    assert vocabulary.ids(["cat", "bird", "dog"]) == [2, UNKNOWN, 1]
    assert len(vocabulary) == 3
    assert "bird" not in vocabulary
    vocabulary.save(tmp_path / "v.json")
    again = Vocabulary.load(tmp_path / "v.json")
    assert (again.words, again.counts) == (vocabulary.words, vocabulary.counts)


def test_a_word_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        Vocabulary(["dog", "dog"])
