"""Self-critical training (Rennie et al., CVPR 2017): a captioner that can already speak learns from
how good the sentences are that it says, by CIDEr, and not from single words of people's sentences.

For each image some sentences are drawn from the captioner. A sentence's advantage is its CIDEr less
the mean of the image's other sentences (the baseline of Luo 2020, which needs no greedy sentence),
and its log-probability is raised in proportion. END counts as a word of a sentence, or those would
be rewarded that stop in the middle of a phrase.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import torch
from torch.nn import functional as F

from core.captioning.beam import sample
from core.captioning.captioner import TrainedCaptioner, pack_captions
from train.captions.training import CaptionData, CaptionRecipe, CaptionTask
from train.data import DataError
from train.loop import Losses

LONGEST = 4  # words of an n-gram, as in CIDEr's definition
SIGMA = 6.0  # of the Gaussian that punishes another length; CIDEr-D's
Gram = tuple[int, ...]


def grams(words: Sequence[int]) -> Counter[Gram]:
    """Word ids -> how often each n-gram of one to four words stands there."""
    return Counter(
        tuple(words[i : i + n]) for n in range(1, LONGEST + 1) for i in range(len(words) - n + 1)
    )


class _Weighted:
    """A sentence as tf-idf vectors: n-gram -> weight, their lengths by n, the number of words."""

    def __init__(self, words: Sequence[int], rarity: Mapping[Gram, float], rarest: float) -> None:
        self.words = len(words)
        self.weights = {gram: n * rarity.get(gram, rarest) for gram, n in grams(words).items()}
        squares = [0.0] * LONGEST
        for gram, weight in self.weights.items():
            squares[len(gram) - 1] += weight * weight
        self.lengths = [math.sqrt(one) for one in squares]


class CiderReward:
    """CIDEr-D of sentences as word ids, as pycocoevalcap computes it (Vedantam et al. 2015), with
    document frequencies taken once from the references of all images."""

    def __init__(self, references: Mapping[int, Sequence[Sequence[int]]]) -> None:
        """references: image -> its sentences, two images or more."""
        if len(references) < 2:
            raise DataError(f"there are {len(references)} images; a CIDEr reward expects 2 or more")
        seen: Counter[Gram] = Counter()
        for group in references.values():
            seen.update({gram for words in group for gram in grams(words)})
        self._rarest = math.log(len(references))
        self._rarity = {gram: self._rarest - math.log(n) for gram, n in seen.items()}
        self._said = {image: [self._weigh(words) for words in group]
                      for image, group in references.items()}  # fmt: skip

    def _weigh(self, words: Sequence[int]) -> _Weighted:
        return _Weighted(words, self._rarity, self._rarest)

    def __call__(self, image: int, words: Sequence[int]) -> float:
        """The CIDEr of one sentence of an image, from 0 to 10."""
        mine = self._weigh(words)
        group = self._said[image]
        return 10 * sum(_alike(mine, other) for other in group) / len(group)


def _alike(mine: _Weighted, other: _Weighted) -> float:
    """Mean over n of the clipped cosines of two sentences' n-grams, less for unlike lengths."""
    products = [0.0] * LONGEST
    for gram, weight in mine.weights.items():
        theirs = other.weights.get(gram)
        if theirs is not None:
            products[len(gram) - 1] += min(weight, theirs) * theirs
    cosines = [
        product / (a * b) if a and b else 0.0
        for product, a, b in zip(products, mine.lengths, other.lengths, strict=True)
    ]
    apart = mine.words - other.words
    return math.exp(-(apart**2) / (2 * SIGMA**2)) * sum(cosines) / LONGEST


def advantages(rewards: np.ndarray) -> np.ndarray:
    """(B, S) rewards of S >= 2 sentences of each image -> (B, S) less the mean of the others."""
    S = rewards.shape[1]
    others = (rewards.sum(axis=1, keepdims=True) - rewards) / (S - 1)
    found: np.ndarray = rewards - others
    return found


class RewardTask(CaptionTask):
    """`train.loop.Task` of `train caption --reward cider`. An epoch is a pass over all images."""

    def __init__(
        self,
        captioner: TrainedCaptioner,
        material: CaptionData,
        dev: CaptionData,
        recipe: CaptionRecipe,
        export: Callable[[], None],
    ) -> None:
        """export: write the checkpoint."""
        super().__init__(captioner, material, dev, recipe, export)
        if recipe.samples < 2:
            raise DataError(f"samples is {recipe.samples}; --reward cider expects 2 or more")
        end = self.captioner.model.config.boundary
        of_image: dict[tuple[int, int], list[list[int]]] = {}
        for row, region, words in zip(
            self.material.rows, self.material.regions, self.material.captions, strict=True
        ):
            of_image.setdefault((int(row), int(region)), []).append([*words, end])
        self.places = np.array(list(of_image))  # (N, 2) rows of the features and regions there
        self.reward = CiderReward(dict(enumerate(of_image.values())))
        self.steps = math.ceil(len(self.places) / recipe.batch)

    def epoch(self, number: int) -> Iterator[Losses]:
        model, recipe = self.captioner.model, self.recipe
        device, end = model.image_mean.device, model.config.boundary
        order = self.generator.permutation(len(self.places))
        for step in range(self.steps):
            chosen = np.repeat(order[step * recipe.batch : (step + 1) * recipe.batch],
                               recipe.samples)  # fmt: skip
            rows, regions = self.places[chosen].T
            images = self.material.images.inputs(rows, regions).to(device)
            model.eval()  # what it says without dropout is what it will be judged by
            said = [list(one.words) for one in sample(model, images)]
            rewards = np.array([self.reward(int(image), [*words, end])
                                for image, words in zip(chosen, said, strict=True)])  # fmt: skip
            better = advantages(rewards.reshape(-1, recipe.samples)).ravel()
            model.train()
            packed = pack_captions(said, end).to(device)
            lost = F.cross_entropy(model(images, packed), packed.targets, reduction="none")
            weight = torch.from_numpy(better).to(lost)[packed.order][packed.rows]
            # The reward is a constant beside the loss: it moves nothing, and the log shows it.
            yield Losses(
                {"words": (lost * weight).mean(), "reward": lost.new_tensor(rewards.mean())},
                weight=len(chosen),
            )

    def columns(self, means: Mapping[str, float]) -> dict[str, float]:
        """The loss has no meaning of its own; the mean CIDEr of what was drawn has one."""
        return {"loss": means["words"], "reward": means["reward"]}
