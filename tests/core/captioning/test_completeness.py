"""Which of a captioner's words are whole phrases."""

import pytest

from core.captioning.completeness import fault, is_complete


@pytest.mark.parametrize(
    "words",
    [
        "a woman in a blue shirt",
        "a brown and white dog",
        "the grass",
        "two people",
        "a skateboarder does a trick on a skateboard",
        "a man in red",
        "a dog in black and white",
        "the dog is black",
        "a woman sits",
        "a dog jumping up",
    ],
)
def test_whole_phrases(words: str) -> None:
    assert fault(words.split()) is None
    assert is_complete(words.split())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", "no phrase"),
        ("a", "no phrase"),
        ("a man and a", "no phrase"),
        ("in its mouth", "no phrase"),
        ("on the beach", "no phrase"),
        ("a woman is", "no phrase"),
        ("a woman with a", "no phrase"),
        ("playing with a ball", "no phrase"),
        ("of a crowd of people", "no phrase"),
        ("a man wearing", "no object"),
        ("a man performs", "no object"),
        ("a brown and white", "no noun"),
        ("a large white", "no noun"),
        ("a white and white dog", "a word twice"),
        ("a dog dog", "a word twice"),
    ],
)
def test_pieces(words: str, expected: str) -> None:
    assert fault(words.split()) == expected
    assert not is_complete(words.split())
