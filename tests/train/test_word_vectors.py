"""word2vec's and GloVe's text files, small and broken ones."""

from pathlib import Path

import pytest
import torch

from core.language.vocabulary import Vocabulary
from train.data import DataError
from train.word_vectors import read_word_vectors

VOCABULARY = Vocabulary(["dog", "paris", "new", "red"])


def read(tmp_path: Path, text: str) -> tuple[int, list[list[float]]]:
    path = tmp_path / "vectors.txt"
    path.write_text(text, encoding="utf-8")
    weight = torch.nn.Parameter(torch.full((5, 2), 9.0))
    return read_word_vectors(path, VOCABULARY, weight), weight.tolist()


@pytest.mark.parametrize("header", ["", "6 2\n"])
def test_glove_and_word2vec(tmp_path: Path, header: str) -> None:
    lines = "the 0 0\ndog 1 -2.5e-1 \nDog 7 7\nParis 3 4\nPARIS 8 8\nat new 6 6\n0.5 5 5\n"
    count, rows = read(tmp_path, header + lines)
    assert count == 2
    # the unknown word's row, "new" (only "at new" is there) and "red" stay
    assert rows == [[9, 9], [1, -0.25], [3, 4], [9, 9], [9, 9]]


def test_the_words_own_spelling_counts_first(tmp_path: Path) -> None:
    assert read(tmp_path, "Dog 7 7\nDOG 6 6\ndog 1 2\ndog 3 3\n")[1][1] == [1, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dog 1 2 3\n", "has 3 numbers for a word; expected 2, the model's word_dimension"),
        ("7 300\ndog 1 2\n", "has 300 numbers for a word"),
        ("dog 1 2\nred 1\n", r"line 2: 'red 1' has 1 numbers; expected a word and 2"),
        ("the 1 2\ndog 1 x\n", r"line 2: could not convert string to float: 'x'"),
        ("dog 1 nan\n", "line 1: a number is not finite"),
        (f"{'9' * 5000} {'9' * 5000}\n", "has 1000000000 numbers for a word"),
        ("\u0663 \u0662\n", "has 1 numbers for a word"),  # digits, but not of any header
        ("dog " + "1 " * 60_000, "line 1 is longer than 100,000 characters"),
    ],
)
def test_names_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, text)


def test_the_binary_form_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"1 2\ndog \xff\xfe\x00\x01")
    with pytest.raises(DataError, match="not UTF-8 text"):
        read_word_vectors(tmp_path / "x.bin", VOCABULARY, torch.zeros(5, 2))
    with pytest.raises(DataError, match="cannot be opened"):
        read_word_vectors(tmp_path / "none", VOCABULARY, torch.zeros(5, 2))
