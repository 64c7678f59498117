"""`python -m train caption`: learn to describe whole photos, or their regions.

  --level image    a photo's sentences; the image is region 0, the whole photo
  --level region   snippets that the alignment model and the chain MRF found in training sentences
                   (`train snippets`); nobody's boxes

Photos were turned into features once (`train features`). An epoch is a pass over all sentences.

A run folder that is named again goes on after its last whole epoch; a higher --epochs goes on too,
with the rates of the longer cosine from there.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.captioning.captioner import Captioner, TrainedCaptioner, pack_captions
from core.captioning.recurrences import KINDS, CaptionerConfig
from core.checkpoints import LEVELS, load_captioners, save_captioner, save_checkpoint
from core.language.vocabulary import Vocabulary
from train import machine
from train.captions.data import Images, RegionTexts, photo_texts, read_snippets
from train.captions.reward import RewardTask
from train.captions.training import CaptionData, CaptionRecipe, CaptionTask
from train.data import DataError, read_captions
from train.features import FeatureStore
from train.loop import Schedule, learn
from train.options import add_fields, fields_of
from train.runs import Run

OF_DATA = ("feature_dimension", "vocabulary_size", "kind")  # what the data or --model say


@dataclass(frozen=True)
class CaptionOptions:
    """What is trained, on what, and where it goes."""

    level: str
    features: Path
    dev_features: Path
    out: Path
    """The run's folder; the checkpoint lies in its `checkpoint`."""
    model: str = "lstm"
    data: Path | None = None
    images: Path | None = None
    sentences: Path | None = None
    snippets: Path | None = None
    dev_snippets: Path | None = None
    start: str | None = None
    recipe: CaptionRecipe = CaptionRecipe()
    config: Mapping[str, Any] = field(default_factory=dict)
    """Fields of CaptionerConfig, but for `OF_DATA`."""

    def described(self) -> dict[str, Any]:
        """Everything a resumed run must agree on, for config.json."""
        told = {f.name: getattr(self, f.name) for f in fields(self)}
        del told["recipe"], told["config"]
        return {"command": "caption"} | told | asdict(self.recipe) | dict(self.config)


def caption(options: CaptionOptions, device: torch.device = torch.device("cpu")) -> Path:
    """Train as the options say -> the checkpoint's folder. Nothing is written before all options
    and files are known to be good."""
    recipe = options.recipe
    schedule = Schedule(recipe.epochs, recipe.warm_up, seed=recipe.seed)
    config_of(options, 1, 2)  # refused before anything is read
    if recipe.reward != "none" and not options.start:
        raise DataError(
            f"--reward {recipe.reward} improves on sentences that a captioner says; "
            "expected --start with a trained captioner's checkpoint"
        )
    store, dev_store = FeatureStore(options.features), FeatureStore(options.dev_features)
    dev_store.must_be_of(store.encoder, store.dimension, str(store.folder))
    said, dev_said = (
        texts_of_split(options, "train", store),
        texts_of_split(options, "dev", dev_store),
    )
    if options.start:
        started = load_captioners(options.start)
        if len(started) != 1:
            raise DataError(f"{options.start} has {len(started)} captioners; expected one")
        [captioner] = started.values()
        if captioner.model.config.feature_dimension > store.dimension:
            raise DataError(
                f"--start reads {captioner.model.config.feature_dimension} numbers a region; "
                f"{store.folder} has {store.dimension}, expected as many or more"
            )
        images = Images.of_captioner(store, captioner.model.config)
    else:
        images = Images(store, config_of(options, 1, 2).context)
        captioner = new_captioner(options, said, images)
    captioner.model.to(device)
    folder = options.out / "checkpoint"

    def export() -> None:
        save_checkpoint(folder, options.out.name, store.named_encoder)
        save_captioner(folder, options.level, captioner, half=False)

    task = (CaptionTask if recipe.reward == "none" else RewardTask)(
        captioner,
        CaptionData(said, images, captioner.vocabulary),
        CaptionData(
            dev_said, Images.of_captioner(dev_store, captioner.model.config), captioner.vocabulary
        ),
        recipe,
        export,
    )
    learn(task, schedule, Run(options.out, options.described()))
    return folder


def config_of(options: CaptionOptions, features: int, words: int) -> CaptionerConfig:
    try:
        return CaptionerConfig(features, words, kind=options.model, **options.config)  # type: ignore[arg-type]
    except ValueError as error:
        raise DataError(str(error)) from None


def new_captioner(options: CaptionOptions, said: RegionTexts, images: Images) -> TrainedCaptioner:
    """A captioner with words, output bias and image statistics from its training material."""
    vocabulary = Vocabulary.from_sentences(said.texts, options.recipe.least)
    config = config_of(options, images.store.dimension, len(vocabulary))
    torch.manual_seed(options.recipe.seed)
    model = Captioner(config)
    material = CaptionData(said, images, vocabulary)
    model.fit_words(pack_captions(material.captions, config.boundary).targets)
    sample = np.random.default_rng(options.recipe.seed).permutation(len(material))[:4096]
    model.fit_images(material.batch(sample)[0])
    return TrainedCaptioner(model, vocabulary)


def texts_of_split(options: CaptionOptions, split: str, store: FeatureStore) -> RegionTexts:
    """What `--level` and the data options name for "train" or "dev"."""
    if options.level == "image":
        captions = read_captions(options.data, split, options.images, None, options.sentences)
        return photo_texts(store.readable(captions))
    name = "snippets" if split == "train" else "dev_snippets"
    path: Path | None = getattr(options, name)
    if path is None:
        raise DataError(f"--{name.replace('_', '-')} is missing; --level region expects it")
    return read_snippets(path, store)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--level", choices=LEVELS, required=True, help="describe whole photos, or their regions"
    )
    parser.add_argument(
        "--model", choices=KINDS, default="lstm", help="the recurrence (default: lstm)"
    )
    parser.add_argument("--data", type=Path, help="with --level image: a data set with splits")
    parser.add_argument("--images", type=Path, help="the photos' folder, where --data has none")
    parser.add_argument(
        "--sentences", type=Path, help="other sentences for its photos: another language's"
    )
    parser.add_argument("--features", type=Path, required=True, help="by `train features`")
    parser.add_argument(
        "--dev-features", type=Path, required=True, help="the same for the dev split"
    )
    parser.add_argument("--snippets", type=Path, help="with --level region: by `train snippets`")
    parser.add_argument("--dev-snippets", type=Path, help="the same for dev")
    parser.add_argument("--start", help="a captioner's checkpoint folder to start from")
    parser.add_argument("--out", type=Path, required=True, help="run folder")
    machine.add_arguments(parser)
    add_fields(parser, CaptionRecipe)
    add_fields(parser, CaptionerConfig, OF_DATA)


def options_of(arguments: argparse.Namespace) -> CaptionOptions:
    apart = ("recipe", "config")
    own = {
        f.name: getattr(arguments, f.name) for f in fields(CaptionOptions) if f.name not in apart
    }
    config = fields_of(CaptionerConfig, arguments)
    return CaptionOptions(
        **own,
        recipe=CaptionRecipe(**fields_of(CaptionRecipe, arguments)),
        config={name: value for name, value in config.items() if name not in OF_DATA},
    )


def main(arguments: argparse.Namespace) -> None:
    options = options_of(arguments)
    caption(options, machine.prepare(arguments))
