"""`python -m train caption`: learn to describe whole photos, or their regions.

  --level image    a photo's sentences; the image is region 0, the whole photo
  --level region   snippets that the alignment model and the chain MRF found in training sentences
                   (`train snippets`); nobody's boxes

Photos were turned into features once (`train features`). An epoch is a pass over all sentences.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from core.captioning.beam import Decoding, search
from core.captioning.captioner import Captioner, TrainedCaptioner, pack_captions
from core.captioning.metrics import perplexity, score
from core.captioning.recurrences import KINDS, CaptionerConfig
from core.checkpoints import LEVELS, load_captioners, save_captioner, save_checkpoint
from core.language.vocabulary import Vocabulary, tokenise
from train.captions.data import Images, Said, read_snippets, said_of_photos
from train.data import DataError, read_captions
from train.features import FeatureStore
from train.runs import Progress, Run, check_finite, set_threads


@dataclass(frozen=True)
class CaptionRecipe:
    """How a captioner is trained. The defaults are the shipped recipe."""

    epochs: int = 20
    batch: int = 128
    """Sentences in a step (100 in the paper)."""
    optimiser: Literal["rmsprop", "adam"] = "rmsprop"
    rate: float = 1e-3
    """Falls along half a cosine."""
    warm_up: int = 100
    """Steps over which the rate rises first."""
    clip: float = 5.0
    """Each gradient's elements are held within this, as in the paper."""
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    least: int = 5
    """Words seen less often than this in training are unknown (the paper's)."""
    keep: Literal["cider", "perplexity"] = "perplexity"
    """What the checkpoint that is kept is best at, on dev."""
    hypotheses: int = 1000
    """Images of dev that are described after each epoch, greedily, for CIDEr and BLEU-4."""
    seed: int = 1

    def __post_init__(self) -> None:
        if self.optimiser not in ("rmsprop", "adam"):
            raise DataError(f"optimiser is '{self.optimiser}'; expected rmsprop or adam")
        if self.keep not in ("cider", "perplexity"):
            raise DataError(f"keep is '{self.keep}'; expected cider or perplexity")
        if self.keep == "cider" and self.hypotheses < 2:
            raise DataError(f"hypotheses is {self.hypotheses}; keeping by CIDEr expects 2 or more")


class Material:
    """What is said of images, as word ids beside rows of a feature folder."""

    def __init__(self, said: Said, images: Images, vocabulary: Vocabulary) -> None:
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
def log_probabilities(model: Captioner, material: Material, block: int = 512) -> np.ndarray:
    """(W,) natural log-probability of every word and END of the material; packed, unordered."""
    model.eval()
    found = []
    by_length = np.argsort([len(caption) for caption in material.captions], kind="stable")
    for start in range(0, len(material), block):
        images, captions = material.batch(by_length[start : start + block])
        packed = pack_captions(captions, model.config.boundary)
        lost = F.cross_entropy(model(images, packed), packed.targets, reduction="none")
        found.append(-lost.numpy())
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
    texts = {}
    for start in range(0, len(keys), block):
        chunk = list(keys[start : start + block])
        found = search(captioner.model, images.of(chunk), decoding)
        texts |= {key: captioner.text(one[0].words) for key, one in zip(chunk, found, strict=True)}
    return texts


def assess(captioner: TrainedCaptioner, material: Material, hypotheses: int) -> dict[str, float]:
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


def train(
    captioner: TrainedCaptioner,
    material: Material,
    dev: Material,
    recipe: CaptionRecipe,
    run: Run,
    save: Any,
) -> float:
    """Train; after each epoch assess on dev and `save()` when it is the best so far. -> best.

    A run folder with progress goes on after its last whole epoch, to the same curve.
    """
    model = captioner.model
    torch.manual_seed(recipe.seed)
    generator = np.random.default_rng(recipe.seed)
    steps = math.ceil(len(material) / recipe.batch)
    total = steps * recipe.epochs
    optimiser = optimiser_of(recipe, model)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda step: (
            min(1.0, (step + 1) / recipe.warm_up) * (1 + math.cos(math.pi * step / total)) / 2
        ),
    )
    progress = Progress(
        run.folder / "progress.safetensors", {"model": model}, optimiser, schedule, [generator]
    )
    kept = progress.load()
    best = kept.get("best", -math.inf)
    for epoch in range(int(kept.get("epoch", 0)), recipe.epochs):
        model.train()
        order = generator.permutation(len(material))
        summed, words = 0.0, 0
        bar = tqdm(range(steps), f"epoch {epoch + 1}/{recipe.epochs}", unit="step", mininterval=10)
        for step in bar:
            images, captions = material.batch(
                order[step * recipe.batch : (step + 1) * recipe.batch]
            )
            packed = pack_captions(captions, model.config.boundary)
            loss = check_finite(
                {
                    "words": F.cross_entropy(
                        model(images, packed),
                        packed.targets,
                        label_smoothing=recipe.label_smoothing,
                    )
                }
            )
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_value_(model.parameters(), recipe.clip)
            optimiser.step()
            schedule.step()
            summed += loss.item() * len(packed.targets)
            words += len(packed.targets)
            if step % 10 == 0:
                bar.set_postfix(loss=f"{loss.item():.3f}")
        figures = assess(captioner, dev, recipe.hypotheses)
        run.log(epoch=epoch + 1, loss=summed / words, **figures)
        worth = figures["cider"] if recipe.keep == "cider" else -figures["perplexity"]
        if worth > best:
            best = worth
            save()
        progress.save(epoch=epoch + 1, best=best)
    return best


def new_captioner(
    arguments: argparse.Namespace, said: Said, images: Images, recipe: CaptionRecipe
) -> TrainedCaptioner:
    """A captioner with words, output bias and image statistics from its training material."""
    vocabulary = Vocabulary.from_sentences(said.texts, recipe.least)
    choices = {f.name: getattr(arguments, f.name) for f in _config_fields()}
    try:
        config = CaptionerConfig(
            images.store.dimension, len(vocabulary), kind=arguments.model, **choices
        )
    except ValueError as error:
        raise DataError(str(error)) from None
    torch.manual_seed(recipe.seed)
    model = Captioner(config)
    material = Material(said, images, vocabulary)
    model.fit_words(pack_captions(material.captions, config.boundary).targets)
    sample = np.random.default_rng(recipe.seed).permutation(len(material))[:4096]
    model.fit_images(material.batch(sample)[0])
    return TrainedCaptioner(model, vocabulary)


def _config_fields() -> list[Any]:
    return [
        f
        for f in fields(CaptionerConfig)
        if f.name not in ("feature_dimension", "vocabulary_size", "kind")
    ]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--level", choices=LEVELS, required=True)
    parser.add_argument("--model", choices=KINDS, default="lstm")
    parser.add_argument("--data", type=Path, help="a Flickr8k folder")
    parser.add_argument(
        "--sentences", type=Path, help="other sentences for its photos: another language's"
    )
    parser.add_argument("--features", type=Path, required=True, help="by `train features`")
    parser.add_argument("--dev-features", type=Path, required=True)
    parser.add_argument("--snippets", type=Path, help="with --level region: by `train snippets`")
    parser.add_argument("--dev-snippets", type=Path, help="the same for dev")
    parser.add_argument("--start", help="a captioner's checkpoint folder to start from")
    parser.add_argument("--out", type=Path, required=True, help="run folder")
    parser.add_argument("--threads", type=int, default=2)
    for defaults, chosen in ((CaptionRecipe(), fields(CaptionRecipe)), (None, _config_fields())):
        for field in chosen:
            value = getattr(defaults, field.name) if defaults else field.default
            name = f"--{field.name.replace('_', '-')}"
            if isinstance(value, bool):
                parser.add_argument(name, action=argparse.BooleanOptionalAction, default=value)
            else:
                parser.add_argument(name, type=type(value), default=value)


def said_by(arguments: argparse.Namespace, split: str, store: FeatureStore) -> Said:
    """What `--level` and the data options name for "train" or "dev"."""
    if arguments.level == "image":
        return said_of_photos(read_captions(arguments.data, split, None, None, arguments.sentences))
    name = "snippets" if split == "train" else "dev_snippets"
    path: Path | None = getattr(arguments, name)
    if path is None:
        raise DataError(f"--{name.replace('_', '-')} is missing; --level region expects it")
    return read_snippets(path, store)


def main(arguments: argparse.Namespace) -> None:
    set_threads(arguments.threads)
    recipe = CaptionRecipe(**{f.name: getattr(arguments, f.name) for f in fields(CaptionRecipe)})
    # Not which function runs, nor on how many threads: a resumed run may differ in these.
    values = {k: v for k, v in vars(arguments).items() if k not in ("main", "threads")}
    run = Run(arguments.out, values)
    store, dev_store = FeatureStore(arguments.features), FeatureStore(arguments.dev_features)
    said, dev_said = said_by(arguments, "train", store), said_by(arguments, "dev", dev_store)
    if arguments.start:
        started = load_captioners(arguments.start)
        if len(started) != 1:
            raise DataError(f"{arguments.start} has {len(started)} captioners; expected one")
        [captioner] = started.values()
        images = Images(store, captioner.model.config.context)
    else:
        images = Images(store, arguments.context)
        captioner = new_captioner(arguments, said, images, recipe)
    context = captioner.model.config.context
    folder = run.folder / "checkpoint"

    def save() -> None:
        save_checkpoint(folder, run.folder.name, store.named_encoder)
        save_captioner(folder, arguments.level, captioner, half=False)

    train(
        captioner,
        Material(said, images, captioner.vocabulary),
        Material(dev_said, Images(dev_store, context), captioner.vocabulary),
        recipe,
        run,
        save,
    )
