"""`python -m train align`: learn the alignment model from whole photos and their sentences.

Two ways to the same loss:
  --features DIR    regions computed once by `train features`; only the alignment model learns
  --train-encoder   photos go through the region network, which learns too (joint fine-tuning);
                    its boxes keep being taught as in `train proposals`

--recipe NAME sets everything that the other options do not; train/recipes.py lists them. Under
`torchrun` several processes share each batch; the loss is the same.

No box ever says which words belong to it: what the words get are whole photos (section 3.1.4).
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer
from tqdm import tqdm

from core.alignment.grounding import GroundingConfig
from core.alignment.losses import fragment_loss, max_margin_loss, softmax_loss
from core.alignment.model import AlignmentConfig, AlignmentModel, pack_sentences
from core.alignment.scoring import word_region_products
from core.checkpoints import (
    Encoder,
    load_checkpoint,
    load_encoder,
    load_network,
    save_checkpoint,
)
from core.language.vocabulary import UNKNOWN, Vocabulary
from core.vision.encoders import StoredKind, kind_of
from core.vision.encoders.bundled import RegionNetwork
from train import parallel
from train.data import DataError, read_captions
from train.features import FeatureStore
from train.joint_training import Live
from train.parallel import World
from train.proposals import proposal_targets
from train.ranking import RegionSource, Sentences, Stored, Views, rank, summary
from train.recipes import RECIPES, AlignRecipe
from train.runs import Progress, Run, check_finite, set_threads
from train.word_vectors import read_word_vectors


class AlignmentStep(nn.Module):
    """What one step computes: photos and sentences -> the parts of the loss, by name.

    A module of its own, around the model and the region network where that learns too, because
    gradients are averaged over processes by DistributedDataParallel, which wraps one module.
    """

    def __init__(
        self,
        model: AlignmentModel,
        source: RegionSource,
        recipe: AlignRecipe,
        world: World,
        network: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.model, self.network = model, network  # registered: their parameters learn
        self.source, self.recipe, self.world = source, recipe, world

    def forward(
        self, rows: np.ndarray, drawn: list[list[int]], photo_of: Tensor, hardest: bool
    ) -> dict[str, Tensor]:
        """rows (K,) this process's photos, drawn L sentences of theirs as ids, photo_of (L,) the
        place in `rows` of each; hardest: see max_margin_loss. The loss is of all processes'."""
        model, recipe, world = self.model, self.recipe, self.world
        features, present, parts = self.source.batch(rows)
        packed = pack_sentences(drawn)
        ids, lengths, known, _ = (t.to(world.device) for t in packed)
        if recipe.word_dropout:
            dropped = torch.rand(ids.shape, device=ids.device) < recipe.word_dropout
            ids = ids.masked_fill(dropped, UNKNOWN)
        regions = world.gather(model.embed_regions(features.to(world.device)))
        if recipe.region_dropout:
            kept = present & (torch.rand(present.shape) >= recipe.region_dropout)
            present = torch.where(kept.any(dim=1, keepdim=True), kept, present)
        present = world.gather(present.to(world.device))
        words = world.gather(model.embed_words(ids, lengths))
        known, lengths = world.gather(known), world.gather(lengths)
        photo_of = world.gather(photo_of.to(world.device) + world.rank * len(rows))
        count = len(lengths)
        sentence_of = torch.repeat_interleave(torch.arange(count, device=ids.device), lengths)
        products = word_region_products(regions, present, words)
        matrix = model.config.scoring.sentence_scores(products, present, known, sentence_of, count)
        if recipe.loss == "softmax":
            alignment = softmax_loss(matrix, photo_of, recipe.temperature)
        else:
            alignment = max_margin_loss(matrix, recipe.margin, hardest) / len(matrix)
        parts = {"alignment": alignment, **parts}
        if recipe.fragments:
            loss = fragment_loss(products, present, known, photo_of[sentence_of])
            parts["fragments"] = recipe.fragments * loss
        return parts


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
    if recipe.optimiser == "rmsprop":
        return torch.optim.RMSprop(groups, weight_decay=recipe.weight_decay)
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
    world: World = World(0, 1, torch.device("cpu")),
) -> float:
    """Train; after each epoch `assess` on dev and `save` when the sum of recalls rose. -> best.

    A run folder with progress goes on after its last whole epoch, to the same curve.
    """
    generator = np.random.default_rng(recipe.seed)
    photos, rounds = len(sentences.ids), sentences.rounds(recipe.sentences)
    whole = photos // recipe.batch * recipe.batch  # so that no batch holds a photo twice
    if not whole:
        raise DataError(f"batch is {recipe.batch}; expected at most the {photos} photos there are")
    if recipe.batch % world.size:
        raise DataError(
            f"batch is {recipe.batch}; expected a multiple of the {world.size} processes"
        )
    share = recipe.batch // world.size
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
    best, best_epoch = kept.get("best", -math.inf), int(kept.get("best_epoch", 0))
    step_of: nn.Module = AlignmentStep(model, source, recipe, world, network)
    if world.size > 1:
        step_of = DistributedDataParallel(step_of)
    for epoch in range(int(kept.get("epoch", 0)), recipe.epochs):
        if recipe.patience and epoch - best_epoch >= recipe.patience:
            break
        # Each process drops other things, and a resumed run the same as an unbroken one.
        torch.manual_seed((recipe.seed * 1000 + epoch) * world.size + world.rank)
        model.train()
        order = np.concatenate([generator.permutation(photos)[:whole] for _ in range(rounds)])
        sums: dict[str, float] = {}
        bar = tqdm(
            range(steps), f"epoch {epoch + 1}/{recipe.epochs}", unit="step", mininterval=10,
            disable=not world.first,
        )  # fmt: skip
        for step in bar:
            rows = order[step * recipe.batch : (step + 1) * recipe.batch]
            drawn, photo_of = sentences.draw(rows, recipe.sentences, generator)
            # Every process draws the whole batch, so that all agree on it, and takes its share.
            mine = np.flatnonzero(photo_of // share == world.rank)
            parts = step_of(
                rows[world.rank * share : (world.rank + 1) * share],
                [drawn[i] for i in mine],
                torch.from_numpy(photo_of[mine] - world.rank * share),
                recipe.loss == "hard" and epoch >= recipe.hard_after,
            )
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
        dev = assess() if world.first else {}
        found = world.agree(dev.get("sum", 0.0))
        better = found > best
        if better:
            best, best_epoch = found, epoch + 1
        if world.first:
            run.log(epoch=epoch + 1, **sums, **dev)
            if better:
                save()
            progress.save(epoch=epoch + 1, best=best, best_epoch=best_epoch)
    return best


def add_recipe_arguments(parser: argparse.ArgumentParser) -> None:
    """--recipe, and an option for each field of AlignRecipe and of AlignmentConfig."""
    parser.add_argument("--recipe", choices=RECIPES, default="shipped")
    for kind in (AlignRecipe, AlignmentConfig):
        for one in fields(kind):
            if one.name not in ("region_dimension", "vocabulary_size"):
                parser.add_argument(
                    f"--{one.name.replace('_', '-')}",
                    type=type(one.default),
                    help=f"instead of the recipe's; by default {one.default}",
                )


def recipe_of(arguments: argparse.Namespace) -> tuple[AlignRecipe, dict[str, Any]]:
    """The training and the model (keywords of AlignmentConfig) that the options describe."""
    named = RECIPES[arguments.recipe]
    given = {name: value for name, value in vars(arguments).items() if value is not None}

    def chosen(kind: type, preset: Any) -> dict[str, Any]:
        names = [one.name for one in fields(kind)]
        return dict(preset) | {name: given[name] for name in names if name in given}

    training = AlignRecipe(**chosen(AlignRecipe, named.training))
    return training, chosen(AlignmentConfig, named.model)


def restarted(model: AlignmentModel, arguments: argparse.Namespace) -> AlignmentModel:
    """A model to start from, with what the options (not the recipe) say otherwise."""
    names = [one.name for one in fields(AlignmentConfig)]
    given = {k: v for k, v in vars(arguments).items() if k in names and v is not None}
    changed = AlignmentModel(replace(model.config, **given))
    try:
        changed.load_state_dict(model.state_dict())
    except RuntimeError:
        raise DataError(
            f"--start has {model.config}, whose tensors do not fit {given}; expected options that "
            "leave sizes and context as they are"
        ) from None
    return changed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, help="a Flickr8k folder or a dataset_*.json")
    parser.add_argument("--images", type=Path, help="with a dataset_*.json: the photos' folder")
    parser.add_argument(
        "--encoder", help="checkpoint folder of the region network, if bundled kind"
    )
    parser.add_argument(
        "--features", type=Path, action="append",
        help="training features by `train features`; several folders are views of one photo set",
    )  # fmt: skip
    parser.add_argument("--dev-features", type=Path)
    parser.add_argument("--train-encoder", action="store_true", help="learn the region network too")
    parser.add_argument("--side", type=int, help="with --train-encoder: input side while training")
    parser.add_argument("--phrases", type=Path, help="with --train-encoder: boxes to keep teaching")
    parser.add_argument(
        "--nanodet-boxes", type=Path, help="with --train-encoder: nanodet.npz of `train proposals`"
    )
    parser.add_argument("--start", help="checkpoint folder to start the alignment model from")
    parser.add_argument("--word-vectors", type=Path, help="word2vec or GloVe text file to start at")
    parser.add_argument("--out", type=Path, required=True, help="run folder")
    parser.add_argument("--threads", type=int, default=2)
    add_recipe_arguments(parser)


def needed(arguments: argparse.Namespace, name: str) -> Any:
    """An option that this kind of training cannot do without."""
    value = getattr(arguments, name)
    if value is None:
        kind = "with --train-encoder" if arguments.train_encoder else "without --train-encoder"
        raise DataError(f"--{name.replace('_', '-')} is missing; {kind} it is needed")
    return value


def main(arguments: argparse.Namespace) -> None:
    set_threads(arguments.threads)
    world = parallel.join()
    try:
        run_align(arguments, world)
    finally:
        parallel.leave()


def run_align(arguments: argparse.Namespace, world: World) -> Path:
    """Train as the options say -> the checkpoint's folder."""
    recipe, model_options = recipe_of(arguments)
    captions = read_captions(arguments.data, "train", arguments.images, None)
    dev = read_captions(arguments.data, "dev", arguments.images, None)
    shared = set(captions.names) & set(dev.names)
    if shared:  # such as one COCO file, which has no splits
        raise DataError(
            f"{min(shared)} is in the training and in the dev split of {arguments.data}; "
            "expected a data set whose splits are apart"
        )
    # Not which function runs, nor on how many threads: a resumed run may differ in these.
    values = {k: v for k, v in vars(arguments).items() if k not in ("main", "threads")}
    described = {f.name: getattr(recipe, f.name) for f in fields(AlignRecipe)}
    run = Run(arguments.out, values | described | model_options)
    torch.manual_seed(recipe.seed)
    source: RegionSource
    dev_source: RegionSource
    encoder: Encoder
    network: RegionNetwork | None = None
    image_only = recipe.regions == "image"
    if arguments.train_encoder:
        if image_only:
            raise DataError("regions is 'image'; with --train-encoder expected 'all'")
        changes = {"side": arguments.side} if arguments.side else {}
        encoder = network = load_network(needed(arguments, "encoder"), changes).to(world.device)
        dimension = network.config.feature_dimension
        targets = proposal_targets(
            captions, needed(arguments, "phrases"), needed(arguments, "nanodet_boxes")
        )
        source = Live(network, captions.paths, targets, recipe.proposal_weight, recipe.seed)
        dev_source = Live(network, dev.paths, None, 0.0)
    else:
        views = [Stored(FeatureStore(f), image_only) for f in needed(arguments, "features")]
        source = views[0] if len(views) == 1 else Views(views, recipe.seed)
        dev_source = Stored(FeatureStore(needed(arguments, "dev_features")), image_only)
        stored = views[0].store
        dimension = stored.dimension
        encoder = stored.named_encoder
        if isinstance(kind_of(stored.encoder), StoredKind):
            encoder = load_encoder(
                needed(arguments, "encoder"), changes={"regions": stored.regions}
            )
            if encoder.name != stored.encoder:
                raise DataError(
                    f"the features are of the encoder {stored.encoder}; "
                    f"--encoder has {encoder.name}, expected the same"
                )
    grounding = GroundingConfig()
    if arguments.start:
        begun = load_checkpoint(arguments.start)
        grounding = begun.grounding
        model, vocabulary = restarted(begun.alignment, arguments), begun.vocabulary
    else:
        vocabulary = Vocabulary.from_sentences(s for group in captions.sentences for s in group)
        model = AlignmentModel(AlignmentConfig(dimension, len(vocabulary), **model_options))
        sample = np.random.default_rng(recipe.seed).permutation(len(captions))[:256]
        with torch.no_grad():
            features, present, _ = source.batch(sample)
        model.fit_features(features[present])
        if arguments.word_vectors:
            found = read_word_vectors(
                arguments.word_vectors, vocabulary, model.sentences.word_vectors.weight
            )
            print(f"word vectors: {found} of {len(vocabulary.words)} words found")
    model.to(world.device)
    dev_sentences = Sentences(dev, vocabulary)
    folder = run.folder / "checkpoint"
    train(
        model,
        source,
        Sentences(captions, vocabulary),
        recipe,
        run,
        assess=lambda: summary(rank(model, dev_source, dev_sentences)),
        save=lambda: save_checkpoint(
            folder, run.folder.name, encoder, model, vocabulary, half=False, grounding=grounding
        ),
        network=network,
        world=world,
    )
    return folder
