"""Which words of a segment can stand alone as a phrase."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.language.phrases import stands_alone, trimmed


@pytest.mark.parametrize(
    ("segment", "phrase"),
    [
        ("a man is", "a man"),
        ("in its mouth", "its mouth"),
        ("a man and a", "a man"),
        ("and two brown dogs with", "two brown dogs"),
        ("on the beach", "the beach"),
        ("is standing next to a small", "standing next"),
        ("a dog jumping up", "a dog jumping up"),
        ("of the", ""),
        ("a boy in the red shirt", "a boy in the red shirt"),
        ("", ""),
    ],
)
def test_segments_are_trimmed_to_phrases(segment: str, phrase: str) -> None:
    words = segment.split()
    assert " ".join(words[trimmed(words)]) == phrase


@pytest.mark.parametrize(
    ("words", "alone"),
    [
        ("two dogs in the snow", True),
        ("a man in red", True),
        ("a building", True),
        ("building", True),
        ("jumping over a log", False),  # of whom?
        ("a man is", False),
        ("on the beach", False),
        ("", False),
    ],
)
def test_what_stands_alone(words: str, alone: bool) -> None:
    assert stands_alone(words.split()) is alone


WORDS = ("a", "dog", "in", "the", "is", "running", "and", "young", "up", "one", "its")


@given(st.lists(st.sampled_from(WORDS)))
def test_what_is_left_needs_no_more_trimming(words: list[str]) -> None:
    left = words[trimmed(words)]
    assert left[trimmed(left)] == left
