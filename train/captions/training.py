"""What the training loop needs of captioners: texts as word ids, a step's loss, figures on dev."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.captioning.beam import Decoding, search
from core.captioning.captioner import Captioner, TrainedCaptioner, pack_captions
from core.captioning.metrics import perplexity, score
from core.language.vocabulary import Vocabulary, tokenise
from train.captions.data import Images, RegionTexts
from train.data import DataError
from train.loop import Losses
from train.options import check_numbers


@dataclass(frozen=True)
class CaptionRecipe:
    """How a captioner is trained. The defaults are the shipped recipe."""

    epochs: int = 20
    """Passes over all sentences."""
    batch: int = 128
    """Sentences in a step (100 in the paper)."""
    optimiser: Literal["rmsprop", "adam"] = "rmsprop"
    """rmsprop (the paper's) or adam."""
    rate: float = 1e-3
    """Falls along half a cosine."""
    warm_up: int = 100
    """Steps over which the rate rises first."""
    clip: float = 5.0
    """Each gradient's elements are held within this, as in the paper."""
    weight_decay: float = 0.0
    """Of all weights."""
    label_smoothing: float = 0.0
    """Share of the probability that is asked for all words alike."""
    reward: Literal["none", "cider"] = "none"
    """What drawn sentences are rewarded by: none (people's words are learnt, one by one) or cider
    (self-critical training, from --start on)."""
    samples: int = 5
    """Sentences drawn of each image of a step, with a reward."""
    least: int = 5
    """Words seen less often than this in training are unknown (the paper's)."""
    keep: Literal["cider", "perplexity"] = "perplexity"
    """What the checkpoint that is kept is best at, on dev: perplexity or cider."""
    hypotheses: int = 1000
    """Images of dev that are described after each epoch, greedily, for CIDEr and BLEU-4."""
    seed: int = 1
    """Of everything drawn at random."""

    def __post_init__(self) -> None:
        check_numbers(self)
        if self.optimiser not in ("rmsprop", "adam"):
            raise DataError(f"optimiser is '{self.optimiser}'; expected rmsprop or adam")
        if self.keep not in ("cider", "perplexity"):
            raise DataError(f"keep is '{self.keep}'; expected cider or perplexity")
        if self.reward not in ("none", "cider"):
            raise DataError(f"reward is '{self.reward}'; expected none or cider")
        if self.keep == "cider" and self.hypotheses < 2:
            raise DataError(f"hypotheses is {self.hypotheses}; keeping by CIDEr expects 2 or more")


class CaptionData:
    """What is said of images, as word ids beside rows of a feature folder."""

    def __init__(self, said: RegionTexts, images: Images, vocabulary: Vocabulary) -> None:
        read = [vocabulary.ids(tokenise(text)) for text in said.texts]
        kept = [place for place, ids in enumerate(read) if ids]  # a text without words says nothing
        self.said, self.images = said, images
        self.captions = [read[place] for place in kept]
        self.rows = np.array([images.row(said.photos[place]) for place in kept])
        self.regions = said.regions[kept]

    def __len__(self) -> int:
        return len(self.captions)

    def batch(self, chosen: np.ndarray) -> tuple[Tensor, list[list[int]]]:
        """(B,) places -> image inputs (B, D), word ids of their captions."""
        inputs = self.images.inputs(self.rows[chosen], self.regions[chosen])
        return inputs, [self.captions[place] for place in chosen]


@torch.inference_mode()
def log_probabilities(model: Captioner, material: CaptionData, block: int = 512) -> np.ndarray:
    """(W,) natural log-probability of every word and END of the material; packed, unordered."""
    model.eval()
    device = model.image_mean.device
    found = []
    by_length = np.argsort([len(caption) for caption in material.captions], kind="stable")
    for start in range(0, len(material), block):
        images, captions = material.batch(by_length[start : start + block])
        packed = pack_captions(captions, model.config.boundary).to(device)
        lost = F.cross_entropy(model(images.to(device), packed), packed.targets, reduction="none")
        found.append(-lost.cpu().numpy())
    return np.concatenate(found)


def describe(
    captioner: TrainedCaptioner,
    images: Images,
    keys: Sequence[tuple[str, int]],
    decoding: Decoding,
    block: int = 100,
) -> dict[tuple[str, int], str]:
    """The best sentence of each (photo, region)."""
    captioner.model.eval()
    texts: dict[tuple[str, int], str] = {}
    device = captioner.model.image_mean.device
    for start in range(0, len(keys), block):
        chunk = list(keys[start : start + block])
        found = search(captioner.model, images.of(chunk).to(device), decoding)
        texts |= {key: captioner.text(one[0].words) for key, one in zip(chunk, found, strict=True)}
    return texts


def assess(captioner: TrainedCaptioner, material: CaptionData, hypotheses: int) -> dict[str, float]:
    """Perplexity on dev and, where hypotheses are wanted, CIDEr and BLEU-4 of greedy ones."""
    figures = {"perplexity": perplexity(log_probabilities(captioner.model, material))}
    references = material.said.by_image()
    keys = list(references)[:hypotheses]
    if len(keys) > 1:
        texts = describe(captioner, material.images, keys, Decoding(beam=1), block=500)
        scored = score(texts, references, meteor=False)
        figures |= {"cider": scored["cider"], "bleu_4": scored["bleu_4"]}
    return figures


def optimiser_of(recipe: CaptionRecipe, model: nn.Module) -> torch.optim.Optimizer:
    if recipe.optimiser == "adam":
        return torch.optim.AdamW(
            model.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay
        )
    return torch.optim.RMSprop(model.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay)


class CaptionTask:
    """`train.loop.Task` of `train caption`. An epoch is a pass over all texts."""

    def __init__(
        self,
        captioner: TrainedCaptioner,
        material: CaptionData,
        dev: CaptionData,
        recipe: CaptionRecipe,
        export: Callable[[], None],
    ) -> None:
        """export: write the checkpoint."""
        self.captioner, self.material, self.dev = captioner, material, dev
        self.recipe, self.export = recipe, export
        self.generator = np.random.default_rng(recipe.seed)
        self.generators = (self.generator,)
        self.models = {"model": captioner.model}
        self.optimiser = optimiser_of(recipe, captioner.model)
        self.steps = math.ceil(len(material) / recipe.batch)

    def epoch(self, number: int) -> Iterator[Losses]:
        model, batch = self.captioner.model, self.recipe.batch
        device = model.image_mean.device
        model.train()
        order = self.generator.permutation(len(self.material))
        for step in range(self.steps):
            images, captions = self.material.batch(order[step * batch : (step + 1) * batch])
            packed = pack_captions(captions, model.config.boundary).to(device)
            loss = F.cross_entropy(
                model(images.to(device), packed),
                packed.targets,
                label_smoothing=self.recipe.label_smoothing,
            )
            yield Losses({"words": loss}, weight=len(packed.targets))

    def clip(self) -> None:
        nn.utils.clip_grad_value_(self.captioner.model.parameters(), self.recipe.clip)

    def assess(self) -> dict[str, float]:
        return assess(self.captioner, self.dev, self.recipe.hypotheses)

    def columns(self, means: Mapping[str, float]) -> dict[str, float]:
        """The mean over words."""
        return {"loss": means["words"]}

    def worth(self, figures: Mapping[str, float]) -> float:
        return figures["cider"] if self.recipe.keep == "cider" else -figures["perplexity"]

    def save(self) -> None:
        self.export()
