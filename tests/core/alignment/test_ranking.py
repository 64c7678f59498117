"""Ranking: blocks equal the whole, ranks by hand, searches against brute force."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.alignment.model import SIMILARITIES, AlignmentConfig, AlignmentModel
from core.alignment.ranking import Recall, best_photos, best_regions, ranks, recall, score_matrix


@pytest.mark.parametrize("score", ["max", "sum"])
@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("block_bytes", [1, 100, 2000, 2**30])
def test_blocks_equal_the_whole(
    block_bytes: int, similarity: Literal["product", "cosine", "weighted"], score: Literal["max"]
) -> None:
    torch.manual_seed(0)
    config = AlignmentConfig(5, 9, common_dimension=6, similarity=similarity, score=score)
    model = AlignmentModel(config)
    regions, words = torch.randn(11, 3, 6), torch.randn(20, 6)
    present = torch.rand(11, 3) < 0.7
    present[:, 1] |= ~present.any(dim=1)
    known = torch.rand(20) < 0.8
    known[8:12] = False  # sentence 2 has no known word
    sentence_of = torch.arange(20) // 4
    arguments = (regions, present, words, known, sentence_of, 5)
    assert not present[:, 0].all()
    torch.testing.assert_close(
        score_matrix(model, *arguments, block_bytes=block_bytes),
        model.photo_sentence_scores(*arguments),
    )


def test_more_words_than_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.alignment.ranking.TILE_WORDS", 3)
    test_blocks_equal_the_whole(2**30, "cosine", "max")


def test_a_photo_without_regions_is_named() -> None:
    model = AlignmentModel(AlignmentConfig(5, 9, common_dimension=6))
    present = torch.tensor([[True, True], [False, False]])
    words, known = torch.randn(1, 6), torch.tensor([True])
    with pytest.raises(ValueError, match="photo 1 has no region"):
        score_matrix(
            model, torch.randn(2, 2, 6), present, words, known, torch.zeros(1, dtype=torch.long), 1
        )


# Whole numbers: sums are exact in any order, so that ties are ties, and there are many.
SETS = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@settings(max_examples=60, deadline=None)
@given(SETS, st.integers(0, 40), st.integers(1, 4), st.integers(0, 50), st.integers(1, 50))
def test_best_regions_is_brute_force(
    generator: np.random.Generator, n: int, w: int, k: int, block: int
) -> None:
    regions = generator.integers(-2, 3, (n, 4)).astype(np.float16)
    words = generator.integers(-2, 3, (w, 4)).astype(np.float32)
    found = best_regions(words, regions, k, block)
    score = [sum(float(v @ s) for s in words) for v in regions.astype(np.float32)]
    wanted = sorted(range(n), key=lambda row: (-score[row], row))[:k]
    assert found.rows.tolist() == wanted
    assert found.scores.tolist() == [score[row] for row in wanted]


@settings(max_examples=60, deadline=None)
@given(
    SETS, st.lists(st.integers(1, 6), max_size=8), st.integers(1, 4), st.integers(0, 9),
    st.integers(1, 30),
)  # fmt: skip
def test_best_photos_is_brute_force(
    generator: np.random.Generator, counts: list[int], w: int, k: int, block: int
) -> None:
    first = np.cumsum([0, *counts])
    regions = generator.integers(-2, 3, (first[-1], 4)).astype(np.float32)
    words = generator.integers(-2, 3, (w, 4)).astype(np.float32)
    found = best_photos(words, regions, first, k, block)
    score = [
        sum(max(float(v @ s) for v in regions[first[j] : first[j + 1]]) for s in words)
        for j in range(len(counts))
    ]
    wanted = sorted(range(len(counts)), key=lambda row: (-score[row], row))[:k]
    assert found.rows.tolist() == wanted
    assert found.scores.tolist() == [score[row] for row in wanted]


def test_photos_are_scored_as_the_model_scores_them() -> None:
    torch.manual_seed(1)
    model = AlignmentModel(AlignmentConfig(5, 9, common_dimension=6, similarity="product"))
    regions, words = torch.randn(7, 3, 6), torch.randn(4, 6)
    wanted = model.photo_sentence_scores(
        regions, torch.ones(7, 3, dtype=torch.bool), words, torch.ones(4, dtype=torch.bool),
        torch.zeros(4, dtype=torch.long), 1,
    )[:, 0]  # fmt: skip
    found = best_photos(words.numpy(), regions.reshape(21, 6).numpy(), np.arange(0, 22, 3), 7)
    np.testing.assert_allclose(found.scores, wanted.sort(descending=True).values, rtol=1e-5)


def test_regions_may_lie_on_disk(tmp_path: Path) -> None:
    regions = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float16)
    np.save(tmp_path / "regions.npy", regions)
    mapped = np.load(tmp_path / "regions.npy", mmap_mode="r")
    words = np.ones((2, 4), dtype=np.float32)
    assert best_regions(words, mapped, 5, 7).rows.tolist() == (
        np.argsort(-regions.astype(np.float32).sum(axis=1), kind="stable")[:5].tolist()
    )


@pytest.mark.parametrize("first", [[], [1, 4], [0, 3], [0, 2, 2, 4]])
def test_photos_must_part_the_regions(first: list[int]) -> None:
    with pytest.raises(ValueError, match=r"4 regions; expected rising numbers from 0"):
        best_photos(np.ones((1, 2)), np.ones((4, 2), np.float32), np.array(first), 1)


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


@settings(max_examples=30, deadline=None)
@given(SETS, st.integers(1, 150), st.integers(1, 20))
def test_ranks_are_counts(generator: np.random.Generator, photos: int, sentences: int) -> None:
    scores = generator.integers(0, 4, (photos, sentences)).astype(np.float32)
    photo_of = generator.integers(0, photos, sentences)
    annotation, search = ranks(scores, photo_of)
    for sentence, photo in enumerate(photo_of):
        column = scores[:, sentence]
        others = np.delete(column, photo)
        assert search[sentence] == 1 + (others >= column[photo]).sum()
    for photo in range(photos):
        own = photo_of == photo
        row = scores[photo]
        wanted = 1 + (row[~own] >= row[own].max()).sum() if own.any() else 0
        assert annotation[photo] == wanted


def test_a_photo_without_sentences_is_left_out() -> None:
    annotation, _ = ranks(np.array([[1.0], [0.5]]), np.array([0]))
    assert annotation.tolist() == [1, 0]
    assert recall(annotation) == Recall(100.0, 100.0, 100.0, 1.0)


def test_recall_by_hand() -> None:
    assert recall(np.array([1, 3, 7, 20])) == Recall(25.0, 50.0, 75.0, 5.0)
