"""The table of word vectors: quantised, and as a vocabulary's further words."""

import numpy as np
import pytest

from core.language.vocabulary import UNKNOWN, Vocabulary
from core.language.word_table import WordTable, quantised


def small() -> WordTable:
    """Three words of two pieces of two numbers: codes pick centres (k, -k) and (2 k, 0)."""
    k = np.arange(256, dtype=np.float32)
    centres = np.stack((np.stack((k, -k), axis=1), np.stack((2 * k, 0 * k), axis=1)))
    codes = np.array([[1, 2], [0, 0], [255, 3]], dtype=np.uint8)
    return WordTable(("cat", "dog", "yak"), codes, centres)


def test_vectors_by_hand() -> None:
    assert small().dimension == 4
    assert small().vectors().tolist() == [[1, -1, 4, 0], [0, 0, 0, 0], [255, -255, 6, 0]]


def test_quantised_is_near_and_repeatable() -> None:
    vectors = np.random.default_rng(0).normal(size=(2000, 10)).astype(np.float32)
    words = [f"w{i}" for i in range(2000)]
    table = quantised(words, vectors)
    found = table.vectors()
    cosine = (
        (found * vectors).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(vectors, axis=1)
    )
    assert cosine.mean() > 0.99
    assert table.codes.nbytes == 2000 * 5  # a byte for two numbers
    np.testing.assert_array_equal(quantised(words, vectors).codes, table.codes)
    # Each piece has the nearest centre: no other one would be nearer.
    piece = vectors[:, :2]
    distance = ((piece[:, None] - table.centres[0].astype(np.float32)[None]) ** 2).sum(-1)
    np.testing.assert_allclose(
        distance[np.arange(2000), table.codes[:, 0]], distance.min(axis=1), atol=1e-5
    )


def test_few_words_and_odd_lengths() -> None:
    few = np.eye(4, dtype=np.float32)
    np.testing.assert_allclose(quantised("abcd", few).vectors(), few)
    with pytest.raises(ValueError, match="5 numbers"):
        quantised("ab", np.zeros((2, 5), np.float32))
    with pytest.raises(ValueError, match="twice"):
        WordTable(("a", "a"), np.zeros((2, 1), np.uint8), np.zeros((1, 256, 2)))


def test_a_vocabulary_with_a_table() -> None:
    vocabulary = Vocabulary(("dog", "runs"), (9, 5), small())
    assert len(vocabulary) == 3
    assert vocabulary.others == ("cat", "yak")
    # dog and runs were learnt; cat and yak follow; a word of neither stays unknown
    assert vocabulary.ids(["dog", "runs", "cat", "yak", "emu"]) == [1, 2, 3, 4, UNKNOWN]
    assert [vocabulary.word(i) for i in (1, 2, 3, 4)] == ["dog", "runs", "cat", "yak"]
    expected = np.zeros((5, 4))
    expected[3], expected[4] = [1, -1, 4, 0], [255, -255, 6, 0]  # dog's are zeros, too
    np.testing.assert_array_equal(vocabulary.table_vectors(), expected)
