"""Eq. 7 and 8: by hand, against a plain loop, and the same in batches, tiles and searches."""

from itertools import product
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from core.alignment.model import SIMILARITIES, AlignmentConfig
from core.alignment.ranking import best_photos, best_regions
from core.alignment.scoring import SCORES, Scoring, score_matrix


def plain_score(regions: Tensor, words: Tensor) -> float:
    """Eq. 8 for one photo and one sentence."""
    return sum(max(float(v @ s) for v in regions) for s in words)


def test_score_by_hand() -> None:
    scoring = Scoring("max")
    regions = torch.tensor([[[1.0, 0.0], [0.0, 2.0]], [[3.0, 0.0], [9.0, 9.0]]]).double()
    present = torch.tensor([[True, True], [True, False]])  # photo 1 has one region
    words = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]).double()
    known = torch.tensor([True, True, True])
    scores = scoring.photo_sentence_scores(
        regions, present, words, known, torch.tensor([0, 0, 1]), count=2
    )
    # photo 0: words best 1, 2 | 2; photo 1: 3, 0 | 3
    assert scores.tolist() == [[1 + 2, 2], [3 + 0, 3]]


def test_score_equals_the_plain_loop_on_random_vectors() -> None:
    scoring = Scoring("max")
    regions, words = torch.randn(4, 3, 6).double(), torch.randn(7, 6).double()
    sentence_of = torch.tensor([0, 0, 1, 1, 1, 2, 2])
    scores = scoring.photo_sentence_scores(
        regions, torch.ones(4, 3, dtype=torch.bool), words, torch.ones(7, dtype=torch.bool),
        sentence_of, 3,
    )  # fmt: skip
    for k in range(4):
        for sentence in range(3):
            wanted = plain_score(regions[k], words[sentence_of == sentence])
            assert float(scores[k, sentence]) == pytest.approx(wanted, rel=1e-6)


def test_unknown_words_do_not_vote_and_cosine_is_a_mean() -> None:
    scoring = Scoring("max", means=True)
    regions = torch.tensor([[[1.0, 0.0]]]).double()
    words = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]).double()
    scores = scoring.photo_sentence_scores(
        regions, torch.tensor([[True]]), words, torch.tensor([True, True, False]),
        torch.tensor([0, 0, 0]), 1,
    )  # fmt: skip
    assert scores.tolist() == [[(1 + 0) / 2]]


def test_sum_score_by_hand() -> None:
    scoring = Scoring("sum")
    regions = torch.tensor([[[1.0, 0.0], [0.5, -2.0], [9.0, 9.0]]]).double()
    present = torch.tensor([[True, True, False]])
    words = torch.tensor([[2.0, 0.0], [0.0, 1.0]]).double()
    scores = scoring.photo_sentence_scores(
        regions, present, words, torch.tensor([True, True]), torch.tensor([0, 0]), 1
    )
    # Eq. 7: word 0 agrees with both, 2 + 1; word 1 with neither, max(0, 0) + max(0, -2)
    assert scores.tolist() == [[2 + 1 + 0 + 0]]


@pytest.mark.parametrize("score", ["max", "sum"])
@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("block_bytes", [1, 100, 2000, 2**30])
def test_blocks_equal_the_whole(
    block_bytes: int, similarity: Literal["product", "cosine", "weighted"], score: Literal["max"]
) -> None:
    torch.manual_seed(0)
    config = AlignmentConfig(5, 9, common_dimension=6, similarity=similarity, score=score)
    scoring = config.scoring
    regions, words = torch.randn(11, 3, 6), torch.randn(20, 6)
    present = torch.rand(11, 3) < 0.7
    present[:, 1] |= ~present.any(dim=1)
    known = torch.rand(20) < 0.8
    known[8:12] = False  # sentence 2 has no known word
    sentence_of = torch.arange(20) // 4
    arguments = (regions, present, words, known, sentence_of, 5)
    assert not present[:, 0].all()
    torch.testing.assert_close(
        score_matrix(scoring, *arguments, block_bytes=block_bytes),
        scoring.photo_sentence_scores(*arguments),
    )


def test_more_words_than_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.alignment.scoring.TILE_WORDS", 3)
    test_blocks_equal_the_whole(2**30, "cosine", "max")


def test_a_photo_without_regions_is_named() -> None:
    present = torch.tensor([[True, True], [False, False]])
    words, known = torch.randn(1, 6), torch.tensor([True])
    with pytest.raises(ValueError, match="photo 1 has no region"):
        score_matrix(
            Scoring(),
            torch.randn(2, 2, 6),
            present,
            words,
            known,
            torch.zeros(1, dtype=torch.long),
            1,
        )


@pytest.mark.parametrize(("vote", "means"), list(product(SCORES, (False, True))))
def test_a_search_orders_photos_as_the_model_scores_them(
    vote: Literal["max", "sum"], means: bool
) -> None:
    """Photos with different numbers of regions: a query's score is S_kl times its words."""
    torch.manual_seed(1)
    scoring, counts = Scoring(vote, means), [3, 1, 5, 2, 4, 1, 3]
    regions, words = torch.randn(7, 5, 6), torch.randn(4, 6)
    present = torch.arange(5) < torch.tensor(counts)[:, None]
    wanted = scoring.photo_sentence_scores(
        regions, present, words, torch.ones(4, dtype=torch.bool), torch.zeros(4).long(), 1
    )[:, 0] * (4 if means else 1)
    first, packed = np.cumsum([0, *counts]), regions[present].numpy()
    found = best_photos(words.numpy(), packed, first, 7, scoring, block=4)
    assert found.rows.tolist() == wanted.argsort(descending=True).tolist()
    np.testing.assert_allclose(found.scores, wanted.sort(descending=True).values, rtol=1e-5)
    alone = scoring.photo_sentence_scores(
        torch.from_numpy(packed)[:, None], torch.ones(len(packed), 1, dtype=torch.bool), words,
        torch.ones(4, dtype=torch.bool), torch.zeros(4).long(), 1,
    )[:, 0] * (4 if means else 1)  # fmt: skip
    found = best_regions(words.numpy(), packed, len(packed), scoring, block=4)
    np.testing.assert_allclose(
        found.scores, alone.sort(descending=True).values, rtol=1e-4, atol=1e-6
    )


def test_the_two_scores_order_photos_differently() -> None:
    """One region that suits well, or many that suit somewhat: what Eq. 8 and 7 part."""
    regions = np.array([[3.0], [0.0], [2.0], [2.0]], dtype=np.float32)
    first, words = np.array([0, 2, 4]), np.ones((1, 1), dtype=np.float32)
    found = {vote: best_photos(words, regions, first, 2, Scoring(vote)) for vote in SCORES}  # type: ignore[arg-type]
    assert (found["max"].rows.tolist(), found["max"].scores.tolist()) == ([0, 1], [3, 2])
    assert (found["sum"].rows.tolist(), found["sum"].scores.tolist()) == ([1, 0], [4, 3])
