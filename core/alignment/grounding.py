"""How words choose among a photo's regions. Four departures from Eq. 11, which has v . s alone; a
checkpoint that sets none of their numbers (`GroundingConfig`) has none of them. They are chosen
after training, by `evaluate ground` on dev phrases: nothing that is trained depends on them. Nor
on the two numbers of decoding beside them, which `evaluate borders` chooses.

Whole photos and sentences taught the model, and they teach what a region shows, not which word of a
sentence means it nor where a thing should end:

  window      the BRNN gives each word the whole sentence, until all words look at the main thing.
              Here a word is read among its neighbours only.
  shared_out  what all words of the sentence still share is taken off, in part.
  prior       of boxes around one thing, the detector knows the better one.
  neighbours  several boxes lie around one thing, each with its own noise; what they agree on points
              better.

Ranking (Eq. 8) leaves all of them out: there, context helps, and a prior would favour photos.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch

from core.alignment.model import AlignmentModel, pack_sentences
from core.configuration import check_bounds
from core.language.vocabulary import UNKNOWN
from core.vision import boxes

BLOCK = 20_000  # windows read at once
DECODING = ("merging_share", "copy_iou")
"""Fields of GroundingConfig that choose among scores; these depend on all others."""


@dataclass(frozen=True)
class GroundingConfig:
    """The numbers of the four departures; their defaults are the paper's: none of them. And what
    is shown of the scores at first, whose defaults serve any checkpoint that does not say."""

    prior: float = 0.0
    """Weight of a region's objectness."""
    image_objectness: float = 1.0
    """What the whole image, which no detector found, counts as there."""
    neighbours: float = 0.0
    """Share of a region's score that the regions it overlaps give."""
    window: int = 0
    """Words on either side that a word is read with; 0 for its whole sentence."""
    shared_out: float = 0.0
    """Share of what all words of a sentence have in common that is taken off each."""
    merging_share: float = 0.05
    """The beta that is shown at first, as a share of the one that merges the whole sentence."""
    copy_iou: float = 0.4
    """Overlap from which a region is a near copy of a better one, which is shown for both."""

    def __post_init__(self) -> None:
        check_bounds(
            self,
            prior=(-1000, 1000),
            image_objectness=(-1000, 1000),
            neighbours=(0, 1),
            window=(0, 1000),
            shared_out=(0, 1),
            merging_share=(0, 1),
            copy_iou=(0, 1),
        )

    @property
    def scoring(self) -> dict[str, float]:
        """The fields that scores depend on."""
        return {k: v for k, v in asdict(self).items() if k not in DECODING}


@torch.inference_mode()
def grounding_words(
    model: AlignmentModel, config: GroundingConfig, sentences: Sequence[list[int]]
) -> np.ndarray:
    """Word ids of sentences, none empty -> (W, h) their words as they choose regions, packed.

    Unknown words are left out before the others are read, so that none of them moves another word;
    their own rows are 0.
    """
    window, share = config.window, config.shared_out
    known = np.concatenate([np.array(sentence) != UNKNOWN for sentence in sentences])
    said = [[i for i in sentence if i != UNKNOWN] for sentence in sentences]
    said = [sentence for sentence in said if sentence]
    if not said:
        return np.zeros((len(known), model.config.common_dimension), dtype=np.float32)
    if window:
        read = _in_windows(model, said, window)
    else:
        ids, lengths, _, _ = pack_sentences(said)
        read = model.embed_words(ids, lengths).numpy()
    end = 0
    for sentence in said if share else ():
        mine, end = read[end : end + len(sentence)], end + len(sentence)
        mine -= share * mine.mean(axis=0)
    vectors = np.zeros((len(known), read.shape[1]), dtype=read.dtype)
    vectors[known] = read
    return vectors


def _in_windows(model: AlignmentModel, sentences: Sequence[list[int]], window: int) -> np.ndarray:
    """Every word read with `window` words on either side of it, as if that were its sentence."""
    windows = [
        (sentence[max(0, t - window) : t + window + 1], min(t, window))
        for sentence in sentences
        for t in range(len(sentence))
    ]
    parts = []
    for start in range(0, len(windows), BLOCK):
        chunk = windows[start : start + BLOCK]
        ids, lengths, _, _ = pack_sentences([words for words, _ in chunk])
        read = model.embed_words(ids, lengths)
        first = lengths.cumsum(0) - lengths
        parts.append(read[first + torch.tensor([place for _, place in chunk])].numpy())
    return np.concatenate(parts)


def grounding_regions(
    config: GroundingConfig, regions: np.ndarray, boxes_xyxy: np.ndarray, objectness: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A photo's regions, the whole image first, as words choose among them.

    regions (R, h), boxes_xyxy (R, 4), objectness (R,) -> (R, h) and the prior (R,) that
    `grounding_scores` takes.
    """
    prior: np.ndarray = config.prior * objectness.astype(np.float32)
    prior[:1] = config.prior * config.image_objectness
    both = np.concatenate((regions, prior[:, None]), axis=1)
    both = with_neighbours(both, boxes_xyxy, config.neighbours)
    return both[:, :-1], both[:, -1]


def with_neighbours(values: np.ndarray, boxes_xyxy: np.ndarray, share: float) -> np.ndarray:
    """(R, n) values of R regions with boxes (R, 4) -> (R, n): of each, `share` is the mean over all
    regions, itself included, weighted by their IoU with it.

    Scores are linear in region vectors, so averaging vectors averages scores.
    """
    if not share or not len(values):
        return values
    weights = boxes.iou(boxes_xyxy, boxes_xyxy)
    np.fill_diagonal(weights, 1.0)  # of a box without area, too
    weights /= weights.sum(axis=1, keepdims=True)
    mean: np.ndarray = (1 - share) * values + share * (weights @ values)
    return mean.astype(values.dtype)


def grounding_scores(
    words: np.ndarray, regions: np.ndarray, prior: np.ndarray | None
) -> np.ndarray:
    """How well each region suits each word where one is to be chosen: words (N, h), regions (R, h),
    prior (R,) or None for 0 -> (N, R) v . s + |s| prior."""
    scores: np.ndarray = words @ regions.T
    return scores if prior is None else scores + np.linalg.norm(words, axis=1)[:, None] * prior


def phrase_scores(words: np.ndarray, regions: np.ndarray, prior: np.ndarray | None) -> np.ndarray:
    """How well each region suits a phrase as a whole: the mean of its words' `grounding_scores`,
    so that the best region is the one that the chain gives a sentence at an endless beta.

    words (N, h), N >= 1, regions (R, h), prior (R,) or None -> (R,).
    """
    mean: np.ndarray = grounding_scores(words, regions, prior).mean(axis=0)
    return mean
