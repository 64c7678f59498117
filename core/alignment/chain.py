"""Decoding a sentence into segments: the chain MRF of section 3.1.3 (Eq. 10-12).

The paper writes an "energy" E(a) = sum_j psi_U(a_j) + sum_j psi_B(a_j, a_{j+1}) with
psi_U(a_j = t) = v_t . s_j and psi_B = beta [a_j = a_{j+1}], and takes its argmin. With these signs
E is a score: good alignments have a large one. It is MAXIMISED here.

psi_B is a Potts term: one bonus for staying, nothing else. The best way into region m from the
previous word is therefore either from m itself or from the best region overall, so a step costs
O(M) instead of O(M^2), and a sentence O(N M).

Ties: of all best assignments the lexicographically smallest is returned, so a photo and a sentence
always give the same answer, whatever the batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def _checked(scores: np.ndarray, dimensions: int) -> np.ndarray:
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != dimensions or scores.shape[-1] == 0:
        expected = "(words, regions)" if dimensions == 2 else "(sentences, words, regions)"
        raise ValueError(f"scores have shape {scores.shape}; expected {expected}, regions >= 1")
    if not np.isfinite(scores).all():
        raise ValueError("scores hold NaN or infinity; expected finite numbers")
    return scores


def _checked_beta(beta: float) -> float:
    if not beta >= 0:  # NaN fails too
        raise ValueError(f"beta is {beta}; expected a number from 0 upwards")
    return float(beta)


def decode(scores: np.ndarray, beta: float) -> np.ndarray:
    """(N, M) word-region scores, beta >= 0 -> (N,) int64: the region of each word.

    beta may be anything from 0 (every word alone) to infinity (one region for all words).
    Raises ValueError on another shape, on scores that are not finite, on a negative beta.
    """
    scores = _checked(scores, 2)
    regions: np.ndarray = decode_batch(scores[None], [len(scores)], beta)[0]
    return regions


def decode_batch(
    scores: np.ndarray, lengths: Sequence[int] | np.ndarray, beta: float
) -> np.ndarray:
    """(B, N, M) scores, (B,) words in each sentence -> (B, N) int64, -1 beyond a sentence's end.

    Equal, sentence by sentence, to `decode` on the first lengths[b] words.
    """
    scores = _checked(scores, 3)
    beta = _checked_beta(beta)
    lengths = np.asarray(lengths, dtype=np.int64)
    count, words, _ = scores.shape
    if lengths.shape != (count,) or (lengths < 0).any() or (lengths > words).any():
        raise ValueError(f"lengths are {lengths.tolist()}; expected {count} numbers in 0..{words}")
    result = np.full((count, words), -1, dtype=np.int64)
    if words == 0 or count == 0:
        return result
    inside = np.arange(words) < lengths[:, None]
    # Staying can never be worth more than all the words' score ranges together. Beyond that the
    # answer no longer changes with beta, but huge bonuses would swallow the scores' digits.
    ranges = np.where(inside, scores.max(axis=2) - scores.min(axis=2), 0.0)
    bonus = np.minimum(beta, 2.0 * ranges.sum(axis=1) + 1.0)

    # best[b, j, m]: the highest score of words j.. with word j on region m (Eq. 10-12).
    best = np.where(inside[:, :, None], scores, 0.0)
    for j in range(words - 2, -1, -1):
        rest = best[:, j + 1]
        step = np.maximum(rest + bonus[:, None], rest.max(axis=1, keepdims=True))
        best[:, j] += np.where(inside[:, j + 1, None], step, 0.0)

    rows = np.arange(count)
    result[:, 0] = best[:, 0].argmax(axis=1)  # argmax takes the first of equals
    for j in range(1, words):
        here = result[:, j - 1]
        move = best[:, j].argmax(axis=1)
        gain = best[rows, j, here] + bonus - best[rows, j, move]
        result[:, j] = np.where(gain > 0, here, np.where(gain < 0, move, np.minimum(here, move)))
    result[~inside] = -1
    return result


def score(scores: np.ndarray, assignment: Sequence[int] | np.ndarray, beta: float) -> float:
    """E(a) of Eq. 10 for (N, M) scores and (N,) regions: larger is better."""
    scores = _checked(scores, 2)
    a = np.asarray(assignment, dtype=np.int64)
    unary = scores[np.arange(len(a)), a].sum()
    return float(unary + _checked_beta(beta) * np.count_nonzero(a[1:] == a[:-1]))


def segments(assignment: Sequence[int] | np.ndarray) -> list[tuple[int, int, int]]:
    """(N,) regions -> runs of equal ones as (first word, word after the last, region)."""
    a = np.asarray(assignment, dtype=np.int64)
    starts = [j for j in range(len(a)) if j == 0 or a[j] != a[j - 1]]
    ends = [*starts[1:], len(a)] if starts else []
    return [(s, e, int(a[s])) for s, e in zip(starts, ends, strict=True)]


def merging_beta(scores: np.ndarray, tolerance: float = 1e-3) -> float:
    """The beta from which on `decode` gives one region to all of (N, M) scores.

    Found by bisection to `tolerance` of its value, from above: at the returned beta the sentence
    is one segment. 0 when even beta = 0 does so.
    """
    scores = _checked(scores, 2)
    if len(segments(decode(scores, 0.0))) <= 1:
        return 0.0
    low, high = 0.0, float((scores.max(axis=1) - scores.min(axis=1)).sum()) * 1.001
    # Where a tie parts the words, any bonus merges them: no positive number is the smallest.
    least = high * 1e-9
    while high - low > max(tolerance * high, least):
        middle = (low + high) / 2
        if len(segments(decode(scores, middle))) > 1:
            low = middle
        else:
            high = middle
    return high
