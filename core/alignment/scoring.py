"""How well photos and sentences suit each other: Eq. 7 and 8 of the paper, written once.

Everything begins with the products v_i . s_t of regions and words. A word's vote for a photo is

  "max"   the best of its products with the photo's regions:        max_i v_i . s_t         (Eq. 8)
  "sum"   the sum of those that agree with it:                      sum_i max(0, v_i . s_t) (Eq. 7)

and S_kl of a photo k and a sentence l is the sum of the votes of its known words. Similarities
whose products are cosines take means for sums, so that scores stay in [-1, 1]: over the words, and
for "sum" over the photo's regions too.

`_RULES` says what a vote is; the rest applies it to batches with gradients (`sentence_scores`), to
whole sets in tiles (`score_matrix`) and to one query over stored regions (`photo_scores`,
`region_scores`: there a region counts as a photo that has no other).

Letters: K photos, R regions of each; L sentences, W words of all sentences together, packed one
sentence after the other; h the common space.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

BLOCK_BYTES = 4 * 2**20
"""Of word-region products held at once by `score_matrix`: more leaves the cache, gains nothing."""
TILE_WORDS = 512
"""Words of a block: below, the product gets slower; above, nothing gains."""


@dataclass(frozen=True)
class _Rule:
    """What a word's products with a photo's regions come to."""

    agreeing: bool
    """Only products above 0 count."""
    over_regions: np.ufunc
    """np.maximum or np.add."""


Vote = Literal["max", "sum"]
SCORES: tuple[Vote, ...] = get_args(Vote)
_RULES: dict[Vote, _Rule] = {"max": _Rule(False, np.maximum), "sum": _Rule(True, np.add)}


@dataclass(frozen=True)
class Scoring:
    """Which of the scores a model has: `AlignmentConfig.scoring`.

    vote   a key of `_RULES`
    means  means for sums
    """

    vote: Vote = "max"
    means: bool = False

    @property
    def sums_commute(self) -> bool:
        """Is a single region's score linear in the words? Then they may be added beforehand."""
        return not _RULES[self.vote].agreeing

    def sentence_scores(
        self, products: Tensor, present: Tensor, known: Tensor, sentence_of: Tensor, count: int
    ) -> Tensor:
        """S_kl from all products, with gradients.

        products (W, K, R), -inf where no region is present, as `word_region_products` gives them;
        present (K, R) bool; known (W,) bool: unknown words do not vote; sentence_of (W,) int64 in
        0..count-1 -> (K, count).
        """
        votes = _votes(self, products, dim=2) * known[:, None]  # (W, K)
        summed = votes.new_zeros(count, votes.shape[1]).index_add(0, sentence_of, votes)
        if self.means:
            words = votes.new_zeros(count).index_add(0, sentence_of, known.to(votes.dtype))
            summed = summed / words.clamp_min(1.0)[:, None]
            if self._over_regions:
                summed = summed / present.sum(dim=1).clamp_min(1)
        return summed.T

    def photo_sentence_scores(
        self,
        regions: Tensor,
        present: Tensor,
        words: Tensor,
        known: Tensor,
        sentence_of: Tensor,
        count: int,
    ) -> Tensor:
        """The same from regions (K, R, h), of which present (K, R) tells padding, and words (W, h)
        -> (K, count)."""
        products = word_region_products(regions, present, words)
        return self.sentence_scores(products, present, known, sentence_of, count)

    @property
    def _over_regions(self) -> bool:
        """Are votes means over the photo's regions? A maximum is none of their number."""
        return self.means and _RULES[self.vote].over_regions is np.add

    def photo_scores(self, products: np.ndarray, first: np.ndarray) -> np.ndarray:
        """One query's products (W, n) with the regions of K photos, photo j's from first[j] on
        -> (K,). The query's words are the same for all photos: votes are added, never averaged."""
        rule = _RULES[self.vote]
        votes = rule.over_regions.reduceat(_counted(rule, products), first, axis=1)
        scores: np.ndarray = votes.sum(axis=0)
        if self._over_regions:
            scores = scores / np.diff(first, append=products.shape[1]).astype(scores.dtype)
        return scores

    def region_scores(self, products: np.ndarray) -> np.ndarray:
        """One query's products (W, n) with n regions -> (n,): each as a photo of its own."""
        scores: np.ndarray = _counted(_RULES[self.vote], products).sum(axis=0)
        return scores


def word_region_products(regions: Tensor, present: Tensor, words: Tensor) -> Tensor:
    """v . s of every word with every region: regions (K, R, h), present (K, R), words (W, h)
    -> (W, K, R); -inf where no region is present."""
    K, R, h = regions.shape
    products = (words @ regions.reshape(K * R, h).T).view(-1, K, R)
    return products.masked_fill(~present, float("-inf"))


def _votes(scoring: Scoring, products: Tensor, dim: int, in_place: bool = False) -> Tensor:
    """Products -> votes, the regions' dimension gone; -inf stands for no region. in_place: the
    products may be overwritten."""
    rule = _RULES[scoring.vote]
    if rule.agreeing:
        products = products.clamp_(min=0.0) if in_place else products.clamp_min(0.0)
    if rule.over_regions is np.add:
        return products.sum(dim=dim)
    # Backwards, `amax` would part the gradient among equals; forwards, it is the faster one.
    return products.max(dim=dim).values if products.requires_grad else products.amax(dim=dim)


def _counted(rule: _Rule, products: np.ndarray) -> np.ndarray:
    return np.maximum(products, 0) if rule.agreeing else products


@torch.inference_mode()
def score_matrix(
    scoring: Scoring,
    regions: Tensor,
    present: Tensor,
    words: Tensor,
    known: Tensor,
    sentence_of: Tensor,
    count: int,
    block_bytes: int = BLOCK_BYTES,
) -> Tensor:
    """S_kl for all K photos and `count` sentences -> (K, count) float32 on the CPU.

    Arguments as `Scoring.photo_sentence_scores`, and the same numbers, block by block; every photo
    has at least one region that is present (ValueError names one that has none). Beside the answer,
    at most `block_bytes` of products are held, and the region vectors and sums of the photos of one
    block. Blocks stay in the processor's cache: a vote then costs little beside the product.
    """
    if not present.any(dim=1).all():
        photo = int((~present.any(dim=1)).nonzero()[0])
        raise ValueError(f"photo {photo} has no region; expected at least one, the whole image")
    scores = _sums(scoring, regions, present, words, known, sentence_of, count, block_bytes)
    if scoring.means:
        scores /= torch.bincount(sentence_of[known], minlength=count).clamp_min(1).cpu()
        if scoring._over_regions:
            scores /= present.sum(dim=1, keepdim=True).cpu()
    return scores


def _sums(
    scoring: Scoring,
    regions: Tensor,
    present: Tensor,
    words: Tensor,
    known: Tensor,
    sentence_of: Tensor,
    count: int,
    block_bytes: int,
) -> Tensor:
    """Sums of votes: (K, R, h), (K, R), (W, h), (W,), (W,) -> (K, count)."""
    K, R, h = regions.shape
    tile = max(1, min(TILE_WORDS, block_bytes // (4 * R)))
    photos = max(1, block_bytes // (4 * R * tile))
    scores = torch.empty(K, count)
    held = regions.new_empty(tile * R * min(photos, K))
    for start in range(0, K, photos):
        rows = slice(start, start + photos)
        here = present[rows]
        k = len(here)
        if _RULES[scoring.vote].agreeing:  # a missing region adds 0
            block = regions[rows].masked_fill(~here[:, :, None], 0.0)
        else:  # a missing region becomes a copy of one that is there: no maximum can tell
            stand_in = here.int().argmax(dim=1)
            places = torch.where(here, torch.arange(R, device=here.device), stand_in[:, None])
            block = regions[rows].gather(1, places[:, :, None].expand(k, R, h))
        # Regions outside, photos inside: the votes run along whole rows of photos.
        across = block.transpose(0, 1).reshape(R * k, h).T
        summed = regions.new_zeros(count, k)
        for first in range(0, len(words), tile):
            here_known = known[first : first + tile]
            some = words[first : first + tile][here_known]  # of all words it would be a large copy
            products = held[: len(some) * R * k].view(len(some), R * k)
            torch.mm(some, across, out=products)
            votes = _votes(scoring, products.view(len(some), R, k), dim=1, in_place=True)
            summed.index_add_(0, sentence_of[first : first + tile][here_known], votes)
        scores[rows] = summed.T
    return scores
