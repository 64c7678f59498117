"""A word taught by boxes: it finds them, and nothing else moves."""

import numpy as np
import pytest
import torch

from core.alignment.model import AlignmentModel, pack_sentences
from core.alignment.teaching import Teaching, teach
from core.alignment.words import ReadWords
from core.language.vocabulary import Vocabulary
from core.language.word_table import quantised
from tests.core.small_alignment import config


def small(table: bool) -> tuple[AlignmentModel, Vocabulary]:
    """ "a" and "dog" were learnt; with a table, "yak" and "emu" are read."""
    torch.manual_seed(0)
    vectors = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    known = Vocabulary(
        ("a", "dog"), (9, 5), quantised(("a", "dog", "yak", "emu"), vectors) if table else None
    )
    sizes = {"table_words": 2, "table_dimension": 6, "metric_dimension": 3} if table else {}
    model = AlignmentModel(
        config(
            similarity="weighted", vocabulary_size=3, word_dimension=8, hidden_dimension=16,
            common_dimension=12, **sizes,
        )
    ).eval()  # fmt: skip
    words = model.sentences.word_vectors
    if isinstance(words, ReadWords):
        words.know(torch.from_numpy(known.table_vectors()))
    return model, known


def said(model: AlignmentModel, ids: list[int]) -> torch.Tensor:
    packed, lengths, _, _ = pack_sentences([ids])
    with torch.no_grad():
        return model.embed_words(packed, lengths)


@pytest.mark.parametrize("table", [True, False])
def test_a_taught_word_finds_its_boxes_and_nothing_else_moves(table: bool) -> None:
    model, known = small(table)
    generator = np.random.default_rng(1)
    shown = generator.normal(size=(5, 5)) * 0.1 + [3, 0, 0, -2, 0]
    others = generator.normal(size=(30, 5))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    new, vocabulary = teach(model, known, "yak", shown, others, Teaching(steps=400, rate=0.1))
    for key, value in model.state_dict().items():
        assert value.equal(before[key]), key
    assert vocabulary.words == ("a", "dog", "yak")
    assert vocabulary.others == (("emu",) if table else ())
    regions = torch.from_numpy(np.concatenate((shown, others)).astype(np.float32))
    untaught, _ = teach(model, known, "yak", shown, others, Teaching(steps=0))
    gaps = []
    for one in (untaught, new):
        scores = said(one, vocabulary.ids(["a", "yak"]))[1] @ one.embed_regions(regions).T
        gaps.append(scores[:5].mean() - scores[5:].mean())
    assert gaps[1] > gaps[0] + 0.2
    assert scores[:5].min() > scores[5:].median()
    for sentence in (["a", "dog"], ["dog"], ["a"]):
        torch.testing.assert_close(
            said(new, vocabulary.ids(sentence)), said(model, known.ids(sentence))
        )
    if table:  # what is read through others is not read through the new word
        torch.testing.assert_close(
            said(new, vocabulary.ids(["emu"])), said(model, known.ids(["emu"]))
        )


def test_a_learnt_word_is_moved_alone_and_errors_name_the_word() -> None:
    model, known = small(True)
    shown = np.ones((1, 5))
    new, vocabulary = teach(model, known, "dog", shown, np.zeros((0, 5)))
    assert vocabulary is known
    changed = (new.sentences.word_vectors.weight != model.sentences.word_vectors.weight).any(dim=1)
    assert changed.tolist() == [False, False, True]
    with pytest.raises(ValueError, match="'two words'"):
        teach(model, known, "two words", shown, shown)
    with pytest.raises(ValueError, match="no region shows 'emu'"):
        teach(model, known, "emu", np.zeros((0, 5)), shown)
