"""`python -m train align`: learn the alignment model from whole photos and their sentences.

Two ways to the same loss:
  --features DIR    regions computed once by `train features`; only the alignment model learns
  --train-encoder   photos go through the region network, which learns too (joint fine-tuning);
                    its boxes keep being taught as in `train proposals`

No box ever says which words belong to it: what the words get are whole photos (section 3.1.4).
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from tqdm import tqdm

from core.alignment import (
    AlignmentConfig,
    AlignmentModel,
    max_margin_loss,
    pack_sentences,
    softmax_loss,
)
from core.region_network import RegionNetwork
from core.retrieval import Recall, ranks, recall, score_matrix
from core.text import UNKNOWN, Vocabulary, tokenise
from core.weights import load_checkpoint, load_network, save_checkpoint
from train.data import CaptionSet, DataError, read_captions
from train.features import FeatureStore
from train.joint import Live
from train.proposals import proposal_targets
from train.runs import Progress, Run, check_finite, set_threads


@dataclass(frozen=True)
class AlignRecipe:
    """How an alignment model is trained. The defaults are the shipped recipe."""

    epochs: int = 12
    """Passes over the sentences: a photo comes as often as it takes to bring all of its own."""
    batch: int = 128
    """Photos in a step."""
    sentences: int = 1
    """Sentences of each photo in a step. Where photos are dear (--train-encoder), all five."""
    loss: Literal["softmax", "margin"] = "softmax"
    """Symmetric softmax over the batch, or Eq. 9's max-margin sum."""
    temperature: float = 0.05
    margin: float = 1.0
    """Eq. 9's; scores of the cosine kind want 0.2."""
    optimiser: Literal["adam", "sgd"] = "adam"
    rate: float = 1e-3
    encoder_rate: float = 5e-4
    """Of the region network, with --train-encoder: relative to each tensor's own size. Folding
    BatchNorm left tensors whose sizes differ a thousandfold; one Adam rate for all (1e-4) tripled
    the loss within 40 steps."""
    weight_decay: float = 1e-4
    warm_up: int = 100
    """Steps over which the rates rise, before they fall along half a cosine."""
    proposal_weight: float = 0.3
    """Of the proposal losses beside the alignment's, with --train-encoder."""
    word_dropout: float = 0.0
    """Share of a sentence's words that are read as unknown while training."""
    seed: int = 1

    def __post_init__(self) -> None:
        if self.loss not in ("softmax", "margin"):
            raise DataError(f"loss is '{self.loss}'; expected softmax or margin")
        if self.optimiser not in ("adam", "sgd"):
            raise DataError(f"optimiser is '{self.optimiser}'; expected adam or sgd")
        if self.loss == "margin" and self.sentences != 1:
            raise DataError(f"sentences is {self.sentences}; the margin loss (Eq. 9) expects 1")


class RegionSource(Protocol):
    """Where a step's region features come from."""

    @property
    def generators(self) -> Sequence[np.random.Generator]:
        """The source's own randomness, which a resumed run must restore."""
        ...

    def batch(self, rows: np.ndarray) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """(K,) photos -> features (K, R, D), present (K, R), further losses by name."""
        ...


class Stored:
    """Regions computed beforehand."""

    generators = ()

    def __init__(self, store: FeatureStore) -> None:
        self.store = store

    def batch(self, rows: np.ndarray) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        features, present = self.store.rows(rows)
        return features, present, {}


class Sentences:
    """The sentences of a data set as word ids, by photo. Sentences without words are left out."""

    def __init__(self, captions: CaptionSet, vocabulary: Vocabulary) -> None:
        read = [[vocabulary.ids(tokenise(s)) for s in group] for group in captions.sentences]
        self.ids = [[ids for ids in group if any(ids)] for group in read]
        for name, group in zip(captions.names, self.ids, strict=True):
            if not group:
                raise DataError(f"{name} has no sentence with a known word; expected at least one")

    def draw(
        self, rows: np.ndarray, count: int, generator: np.random.Generator
    ) -> tuple[list[list[int]], Tensor]:
        """`count` sentences of each photo, no repeats -> ids, and whose photo (index in rows)."""
        drawn, photo_of = [], []
        for place, row in enumerate(rows):
            group = self.ids[row]
            for choice in generator.permutation(len(group))[:count]:
                drawn.append(group[choice])
                photo_of.append(place)
        return drawn, torch.tensor(photo_of)

    def rounds(self, count: int) -> int:
        """How often a photo must come, `count` sentences at a time, to bring all of its own."""
        average = sum(map(len, self.ids)) / len(self.ids)
        return max(1, round(average / count))

    def every(self) -> tuple[list[list[int]], np.ndarray]:
        """All sentences in order, and the photo of each."""
        flat = [ids for group in self.ids for ids in group]
        return flat, np.repeat(np.arange(len(self.ids)), [len(group) for group in self.ids])


@torch.inference_mode()
def rank(model: AlignmentModel, source: RegionSource, sentences: Sentences) -> dict[str, Recall]:
    """All photos of `source` against all `sentences` -> Recall of annotation and search."""
    model.eval()
    rows = np.array_split(np.arange(len(sentences.ids)), math.ceil(len(sentences.ids) / 50))
    regions, present = [], []
    for chunk in rows:
        features, here, _ = source.batch(chunk)
        regions.append(model.embed_regions(features))
        present.append(here)
    flat, photo_of = sentences.every()
    ids, lengths, known, sentence_of = pack_sentences(flat)
    words = model.embed_words(ids, lengths)
    scores = score_matrix(
        model, torch.cat(regions), torch.cat(present), words, known, sentence_of, len(flat)
    )
    annotation, search = ranks(scores.numpy(), photo_of)
    return {"annotation": recall(annotation), "search": recall(search)}


def summary(ranked: dict[str, Recall]) -> dict[str, float]:
    """Recall as log columns: annotation_r1, ..., search_medr, and the sum of the six recalls."""
    columns = {
        f"{side}_{name}": value
        for side, one in ranked.items()
        for name, value in asdict(one).items()
    }
    return {**columns, "sum": sum(v for k, v in columns.items() if not k.endswith("medr"))}


def optimiser_of(
    recipe: AlignRecipe, model: AlignmentModel, network: nn.Module | None
) -> Optimizer:
    groups = [{"params": list(model.parameters()), "lr": recipe.rate}]
    if network is not None:
        for tensor in network.parameters():
            size = tensor.detach().square().mean().sqrt().clamp_min(1e-2).item()
            groups.append({"params": [tensor], "lr": recipe.encoder_rate * size})
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(groups, momentum=0.9, weight_decay=recipe.weight_decay)
    return torch.optim.AdamW(groups, weight_decay=recipe.weight_decay)


def train(
    model: AlignmentModel,
    source: RegionSource,
    sentences: Sentences,
    recipe: AlignRecipe,
    run: Run,
    assess: Callable[[], dict[str, float]],
    save: Callable[[], None],
    network: nn.Module | None = None,
) -> float:
    """Train; after each epoch `assess` on dev and `save` when the sum of recalls rose. -> best.

    A run folder with progress goes on after its last whole epoch, to the same curve.
    """
    torch.manual_seed(recipe.seed)
    generator = np.random.default_rng(recipe.seed)
    photos, rounds = len(sentences.ids), sentences.rounds(recipe.sentences)
    whole = photos // recipe.batch * recipe.batch  # so that no batch holds a photo twice
    if not whole:
        raise DataError(f"batch is {recipe.batch}; expected at most the {photos} photos there are")
    steps = rounds * whole // recipe.batch
    total = steps * recipe.epochs
    optimiser = optimiser_of(recipe, model, network)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda step: (
            min(1.0, (step + 1) / recipe.warm_up) * (1 + math.cos(math.pi * step / total)) / 2
        ),
    )
    learnt = [p for group in optimiser.param_groups for p in group["params"]]
    models = {"model": model} | ({"network": network} if network is not None else {})
    generators = [generator, *source.generators]
    progress = Progress(
        run.folder / "progress.safetensors", models, optimiser, schedule, generators
    )
    kept = progress.load()
    best = kept.get("best", -math.inf)
    for epoch in range(int(kept.get("epoch", 0)), recipe.epochs):
        model.train()
        order = np.concatenate([generator.permutation(photos)[:whole] for _ in range(rounds)])
        sums: dict[str, float] = {}
        bar = tqdm(range(steps), f"epoch {epoch + 1}/{recipe.epochs}", unit="step", mininterval=10)
        for step in bar:
            rows = order[step * recipe.batch : (step + 1) * recipe.batch]
            drawn, photo_of = sentences.draw(rows, recipe.sentences, generator)
            features, present, parts = source.batch(rows)
            ids, lengths, known, sentence_of = pack_sentences(drawn)
            if recipe.word_dropout:
                ids = ids.masked_fill(torch.rand(ids.shape) < recipe.word_dropout, UNKNOWN)
            scores = model.photo_sentence_scores(
                model.embed_regions(features),
                present,
                model.embed_words(ids, lengths),
                known,
                sentence_of,
                len(drawn),
            )
            if recipe.loss == "margin":
                alignment = max_margin_loss(scores, recipe.margin) / len(scores)
            else:
                alignment = softmax_loss(scores, photo_of, recipe.temperature)
            parts = {"alignment": alignment, **parts}
            loss = check_finite(parts)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_value_(learnt, 5.0)  # elementwise, as in the paper
            optimiser.step()
            schedule.step()
            for name, value in parts.items():
                sums[name] = sums.get(name, 0.0) + value.item() / steps
            if step % 10 == 0:
                bar.set_postfix({name: f"{value.item():.3f}" for name, value in parts.items()})
        dev = assess()
        run.log(epoch=epoch + 1, **sums, **dev)
        if dev["sum"] > best:
            best = dev["sum"]
            save()
        progress.save(epoch=epoch + 1, best=best)
    return best


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, help="a Flickr8k folder")
    parser.add_argument(
        "--encoder", help="checkpoint folder of the region network, if bundled kind"
    )
    parser.add_argument("--features", type=Path, help="training features by `train features`")
    parser.add_argument("--dev-features", type=Path)
    parser.add_argument("--train-encoder", action="store_true", help="learn the region network too")
    parser.add_argument("--side", type=int, help="with --train-encoder: input side while training")
    parser.add_argument("--phrases", type=Path, help="with --train-encoder: boxes to keep teaching")
    parser.add_argument(
        "--nanodet-boxes", type=Path, help="with --train-encoder: nanodet.npz of `train proposals`"
    )
    parser.add_argument("--start", help="checkpoint folder to start the alignment model from")
    parser.add_argument("--out", type=Path, required=True, help="run folder")
    parser.add_argument("--threads", type=int, default=2)
    defaults = AlignRecipe()
    for field in fields(AlignRecipe):
        value = getattr(defaults, field.name)
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=type(value), default=value)
    for field in fields(AlignmentConfig):
        if field.name not in ("region_dimension", "vocabulary_size"):
            parser.add_argument(
                f"--{field.name.replace('_', '-')}", type=type(field.default), default=field.default
            )


def needed(arguments: argparse.Namespace, name: str) -> Path:
    """An option that this kind of training cannot do without."""
    value: Path | None = getattr(arguments, name)
    if value is None:
        kind = "with --train-encoder" if arguments.train_encoder else "without --train-encoder"
        raise DataError(f"--{name.replace('_', '-')} is missing; {kind} it is needed")
    return value


def main(arguments: argparse.Namespace) -> None:
    set_threads(arguments.threads)
    # Not which function runs, nor on how many threads: a resumed run may differ in these.
    values = {k: v for k, v in vars(arguments).items() if k not in ("main", "threads")}
    recipe = AlignRecipe(**{f.name: values[f.name] for f in fields(AlignRecipe)})
    captions = read_captions(arguments.data, "train", None, None)
    dev = read_captions(arguments.data, "dev", None, None)
    run = Run(arguments.out, values)
    torch.manual_seed(recipe.seed)
    source: RegionSource
    dev_source: RegionSource
    encoder: RegionNetwork | str
    network: RegionNetwork | None = None
    if arguments.train_encoder:
        encoder = network = load_network(needed(arguments, "encoder"))
        if arguments.side:
            network.config = replace(network.config, side=arguments.side)
        dimension = network.config.feature_dimension
        targets = proposal_targets(
            captions, needed(arguments, "phrases"), needed(arguments, "nanodet_boxes")
        )
        source = Live(network, captions.paths, targets, recipe.proposal_weight, recipe.seed)
        dev_source = Live(network, dev.paths, None, 0.0)
    else:
        stored = FeatureStore(needed(arguments, "features"))
        source, dev_source = Stored(stored), Stored(FeatureStore(needed(arguments, "dev_features")))
        dimension = stored.dimension
        torchvision_kind = stored.encoder.startswith("torchvision:")
        encoder = stored.encoder if torchvision_kind else load_network(needed(arguments, "encoder"))
    if arguments.start:
        begun = load_checkpoint(arguments.start)
        model, vocabulary = begun.alignment, begun.vocabulary
    else:
        vocabulary = Vocabulary.from_sentences(s for group in captions.sentences for s in group)
        model = AlignmentModel(
            AlignmentConfig(
                dimension,
                len(vocabulary),
                **{f.name: values[f.name] for f in fields(AlignmentConfig) if f.name in values},
            )
        )
        sample = np.random.default_rng(recipe.seed).permutation(len(captions))[:256]
        with torch.no_grad():
            features, present, _ = source.batch(sample)
        model.fit_features(features[present])
    dev_sentences = Sentences(dev, vocabulary)
    train(
        model,
        source,
        Sentences(captions, vocabulary),
        recipe,
        run,
        assess=lambda: summary(rank(model, dev_source, dev_sentences)),
        save=lambda: save_checkpoint(
            run.folder / "checkpoint", run.folder.name, encoder, model, vocabulary, half=False
        ),
        network=network,
    )
