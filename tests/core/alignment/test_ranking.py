"""Ranking: ranks by hand, searches against brute force."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.alignment.ranking import Recall, best_photos, best_regions, ranks, recall
from core.alignment.scoring import Scoring

# Whole numbers: sums are exact in any order, so that ties are ties, and there are many.
SETS = st.integers(0, 2**32 - 1).map(np.random.default_rng)
Vote = Literal["max", "sum"]
VOTES = st.sampled_from(["max", "sum"])
COUNTED = {"max": lambda product: product, "sum": lambda product: max(0.0, product)}


@settings(max_examples=60, deadline=None)
@given(SETS, st.integers(0, 40), st.integers(1, 4), st.integers(0, 50), st.integers(1, 50), VOTES)
def test_best_regions_is_brute_force(
    generator: np.random.Generator, n: int, w: int, k: int, block: int, vote: Vote
) -> None:
    regions = generator.integers(-2, 3, (n, 4)).astype(np.float16)
    words = generator.integers(-2, 3, (w, 4)).astype(np.float32)
    found = best_regions(words, regions, k, Scoring(vote), block)
    score = [sum(COUNTED[vote](float(v @ s)) for s in words) for v in regions.astype(np.float32)]
    wanted = sorted(range(n), key=lambda row: (-score[row], row))[:k]
    assert found.rows.tolist() == wanted
    assert found.scores.tolist() == [score[row] for row in wanted]


@settings(max_examples=60, deadline=None)
@given(
    SETS, st.lists(st.integers(1, 6), max_size=8), st.integers(1, 4), st.integers(0, 9),
    st.integers(1, 30), VOTES,
)  # fmt: skip
def test_best_photos_is_brute_force(
    generator: np.random.Generator, counts: list[int], w: int, k: int, block: int, vote: Vote
) -> None:
    first = np.cumsum([0, *counts])
    regions = generator.integers(-2, 3, (first[-1], 4)).astype(np.float32)
    words = generator.integers(-2, 3, (w, 4)).astype(np.float32)
    found = best_photos(words, regions, first, k, Scoring(vote), block)
    over, counted = {"max": max, "sum": sum}[vote], COUNTED[vote]
    score = [
        sum(over(counted(float(v @ s)) for v in regions[first[j] : first[j + 1]]) for s in words)
        for j in range(len(counts))
    ]
    wanted = sorted(range(len(counts)), key=lambda row: (-score[row], row))[:k]
    assert found.rows.tolist() == wanted
    assert found.scores.tolist() == [score[row] for row in wanted]


def test_regions_may_lie_on_disk(tmp_path: Path) -> None:
    regions = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float16)
    np.save(tmp_path / "regions.npy", regions)
    mapped = np.load(tmp_path / "regions.npy", mmap_mode="r")
    words = np.ones((2, 4), dtype=np.float32)
    assert best_regions(words, mapped, 5, Scoring("max"), 7).rows.tolist() == (
        np.argsort(-regions.astype(np.float32).sum(axis=1), kind="stable")[:5].tolist()
    )


@pytest.mark.parametrize("first", [[], [1, 4], [0, 3], [0, 2, 2, 4]])
def test_photos_must_part_the_regions(first: list[int]) -> None:
    with pytest.raises(ValueError, match=r"4 regions; expected rising numbers from 0"):
        best_photos(
            np.ones((1, 2)), np.ones((4, 2), np.float32), np.array(first), 1, Scoring("max")
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
