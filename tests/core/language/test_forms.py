"""Other forms of a word, and which of them a vocabulary reads."""

import numpy as np
import pytest

from core.language.forms import forms_of
from core.language.vocabulary import Vocabulary
from core.language.word_table import quantised


@pytest.mark.parametrize(
    ("word", "forms"),
    [
        ("1", ["one"]),
        ("10", ["ten"]),
        ("11", []),
        ("\u0661", []),  # an Arabic digit is none of English
        ("colour", ["color"]),
        ("color", ["colour"]),
        ("colours", ["colors", "colour", "color"]),
        ("pizzas", ["pizza"]),
        ("knives", ["knif", "knife", "knive", "kniv"]),
        ("puppies", ["puppy", "puppie", "puppi"]),
        ("buses", ["buse", "bus"]),
        ("grass", []),
        ("bus", []),
        ("dog", []),
        ("\u0643\u0644\u0628", []),
    ],
)
def test_forms_by_hand(word: str, forms: list[str]) -> None:
    assert list(forms_of(word)) == forms


def test_a_word_is_read_by_what_knows_it_best() -> None:
    # ids: 1 one, 2 pizza, 3 color; of the table alone 4 colour, 5 harbor
    table = quantised(("color", "colour", "harbor"), np.eye(3, 4, dtype=np.float32))
    vocabulary = Vocabulary(("one", "pizza", "color"), table=table)
    asked = ["pizza", "pizzas", "1", "colour", "colours", "harbors", "harbour", "xyzzy", "2"]
    assert vocabulary.ids_as_read(asked) == [2, 2, 1, 3, 3, 5, 5, 0, 0]
    # Training's own ids stay what they were.
    assert vocabulary.ids(asked) == [2, 0, 0, 4, 0, 0, 0, 0, 0]
