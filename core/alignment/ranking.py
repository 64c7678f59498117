"""Ranking with Eq. 8, whole sets at once: sentences for a photo, photos or regions for words.

Eq. 8 is a sum over words of a maximum over regions. For a whole test set that is one product of
all words with all regions, a maximum over each photo's regions and a sum over each sentence's
words (`score_matrix`). For one query over many stored regions it is `best_regions` (Fig. 9, 10)
and `best_photos`: exact, no index, and the regions may lie on disk as a memory map.

Everything goes block by block, so that memory stays bounded, and in blocks that stay in the
processor's cache: the maximum then costs little beside the product.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from core.alignment.model import AlignmentModel

BLOCK_BYTES = 4 * 2**20
"""Of word-region scores held at once by `score_matrix`: more leaves the cache and gains nothing."""
TILE_WORDS = 512
"""Words of a block: below, the product gets slower; above, nothing gains."""
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
    words: np.ndarray, regions: np.ndarray, k: int, block: int = BLOCK_REGIONS
) -> Found:
    """The k regions of a set that suit a query best (Fig. 9 and 10 of the paper).

    words    (W, h) vectors s_t of the query's known words, W >= 1 (`Reading.vectors[known]`)
    regions  (N, h) vectors v of all regions, float32 or float16, in memory or memory-mapped
    k        how many; all N where there are fewer
    block    regions turned to float32 at a time

    A region's score is sum_t v . s_t: one product with the sum of the words. -> Found, whose rows
    are rows of `regions`. Exact: every region is scored. Reads each region once.
    """
    scores = np.empty(len(regions), dtype=np.float32)
    query = np.asarray(words, dtype=np.float32).sum(axis=0, keepdims=True)
    bounds = np.append(np.arange(0, len(regions), block), len(regions))
    for start, end, products in _products(query, regions, bounds):
        scores[start:end] = products[0]
    return _top(scores, k)


def best_photos(
    words: np.ndarray,
    regions: np.ndarray,
    first: np.ndarray,
    k: int,
    block: int = BLOCK_REGIONS,
) -> Found:
    """The k photos of a set that suit a query best by Eq. 8: each word takes its best region.

    words, regions, block  as for `best_regions`
    first    (K + 1,) int: photo j's regions are rows first[j] .. first[j + 1] - 1, one or more;
             first[0] = 0 and first[K] = N

    A photo's score is sum_t max_i v_i . s_t. -> Found, whose rows are photos 0 .. K - 1.
    Raises ValueError when `first` does not part the regions so.
    """
    return best_regions_and_photos(words, regions, first, k, block)[1]


def best_regions_and_photos(
    words: np.ndarray,
    regions: np.ndarray,
    first: np.ndarray,
    k: int,
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
    summed = np.empty(len(regions), dtype=np.float32)
    blocks = _products(words, regions, first[cuts])
    for (photo, stop), (start, end, products) in zip(pairwise(cuts), blocks, strict=True):
        best = np.maximum.reduceat(products, first[photo:stop] - start, axis=1)  # (W, photos)
        scores[photo:stop] = best.sum(axis=0)
        summed[start:end] = products.sum(axis=0)
    return _top(summed, k), _top(scores, k)


def _sums(
    regions: Tensor,
    present: Tensor,
    words: Tensor,
    known: Tensor,
    sentence_of: Tensor,
    count: int,
    block_bytes: int,
    all_regions: bool,
) -> Tensor:
    """sum_t max_i v_i . s_t (Eq. 8) or, with all_regions, sum_t sum_i max(0, v_i . s_t) (Eq. 7),
    t over known words: (K, R, h), (K, R), (W, h), (W,), (W,) -> (K, count)."""
    K, R, h = regions.shape
    tile = max(1, min(TILE_WORDS, block_bytes // (4 * R)))
    photos = max(1, block_bytes // (4 * R * tile))
    scores = torch.empty(K, count)
    held = regions.new_empty(tile * R * min(photos, K))
    for start in range(0, K, photos):
        rows = slice(start, start + photos)
        here = present[rows]
        k = len(here)
        if all_regions:  # a missing region adds 0
            block = regions[rows].masked_fill(~here[:, :, None], 0.0)
        else:  # a missing region becomes a copy of one that is there: no maximum can tell
            stand_in = here.int().argmax(dim=1)
            slots = torch.where(here, torch.arange(R, device=here.device), stand_in[:, None])
            block = regions[rows].gather(1, slots[:, :, None].expand(k, R, h))
        # Region slots outside, photos inside: the maximum runs along whole rows of photos.
        across = block.transpose(0, 1).reshape(R * k, h).T
        summed = regions.new_zeros(count, k)
        for first in range(0, len(words), tile):
            here_known = known[first : first + tile]
            some = words[first : first + tile][here_known]  # of all words it would be a large copy
            products = held[: len(some) * R * k].view(len(some), R * k)
            torch.mm(some, across, out=products)
            slotted = products.view(len(some), R, k)
            voted = slotted.clamp_(min=0.0).sum(dim=1) if all_regions else slotted.amax(dim=1)
            summed.index_add_(0, sentence_of[first : first + tile][here_known], voted)
        scores[rows] = summed.T
    return scores


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
    """S_kl of Eq. 8 for all K photos and `count` sentences -> (K, count) float32 on the CPU.

    Arguments as `AlignmentModel.photo_sentence_scores`, and the same numbers, block by block;
    every photo has at least one region that is present (ValueError names one that has none).
    Beside the answer, at most `block_bytes` of word-region scores are held, and the region vectors
    and sums of the photos of one block.
    """
    if not present.any(dim=1).all():
        photo = int((~present.any(dim=1)).nonzero()[0])
        raise ValueError(f"photo {photo} has no region; expected at least one, the whole image")
    everything = model.config.score == "sum"
    scores = _sums(regions, present, words, known, sentence_of, count, block_bytes, everything)
    if model.config.similarity != "product":  # means, as `AlignmentModel.sentence_scores` takes
        scores /= torch.bincount(sentence_of[known], minlength=count).clamp_min(1).cpu()
        if everything:
            scores /= present.sum(dim=1, keepdim=True).cpu()
    return scores


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
