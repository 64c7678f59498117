"""The chain MRF against brute force over all M^N assignments, and its edge cases."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.alignment import chain

# Quarters add up exactly in floating point, so equal scores are exactly equal: ties are tested.
quarters = st.integers(-8, 8).map(lambda n: n / 4)


@st.composite
def tables(draw: st.DrawFn, most_words: int = 5, most_regions: int = 4) -> np.ndarray:
    n, m = draw(st.integers(1, most_words)), draw(st.integers(1, most_regions))
    return np.array(draw(st.lists(quarters, min_size=n * m, max_size=n * m))).reshape(n, m)


def brute_force(scores: np.ndarray, beta: float) -> tuple[int, ...]:
    """The best assignment; of equals the lexicographically smallest (product's order)."""
    n, m = scores.shape
    return max(
        itertools.product(range(m), repeat=n),
        key=lambda a: (chain.score(scores, a, beta), tuple(-x for x in a)),
    )


def test_worked_by_hand() -> None:
    scores = np.array([[3.0, 0.0], [0.0, 1.0], [2.0, 0.0]])
    assert chain.decode(scores, 0.0).tolist() == [0, 1, 0]  # 3 + 1 + 2 = 6
    # At beta = 0.5 leaving costs two bonuses: 6 < 3 + 0 + 2 + 2 * 0.5 = 6 is a tie, 000 wins it.
    assert chain.decode(scores, 0.5).tolist() == [0, 0, 0]
    assert chain.decode(scores, 0.49).tolist() == [0, 1, 0]
    assert chain.score(scores, [0, 0, 0], 0.5) == 3 + 0 + 2 + 2 * 0.5


@settings(max_examples=400, deadline=None)
@given(tables(), st.integers(0, 16).map(lambda n: n / 4))
def test_equals_brute_force_ties_included(scores: np.ndarray, beta: float) -> None:
    assert tuple(chain.decode(scores, beta)) == brute_force(scores, beta)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 5))
def test_score_equals_brute_force_on_real_numbers(seed: int, beta: float) -> None:
    scores = np.random.default_rng(seed).normal(size=(5, 4))
    found, best = chain.decode(scores, beta), brute_force(scores, beta)
    assert chain.score(scores, found, beta) == pytest.approx(
        chain.score(scores, best, beta), abs=1e-12
    )


@settings(max_examples=100, deadline=None)
@given(st.lists(tables(), min_size=1, max_size=6), st.integers(0, 8).map(lambda n: n / 4))
def test_batched_equals_single(several: list[np.ndarray], beta: float) -> None:
    m = min(table.shape[1] for table in several)
    several = [table[:, :m] for table in several]
    n = max(map(len, several))
    padded = np.full((len(several), n, m), 99.0)  # padding must not be looked at
    for row, table in zip(padded, several, strict=True):
        row[: len(table)] = table
    together = chain.decode_batch(padded, [len(t) for t in several], beta)
    for row, table in zip(together, several, strict=True):
        assert row[: len(table)].tolist() == chain.decode(table, beta).tolist()
        assert (row[len(table) :] == -1).all()


@pytest.mark.parametrize("beta", [1e3, 1e300, float("inf")])
def test_any_large_beta_gives_the_best_single_region(beta: float) -> None:
    scores = np.random.default_rng(0).normal(size=(12, 20)) * 1e-3
    best = int(scores.sum(axis=0).argmax())
    assert chain.decode(scores, beta).tolist() == [best] * 12


@settings(max_examples=100, deadline=None)
@given(tables())
def test_more_beta_never_means_more_segments(scores: np.ndarray) -> None:
    counts = [len(chain.segments(chain.decode(scores, b / 2))) for b in range(12)]
    assert counts == sorted(counts, reverse=True)


@settings(max_examples=100, deadline=None)
@given(tables())
def test_merging_beta_merges_and_little_less_does_not(scores: np.ndarray) -> None:
    beta = chain.merging_beta(scores)
    assert len(chain.segments(chain.decode(scores, beta))) == 1
    if beta > 1e-6:  # below, a tie parted the words and any bonus merges them
        assert len(chain.segments(chain.decode(scores, beta * 0.99))) > 1


def test_merging_beta_ends_where_only_a_tie_parts_the_words() -> None:
    scores = np.array([[1.0, 1.0], [0.0, 1.0]])  # 0 1 and 1 1 both score 2; 0 1 comes first
    assert chain.decode(scores, 0.0).tolist() == [0, 1]
    assert 0 < chain.merging_beta(scores) < 1e-6
    assert chain.decode(scores, chain.merging_beta(scores)).tolist() == [1, 1]


def test_empty_sentence_and_one_region() -> None:
    assert chain.decode(np.zeros((0, 3)), 1.0).tolist() == []
    assert chain.segments([]) == []
    assert chain.decode(np.zeros((3, 1)), 1.0).tolist() == [0, 0, 0]


def test_segments() -> None:
    assert chain.segments([2, 2, 0, 1, 1]) == [(0, 2, 2), (2, 3, 0), (3, 5, 1)]


@pytest.mark.parametrize(
    ("scores", "beta", "message"),
    [
        (np.zeros((2, 2)), -1.0, "beta is -1.0"),
        (np.zeros((2, 2)), float("nan"), "beta is nan"),
        (np.zeros((2, 0)), 0.0, r"shape \(2, 0\)"),
        (np.zeros(3), 0.0, r"shape \(3,\)"),
        (np.array([[np.nan, 0.0]]), 0.0, "NaN or infinity"),
    ],
)
def test_bad_input_is_named(scores: np.ndarray, beta: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        chain.decode(scores, beta)


def test_lengths_must_fit() -> None:
    with pytest.raises(ValueError, match=r"expected 1 numbers in 0..2"):
        chain.decode_batch(np.zeros((1, 2, 2)), [3], 0.0)
