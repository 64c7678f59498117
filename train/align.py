"""`python -m train align`: learn the alignment model from whole photos and their sentences.

Two ways to the same loss:
  --features DIR    regions computed once by `train features`; only the alignment model learns
  --train-encoder   photos go through the region network, which learns too (joint fine-tuning);
                    its boxes keep being taught as in `train proposals`

--recipe NAME sets everything that the other options do not; train/recipes.py lists them. Under
`torchrun` several processes share each batch; the loss is the same.

A run folder that is named again goes on after its last whole epoch. With a higher --epochs it goes
on too, but the rates then follow the longer cosine: the curve is not that of a run that was to be
so long from the start.

No box ever says which words belong to it: what the words get are whole photos (section 3.1.4).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.alignment.grounding import GroundingConfig
from core.alignment.model import AlignmentConfig, AlignmentModel
from core.checkpoints import (
    Encoder,
    learn_table,
    load_checkpoint,
    load_encoder,
    load_network,
    save_checkpoint,
)
from core.language.vocabulary import Vocabulary
from core.vision.encoders import StoredKind, kind_of
from core.vision.encoders.bundled import RegionNetwork
from train import distributed, machine
from train.alignment_task import AlignmentTask
from train.data import CaptionSet, DataError, read_captions
from train.distributed import World
from train.features import FeatureStore
from train.joint_training import LiveRegions
from train.loop import Schedule, learn
from train.options import add_fields, fields_of
from train.proposals import proposal_targets
from train.ranking import RegionSource, Sentences, StoredRegions, StoredViews, rank, summary
from train.recipes import RECIPES, AlignRecipe
from train.runs import Run
from train.word_vectors import read_word_vectors

OF_DATA = ("region_dimension", "vocabulary_size")  # what the data say, not the options


@dataclass(frozen=True)
class AlignOptions:
    """What is trained, on what, and where it goes."""

    data: Path
    out: Path
    """The run's folder; the checkpoint lies in its `checkpoint`."""
    images: Path | None = None
    encoder: str | None = None
    """The region network's checkpoint folder, for features of the bundled kind."""
    features: tuple[Path, ...] = ()
    dev_features: Path | None = None
    train_encoder: bool = False
    side: int | None = None
    phrases: Path | None = None
    nanodet_boxes: Path | None = None
    start: str | None = None
    word_vectors: Path | None = None
    recipe_name: str = "shipped"
    recipe: AlignRecipe = AlignRecipe()
    model: Mapping[str, Any] = field(default_factory=dict)
    """Fields of AlignmentConfig that the recipe or the options set."""
    model_given: Mapping[str, Any] = field(default_factory=dict)
    """Those of the options alone, which `start` takes over."""

    def needed(self, name: str) -> Any:
        """An option that this kind of training cannot do without."""
        value = getattr(self, name)
        if value is None or value == ():
            kind = "with --train-encoder" if self.train_encoder else "without --train-encoder"
            raise DataError(f"--{name.replace('_', '-')} is missing; {kind} it is needed")
        return value

    def described(self) -> dict[str, Any]:
        """Everything a resumed run must agree on, for config.json."""
        apart = {"recipe_name", "recipe", "model", "model_given"}
        told = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in apart}
        told |= {"command": "align", "recipe": self.recipe_name, "features": self.features or None}
        return told | asdict(self.recipe) | dict(self.model)


def restarted(
    model: AlignmentModel, vocabulary: Vocabulary, given: Mapping[str, Any]
) -> AlignmentModel:
    """A model to start from, with what the options (not the recipe) say otherwise."""
    changed = AlignmentModel(config_of(**asdict(model.config) | dict(given)))
    try:
        changed.load_state_dict(model.state_dict())
    except RuntimeError:
        raise DataError(
            f"--start has {model.config}, whose tensors do not fit {given}; expected options that "
            "leave sizes and context as they are"
        ) from None
    learn_table(changed, vocabulary)  # which is no part of the state
    return changed


def config_of(**choices: Any) -> AlignmentConfig:
    try:
        return AlignmentConfig(**choices)
    except ValueError as error:
        raise DataError(str(error)) from None


def align(options: AlignOptions, world: World) -> Path:
    """Train as the options say -> the checkpoint's folder. Nothing is written before all options
    and files are known to be good."""
    recipe = options.recipe
    schedule = Schedule(recipe.epochs, recipe.warm_up, recipe.patience, recipe.seed)
    config_of(region_dimension=1, vocabulary_size=2, **options.model)
    if options.train_encoder and recipe.regions == "image":
        raise DataError("regions is 'image'; with --train-encoder expected 'all'")
    captions = read_captions(options.data, "train", options.images, None)
    dev = read_captions(options.data, "dev", options.images, None)
    if not options.train_encoder:
        captions = FeatureStore(options.needed("features")[0]).readable(captions)
        dev = FeatureStore(options.needed("dev_features")).readable(dev)
    shared = set(captions.names) & set(dev.names)
    if shared:  # such as one COCO file, which has no splits
        raise DataError(
            f"{min(shared)} is in the training and in the dev split of {options.data}; "
            "expected a data set whose splits are apart"
        )
    torch.manual_seed(recipe.seed)
    source, dev_source, dimension, encoder = sources(options, captions, dev, world)
    model, vocabulary, grounding = begun(options, captions, source, dimension)
    model.to(world.device)
    dev_sentences = Sentences(dev, vocabulary)
    folder = options.out / "checkpoint"
    task = AlignmentTask(
        model,
        source,
        Sentences(captions, vocabulary),
        recipe,
        measure=lambda: summary(rank(model, dev_source, dev_sentences)),
        export=lambda: save_checkpoint(
            folder, options.out.name, encoder, model, vocabulary, half=False, grounding=grounding
        ),
        network=encoder if options.train_encoder and isinstance(encoder, RegionNetwork) else None,
        world=world,
    )
    run = Run(options.out, options.described(), world.first)
    learn(task, schedule, run, world)
    return folder


def sources(
    options: AlignOptions, captions: CaptionSet, dev: CaptionSet, world: World
) -> tuple[RegionSource, RegionSource, int, Encoder]:
    """-> regions of the training photos and of dev, numbers of a region, what made them."""
    recipe = options.recipe
    if options.train_encoder:
        changes = {"side": options.side} if options.side else {}
        network = load_network(options.needed("encoder"), changes).to(world.device)
        targets = proposal_targets(
            captions, options.needed("phrases"), options.needed("nanodet_boxes")
        )
        live = LiveRegions(network, captions.paths, targets, recipe.proposal_weight, recipe.seed)
        dimension = network.config.feature_dimension
        return live, LiveRegions(network, dev.paths, None, 0.0), dimension, network
    image_only = recipe.regions == "image"
    views = [StoredRegions(FeatureStore(f), image_only) for f in options.needed("features")]
    dev_store = FeatureStore(options.needed("dev_features"))
    for store, captioned, path in (
        *((view.store, captions, f) for view, f in zip(views, options.features, strict=True)),
        (dev_store, dev, options.dev_features),
    ):
        if tuple(store.names) != captioned.names:
            raise DataError(f"{path} holds other photos than {options.data}; expected its split's")
    source = views[0] if len(views) == 1 else StoredViews(views, recipe.seed)
    stored = views[0].store
    encoder: Encoder = stored.named_encoder
    if isinstance(kind_of(stored.encoder), StoredKind):
        encoder = load_encoder(options.needed("encoder"), changes={"regions": stored.regions})
        stored.must_be_of(encoder.name, encoder.dimension, "--encoder")
    dev_store.must_be_of(stored.encoder, stored.dimension, str(stored.folder))
    return source, StoredRegions(dev_store, image_only), stored.dimension, encoder


def begun(
    options: AlignOptions, captions: CaptionSet, source: RegionSource, dimension: int
) -> tuple[AlignmentModel, Vocabulary, GroundingConfig]:
    """The model as it is before the first step, its words, and how it grounds."""
    if options.start:
        started = load_checkpoint(options.start)
        model = restarted(started.alignment, started.vocabulary, options.model_given)
        if model.config.region_dimension != dimension:
            raise DataError(
                f"--start reads {model.config.region_dimension} numbers a region; the features "
                f"have {dimension}, expected as many"
            )
        return model, started.vocabulary, started.grounding
    vocabulary = Vocabulary.from_sentences(s for group in captions.sentences for s in group)
    model = AlignmentModel(config_of(
        region_dimension=dimension, vocabulary_size=len(vocabulary), **options.model
    ))  # fmt: skip
    sample = np.random.default_rng(options.recipe.seed).permutation(len(captions))[:256]
    with torch.no_grad():
        features, present, _ = source.batch(sample)
    model.fit_features(features[present].cpu())
    if options.word_vectors:
        found = read_word_vectors(
            options.word_vectors, vocabulary, model.sentences.word_vectors.weight
        )
        print(f"word vectors: {found} of {len(vocabulary.words)} words found")
    return model, vocabulary, GroundingConfig()


def add_recipe_arguments(parser: argparse.ArgumentParser) -> None:
    """--recipe, and an option for each field of AlignRecipe and of AlignmentConfig."""
    default = "shipped"
    listed = "; ".join(f"{name}: {one.text}" for name, one in RECIPES.items())
    parser.add_argument(
        "--recipe", choices=RECIPES, default=default,
        help=f"sets what the options below do not (default: {default}). {listed}",
    )  # fmt: skip
    for kind, preset, leave_out in (
        (AlignRecipe, RECIPES[default].training, ()),
        (AlignmentConfig, RECIPES[default].model, OF_DATA),
    ):
        add_fields(parser, kind, leave_out, defaults=False, shown=dict(preset))


def recipe_of(arguments: argparse.Namespace) -> tuple[AlignRecipe, dict[str, Any]]:
    """The training and the model (keywords of AlignmentConfig) that the options describe."""
    named = RECIPES[arguments.recipe]
    training = AlignRecipe(**dict(named.training) | fields_of(AlignRecipe, arguments))
    return training, dict(named.model) | fields_of(AlignmentConfig, arguments)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", type=Path, required=True, help="a data set with splits (train/README.md)"
    )
    parser.add_argument("--images", type=Path, help="the photos' folder, where --data has none")
    parser.add_argument(
        "--encoder", help="the region network's checkpoint folder, for features of its kind"
    )
    parser.add_argument(
        "--features", type=Path, action="append", default=[],
        help="training features by `train features`; several folders are views of one photo set",
    )  # fmt: skip
    parser.add_argument("--dev-features", type=Path, help="the same for the dev split")
    parser.add_argument("--train-encoder", action="store_true", help="learn the region network too")
    parser.add_argument("--side", type=int, help="with --train-encoder: input side while training")
    parser.add_argument("--phrases", type=Path, help="with --train-encoder: boxes to keep teaching")
    parser.add_argument(
        "--nanodet-boxes", type=Path, help="with --train-encoder: nanodet.npz of `train proposals`"
    )
    parser.add_argument("--start", help="checkpoint folder to start the alignment model from")
    parser.add_argument("--word-vectors", type=Path, help="word2vec or GloVe text file to start at")
    parser.add_argument("--out", type=Path, required=True, help="run folder")
    machine.add_arguments(parser)
    add_recipe_arguments(parser)


def options_of(arguments: argparse.Namespace) -> AlignOptions:
    given = vars(arguments)
    recipe, model = recipe_of(arguments)
    own = {one.name for one in fields(AlignOptions)} - {"recipe", "recipe_name", "model"}
    chosen = {name: value for name, value in given.items() if name in own}
    return AlignOptions(
        **chosen | {"features": tuple(arguments.features)},
        recipe_name=arguments.recipe,
        recipe=recipe,
        model=model,
        model_given=fields_of(AlignmentConfig, arguments),
    )


def main(arguments: argparse.Namespace) -> None:
    options = options_of(arguments)
    world = distributed.join(machine.prepare(arguments))
    try:
        align(options, world)
    finally:
        distributed.leave()
