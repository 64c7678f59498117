"""Ranking: blocks equal the whole, ranks by hand."""

import numpy as np
import pytest
import torch

from core.alignment import AlignmentConfig, AlignmentModel
from core.retrieval import Recall, ranks, recall, score_matrix


@pytest.mark.parametrize("block_bytes", [1, 10_000, 2**30])
def test_blocks_equal_the_whole(block_bytes: int) -> None:
    torch.manual_seed(0)
    model = AlignmentModel(AlignmentConfig(5, 9, common_dimension=6))
    regions, words = torch.randn(11, 3, 6), torch.randn(20, 6)
    present = torch.rand(11, 3) < 0.7
    present[:, 0] = True
    known = torch.rand(20) < 0.8
    sentence_of = torch.arange(20) // 4
    arguments = (regions, present, words, known, sentence_of, 5)
    torch.testing.assert_close(
        score_matrix(model, *arguments, block_bytes=block_bytes),
        model.photo_sentence_scores(*arguments),
    )


def test_ranks_by_hand() -> None:
    scores = np.array([[0.9, 0.1, 0.8], [0.2, 0.7, 0.85]])
    annotation, search = ranks(scores, np.array([0, 0, 1]))
    # photo 0's best true sentence (0.9) is first; photo 1's (0.85) is first of 0.85, 0.7, 0.2
    assert annotation.tolist() == [1, 1]
    # sentence 1 belongs to photo 0 (0.1) but photo 1 says 0.7
    assert search.tolist() == [1, 2, 1]


def test_a_tie_gives_no_credit() -> None:
    annotation, search = ranks(np.zeros((4, 4)), np.arange(4))
    assert annotation.tolist() == [4] * 4
    assert search.tolist() == [4] * 4


def test_a_photo_without_sentences_is_left_out() -> None:
    annotation, _ = ranks(np.array([[1.0], [0.5]]), np.array([0]))
    assert annotation.tolist() == [1, 0]
    assert recall(annotation) == Recall(100.0, 100.0, 100.0, 1.0)


def test_recall_by_hand() -> None:
    assert recall(np.array([1, 3, 7, 20])) == Recall(25.0, 50.0, 75.0, 5.0)
