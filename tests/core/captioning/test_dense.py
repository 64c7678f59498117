"""The list of regions' captions, worked out by hand."""

from math import exp, log

import numpy as np
import pytest

from core.captioning.dense import confidence, dense_captions, phrases
from core.results import Description, Spoken

WHOLE = (0.0, 0.0, 1.0, 1.0)


def said(words: str, *each: float) -> Spoken:
    """A sentence and the probability of each of its words and of the end."""
    split = tuple(words.split())
    assert len(each) == len(split) + 1
    return Spoken(split, tuple(log(one) for one in each))


def test_confidence_is_a_words_on_average() -> None:
    # (0.5 * 0.5 * 1/16) ** (1/3) = (1/64) ** (1/3) = 1/4
    assert confidence(said("a dog", 0.5, 0.5, 1 / 16)) == pytest.approx(0.25)
    assert confidence(Spoken((), ())) == 1.0
    assert confidence(Spoken((), (log(0.3),))) == pytest.approx(0.3)


def test_of_a_region_the_surest_whole_phrase() -> None:
    """ "a man" is likelier than what says more, and "in a" likelier still."""
    region = Description(
        1,
        (
            said("in a", 0.9, 0.9, 0.9),
            said("a man", 0.9, 0.9, 0.1),  # 0.081: 0.43 a word
            said("a man in red", 0.9, 0.9, 0.3, 0.3, 0.9),  # 0.0656: 0.58 a word
        ),
    )
    assert [one.text for one in phrases(region)] == ["a man in red", "a man"]


def test_the_surest_first_and_nothing_twice() -> None:
    boxes = np.array(
        [
            WHOLE,
            (0.0, 0.0, 0.4, 0.4),  # 1: a dog, 0.5 a word
            (0.0, 0.0, 0.4, 0.3),  # 2: on region 1 by 0.12 / 0.16 = 0.75
            (0.6, 0.6, 1.0, 1.0),  # 3: a dog again, elsewhere
            (0.0, 0.5, 0.4, 0.9),  # 4: the grass, 0.8 a word
            (0.5, 0.0, 0.9, 0.4),  # 5: pieces alone
        ]
    )
    described = [
        Description(0, (said("a photo", 0.9, 0.9, 0.9),)),
        Description(1, (said("a dog", 0.5, 0.5, 0.5),)),
        Description(2, (said("a brown dog", 0.4, 0.4, 0.4, 0.4),)),
        Description(3, (said("a dog", 0.3, 0.3, 0.3),)),
        Description(4, (said("the grass", 0.8, 0.8, 0.8),)),
        Description(5, (said("in its mouth", 0.9, 0.9, 0.9, 0.9),)),
    ]
    lines = dense_captions(described, boxes)
    assert [(line.spoken.text, line.regions) for line in lines] == [
        ("the grass", (4,)),
        ("a dog", (1, 3)),
    ]
    assert [line.confidence for line in lines] == pytest.approx([0.8, 0.5])
    # Where no overlap counts as a copy, the second box has its line.
    assert len(dense_captions(described, boxes, overlap=0.76)) == 3
    assert dense_captions([], boxes) == []
    assert exp(lines[0].spoken.log_probability) == pytest.approx(0.512)
