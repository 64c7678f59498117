"""Ranking with Eq. 8: sentences for a photo ("annotation") and photos for a sentence ("search").

Eq. 8 is a sum over words of a maximum over regions. For a whole test set that is one product of
all words with all regions, a maximum over each photo's regions and a sum over each sentence's
words, done in blocks of photos so that memory stays bounded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.alignment import AlignmentModel

BLOCK_BYTES = 256 * 2**20  # of word-region scores held at once


@dataclass(frozen=True)
class Recall:
    """Recall at 1, 5, 10 in percent, and the median rank (1 is best)."""

    r1: float
    r5: float
    r10: float
    medr: float


@torch.inference_mode()
def score_matrix(
    model: AlignmentModel,
    regions: Tensor,
    present: Tensor,
    words: Tensor,
    known: Tensor,
    sentence_of: Tensor,
    count: int,
    block_bytes: int = BLOCK_BYTES,
) -> Tensor:
    """S_kl of Eq. 8 for all K photos and `count` sentences -> (K, count) float32.

    Arguments as `AlignmentModel.photo_sentence_scores`; the same numbers, block by block.
    """
    K, R, _ = regions.shape
    block = max(1, block_bytes // max(1, 4 * len(words) * R))
    scores = torch.empty(K, count)
    for start in range(0, K, block):
        rows = slice(start, start + block)
        scores[rows] = model.photo_sentence_scores(
            regions[rows], present[rows], words, known, sentence_of, count
        )
    return scores


def ranks(scores: np.ndarray, photo_of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(K, L) scores, photo_of (L,) the true photo of each sentence -> ranks from 1.

    annotation (K,): of each photo's best true sentence among all sentences (photos without a
    sentence get rank 0); search (L,): of each sentence's photo among all photos. Equal scores rank
    before the truth: a model that cannot tell gets no credit.
    """
    K, L = scores.shape
    true = scores[photo_of, np.arange(L)]
    search = (scores >= true[None, :]).sum(axis=0)
    best = np.full(K, -np.inf)
    np.maximum.at(best, photo_of, true)
    not_own = photo_of[None, :] != np.arange(K)[:, None]
    annotation = 1 + ((scores >= best[:, None]) & not_own).sum(axis=1)
    return np.where(np.isfinite(best), annotation, 0), search


def recall(rank: np.ndarray) -> Recall:
    """Ranks from 1 (0 = left out) -> Recall."""
    rank = rank[rank > 0]
    r1, r5, r10 = (100.0 * float((rank <= k).mean()) for k in (1, 5, 10))
    return Recall(r1, r5, r10, float(np.median(rank)))
