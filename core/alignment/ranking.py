"""Ranking by the scores of scoring.py: ranks among a whole set, and searches in stored regions.

A search for one query is `best_regions` (Fig. 9, 10) and `best_photos`: exact, no index, and the
regions may lie on disk as a memory map. It goes block by block, so that memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from core.alignment.scoring import Scoring

BLOCK_REGIONS = 4096
"""Regions of a block in a search: as float32 of 512 numbers, 8 MB."""


@dataclass(frozen=True)
class Recall:
    """Recall at 1, 5, 10 in percent, and the median rank (1 is best)."""

    r1: float
    r5: float
    r10: float
    medr: float


@dataclass(frozen=True)
class Found:
    """What a search found, best first: rows (k,) int64, scores (k,) float32. Equal scores stand
    in the order of their rows."""

    rows: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


def _top(scores: np.ndarray, k: int) -> Found:
    """(N,) scores -> the k best (all where there are fewer)."""
    k = min(k, len(scores))
    # Everything that reaches the k-th best score, so that ties fall to the lowest rows.
    least = np.partition(scores, len(scores) - k)[len(scores) - k] if k else np.inf
    rows = np.flatnonzero(scores >= least)
    rows = rows[np.argsort(-scores[rows], kind="stable")[:k]]
    return Found(rows, scores[rows])


def as_float32(vectors: np.ndarray) -> Tensor:
    """Vectors as torch's float32, copied only where they must be: torch takes no read-only memory
    map, and turns float16 into float32 ten times faster than numpy does."""
    return torch.from_numpy(vectors if vectors.flags.writeable else np.array(vectors)).float()


def _products(
    words: np.ndarray, regions: np.ndarray, bounds: np.ndarray
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Words (W, h) with the regions between neighbouring bounds -> (start, end, (W, n) float32)."""
    query = torch.from_numpy(np.array(words, dtype=np.float32))
    for start, end in pairwise(bounds):
        block = as_float32(regions[start:end])
        yield int(start), int(end), (query @ block.T).numpy()  # thrice as fast as block @ query.T


def best_regions(
    words: np.ndarray,
    regions: np.ndarray,
    k: int,
    scoring: Scoring,
    block: int = BLOCK_REGIONS,
) -> Found:
    """The k regions of a set that suit a query best (Fig. 9 and 10 of the paper).

    words    (W, h) vectors s_t of the query's known words, W >= 1 (`Reading.contextual[known]`)
    regions  (N, h) vectors v of all regions, float32 or float16, in memory or memory-mapped
    k        how many; all N where there are fewer
    scoring  the model's (`AlignmentConfig.scoring`)
    block    regions turned to float32 at a time

    A region's score is `Scoring.region_scores`: by Eq. 8 sum_t v . s_t. -> Found, whose rows are
    rows of `regions`. Exact: every region is scored. Reads each region once.
    """
    scores = np.empty(len(regions), dtype=np.float32)
    query = np.asarray(words, dtype=np.float32)
    if scoring.sums_commute:
        query = query.sum(axis=0, keepdims=True)
    bounds = np.append(np.arange(0, len(regions), block), len(regions))
    for start, end, products in _products(query, regions, bounds):
        scores[start:end] = scoring.region_scores(products)
    return _top(scores, k)


def best_photos(
    words: np.ndarray,
    regions: np.ndarray,
    first: np.ndarray,
    k: int,
    scoring: Scoring,
    block: int = BLOCK_REGIONS,
) -> Found:
    """The k photos of a set that suit a query best by Eq. 8, or 7.

    words, regions, scoring, block  as for `best_regions`
    first    (K + 1,) int: photo j's regions are rows first[j] .. first[j + 1] - 1, one or more;
             first[0] = 0 and first[K] = N

    A photo's score is `Scoring.photo_scores`: by Eq. 8 sum_t max_i v_i . s_t. -> Found, whose rows
    are photos 0 .. K - 1. Raises ValueError when `first` does not part the regions so.
    """
    return best_regions_and_photos(words, regions, first, k, scoring, block)[1]


def best_regions_and_photos(
    words: np.ndarray,
    regions: np.ndarray,
    first: np.ndarray,
    k: int,
    scoring: Scoring,
    block: int = BLOCK_REGIONS,
) -> tuple[Found, Found]:
    """What `best_regions` and `best_photos` find, in one pass: each region is read once."""
    first = np.asarray(first)
    if len(first) < 1 or first[0] != 0 or first[-1] != len(regions) or (np.diff(first) < 1).any():
        raise ValueError(
            f"first goes from {first[:1]} to {first[-1:]} over {len(regions)} regions; expected "
            "rising numbers from 0 to the number of regions"
        )
    # Cut between photos: a block ends with the photo that fills it.
    filled = np.searchsorted(first, np.arange(0, len(regions) + block, block))
    cuts = np.unique(np.minimum(filled, len(first) - 1))
    scores = np.empty(len(first) - 1, dtype=np.float32)
    alone = np.empty(len(regions), dtype=np.float32)
    blocks = _products(words, regions, first[cuts])
    for (photo, stop), (start, end, products) in zip(pairwise(cuts), blocks, strict=True):
        scores[photo:stop] = scoring.photo_scores(products, first[photo:stop] - start)
        alone[start:end] = scoring.region_scores(products)
    return _top(alone, k), _top(scores, k)


def ranks(scores: np.ndarray, photo_of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(K, L) scores, photo_of (L,) the true photo of each sentence -> ranks from 1.

    annotation (K,): of each photo's best true sentence among all sentences (photos without a
    sentence get rank 0); search (L,): of each sentence's photo among all photos. Equal scores rank
    before the truth: a model that cannot tell gets no credit.
    """
    K, L = scores.shape
    true = scores[photo_of, np.arange(L)]
    best = np.full(K, -np.inf)
    np.maximum.at(best, photo_of, true)
    search = np.zeros(L, dtype=np.int64)
    annotation = np.zeros(K, dtype=np.int64)
    for start in range(0, K, 64):  # rows at a time: no second array of K x L
        rows = slice(start, start + 64)
        search += (scores[rows] >= true).sum(axis=0)
        not_own = photo_of != np.arange(K)[rows, None]
        annotation[rows] = 1 + ((scores[rows] >= best[rows, None]) & not_own).sum(axis=1)
    return np.where(np.isfinite(best), annotation, 0), search


def recall(rank: np.ndarray) -> Recall:
    """Ranks from 1 (0 = left out) -> Recall."""
    rank = rank[rank > 0]
    r1, r5, r10 = (100.0 * float((rank <= k).mean()) for k in (1, 5, 10))
    return Recall(r1, r5, r10, float(np.median(rank)))
