"""`python -m train evaluate caption`: sentences of a captioner, or of a baseline, against people's.

--level image    a data set's photos and all their sentences
--level region   boxes and texts of a phrases file or an annotation export; features are pooled from
                 the given boxes
--baseline       in the captioner's place:
  nearest        (image) the first sentence of the nearest training photo, by L2 distance of
                 standardised features, as the paper's
  ranking        (region) the training snippet most compatible with the region under the alignment
                 model: the highest score of its words with the region (their mean, for similarities
                 that are means)
  whole-image    (region) the whole-image captioner, given the region as its photo
  human          one person's sentence against the others', each person in turn

BLEU, ROUGE-L, CIDEr and METEOR are times 100, as papers print them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.captioning.beam import Decoding
from core.captioning.captioner import TrainedCaptioner
from core.captioning.metrics import (
    CIDER_OF_ONE,
    NEEDS_JAVA,
    Tokenizer,
    has_java,
    perplexity,
    score,
    share_seen,
)
from core.checkpoints import LEVELS, load_captioners, load_checkpoint, load_encoder
from core.devices import move
from core.formats import names
from core.vision.regions import RegionEncoder
from train.captions.data import Images, photo_texts, snippet_texts
from train.captions.examples import write_examples
from train.captions.regions import (
    human_round,
    read_annotations,
    regions_of_phrases,
    wanted_regions,
)
from train.captions.systems import (
    Key,
    Pooled,
    nearest_photos,
    photo_features,
    pooled_photos,
    pooled_regions,
    ranked_snippets,
    spoken_by,
)
from train.captions.training import CaptionData, log_probabilities
from train.data import CaptionSet, DataError, read_captions, read_phrases
from train.features import FeatureStore
from train.options import add_photos, add_sizes

BASELINES = {"image": ("nearest", "human"), "region": ("ranking", "whole-image", "human")}
TOKENIZERS = ("project", "ptb")
Round = tuple[dict[Key, str], dict[Key, list[str]]]  # somebody's sentences, and the others'


@dataclass(frozen=True)
class PhotoEvaluation:
    """Photos, their sentences, and a captioner of them."""

    data: Path | None = None
    split: str = "test"
    sentences: Path | None = None
    """Other sentences for the photos of `data`, such as another language's."""
    images: Path | None = None
    captions: Path | None = None
    """COCO captions JSON, with `images`."""
    features: Path | None = None
    """A folder to keep the photos' regions in, or to reuse them from."""
    captioner: tuple[Path, ...] = ()
    """Checkpoint folders of captioners, instead of the checkpoint's own."""
    checkpoint: str = "bundled"
    encoder_weights: Path | None = None


@dataclass(frozen=True)
class CaptionEvaluation(PhotoEvaluation):
    """What is described by whom, and how it is scored."""

    level: str = "image"
    phrases: Path | None = None
    """For level "region": phrases with boxes."""
    sizes: str = "confident"
    annotations: Path | None = None
    """For level "region", instead of phrases: an export of `annotate`."""
    baseline: str | None = None
    train_features: Path | None = None
    snippets: Path | None = None
    beam: tuple[int, ...] = (7,)
    longest: int = 20
    length_power: float = 0.0
    tokenizer: Tokenizer = "project"
    meteor: bool = True
    examples: Path | None = None
    """A page of ten good and ten bad sentences."""

    def __post_init__(self) -> None:
        if self.baseline is not None and self.baseline not in BASELINES[self.level]:
            listed = ", ".join(BASELINES[self.level])
            raise DataError(f"baseline is '{self.baseline}'; level {self.level} has {listed}")
        if self.tokenizer == "ptb" and not has_java():
            raise DataError(NEEDS_JAVA.format("the tokenizer ptb"))


@dataclass(frozen=True)
class Task:
    """What is to be described, and what people said of it.

    references   by key
    photos       (N,) paths
    boxes        (N,) normalised xyxy (4,), or None for a whole photo
    training     what the captioner was trained to say, where that is known
    """

    references: dict[Key, list[str]]
    photos: list[Path]
    boxes: list[np.ndarray | None]
    training: list[str] | None

    @property
    def counts(self) -> dict[str, int]:
        return {
            "images": len(self.references),
            "references": sum(map(len, self.references.values())),
        }


def scored(
    candidates: dict[Key, str], references: dict[Key, list[str]], options: CaptionEvaluation
) -> dict[str, Any]:
    """Metrics times 100, rounded; METEOR is null, with a note, where it cannot run. Of one image a
    note says what its CIDEr is worth."""
    meteor = options.meteor and has_java()
    found = score(candidates, references, meteor=meteor, tokenizer=options.tokenizer)
    figures: dict[str, Any] = {name: round(100 * value, 2) for name, value in found.items()}
    if not meteor:
        left_out = NEEDS_JAVA.format("METEOR 1.5") if options.meteor else "left out: --no-meteor"
        figures |= {"meteor": None, "meteor_note": left_out}
    if len(candidates) == 1:
        figures["cider_note"] = CIDER_OF_ONE
    return figures


def human(rounds: Sequence[Round], options: CaptionEvaluation) -> dict[str, Any]:
    """The mean of the rounds' figures."""
    each = [scored(*one, options) for one in rounds if one[0]]
    if not each:
        raise DataError("no image has sentences of two people; --baseline human expects some")
    numbers = [name for name, value in each[0].items() if isinstance(value, float)]
    means = {name: round(float(np.mean([one[name] for one in each])), 2) for name in numbers}
    return {**each[0], **means, "compared": sum(len(one[0]) for one in rounds)}


def in_turn(references: dict[Key, list[str]]) -> list[Round]:
    """Round k: everybody's k-th sentence against the others of the same image."""
    rounds = []
    for k in range(max(map(len, references.values()))):
        several = {key: group for key, group in references.items() if k < len(group) > 1}
        rounds.append(
            (
                {key: group[k] for key, group in several.items()},
                {key: group[:k] + group[k + 1 :] for key, group in several.items()},
            )
        )
    return rounds


def captioner_of(options: PhotoEvaluation, level: str, device: torch.device) -> TrainedCaptioner:
    """The captioner of a level: --captioner's, or else the checkpoint's."""
    folders: list[str | Path] = [*options.captioner, options.checkpoint]
    for name in folders:
        if level in (found := load_captioners(name)):
            found[level].model.to(device)
            return found[level]
    raise DataError(
        f"neither --captioner nor the checkpoint '{options.checkpoint}' has a captioner of "
        f"level {level}; expected one made by `train caption --level {level}`"
    )


def encoder_of(options: PhotoEvaluation, device: torch.device) -> RegionEncoder:
    encoder = load_encoder(options.checkpoint, options.encoder_weights)
    move(encoder, device)
    return encoder


def described(
    captioner: TrainedCaptioner, pooled: Pooled, task: Task, options: CaptionEvaluation
) -> tuple[dict[str, Any], dict[Key, str]]:
    """Figures at the first beam, at each one under by_beam, and the first beam's sentences."""
    try:
        first = Decoding(
            options.beam[0], longest=options.longest, length_power=options.length_power
        )
        decodings = [replace(first, beam=beam) for beam in options.beam]
    except ValueError as error:
        raise DataError(str(error)) from None
    inputs = pooled.inputs(captioner)
    by_beam, spoken = [], []
    for decoding in decodings:
        started = time.monotonic()
        spoken.append(spoken_by(captioner, inputs, decoding))
        seconds = time.monotonic() - started
        texts = list(spoken[-1].values())
        found = scored(spoken[-1], task.references, options)
        found["words"] = round(float(np.mean([len(text.split()) for text in texts])), 2)
        found["captions_per_second"] = round(len(texts) / seconds, 1)
        if task.training is not None:
            found["seen_in_training"] = round(100 * share_seen(texts, task.training), 2)
        by_beam.append({"beam": decoding.beam, **found})
    best = {name: value for name, value in by_beam[0].items() if name != "beam"}
    return {"decoding": asdict(first), **best, "by_beam": by_beam}, spoken[0]


def evaluate_photos(options: CaptionEvaluation, device: torch.device) -> dict[str, Any]:
    """`--level image`."""
    captions = read_captions(
        options.data, options.split, options.images, options.captions, options.sentences
    )
    learnt = training_captions(options)
    if options.baseline == "human":
        references: dict[Key, list[str]] = dict(enumerate(map(list, captions.sentences)))
        counts = Task(references, list(captions.paths), [None] * len(captions), None).counts
        return counts | human(in_turn(references), options)
    encoder = encoder_of(options, device)
    store = photo_features(encoder, captions, options.features)
    captions = store.readable(captions)
    task = Task(
        {key: list(group) for key, group in enumerate(captions.sentences)},
        list(captions.paths),
        [None] * len(captions),
        None if learnt is None else [s for group in learnt.sentences for s in group],
    )
    pooled = pooled_photos(store, captions.names)
    if options.baseline == "nearest":
        if options.train_features is None or learnt is None:
            raise DataError("--train-features is missing; --baseline nearest expects it and --data")
        learnt_from = FeatureStore(options.train_features)
        learnt_from.must_be_of(encoder.name, encoder.dimension, "--checkpoint")
        learnt = learnt_from.readable(learnt)
        train = pooled_photos(learnt_from, learnt.names)
        texts = nearest_photos(pooled, train, [group[0] for group in learnt.sentences])
        return finished(task, task.counts | scored(texts, task.references, options), texts,
                        options)  # fmt: skip
    captioner = captioner_of(options, "image", device)
    gathered = Images.of_captioner(store, captioner.model.config)
    material = CaptionData(photo_texts(captions), gathered, captioner.vocabulary)
    figures, texts = described(captioner, pooled, task, options)
    figures["perplexity"] = round(perplexity(log_probabilities(captioner.model, material)), 3)
    return finished(task, task.counts | figures, texts, options)


def training_captions(options: CaptionEvaluation) -> CaptionSet | None:
    """The training sentences of `--data`, to see which generated ones stand among them."""
    if options.data is None or options.split == "train":
        return None
    return read_captions(options.data, "train", options.images, None, options.sentences)


def evaluate_regions(options: CaptionEvaluation, device: torch.device) -> dict[str, Any]:
    """`--level region`."""
    if options.phrases is not None and options.annotations is None:
        photos = regions_of_phrases(read_phrases(options.phrases, options.sizes))
    elif options.annotations is not None and options.phrases is None:
        photos = read_annotations(options.annotations)
    else:
        raise DataError("--level region expects one of --phrases FILE and --annotations EXPORT")
    wanted = wanted_regions(photos)
    folder = options.images or (options.data / "images" if options.data else None)
    if folder is None:
        raise DataError("no photos named; --level region expects --images DIR or --data DIR")
    task = Task(
        {key: one.references for key, one in enumerate(wanted)},
        [folder / one.photo for one in wanted],
        [one.box for one in wanted],
        snippet_texts(options.snippets) if options.snippets is not None else None,
    )
    if options.baseline == "human":
        return task.counts | human([human_round(photos)], options)
    if options.baseline == "ranking":
        if task.training is None:
            raise DataError("--snippets is missing; --baseline ranking expects it")
        checkpoint = load_checkpoint(options.checkpoint, options.encoder_weights)
        move(checkpoint.encoder, device)
        pooled = pooled_regions(checkpoint.encoder, folder, wanted)
        texts = ranked_snippets(checkpoint.alignment, checkpoint.vocabulary, pooled, task.training)
        figures = scored(texts, task.references, options)
    else:
        captioner = captioner_of(options, "image" if options.baseline else "region", device)
        encoder = encoder_of(options, device)
        pooled = pooled_regions(encoder, folder, wanted)
        figures, texts = described(captioner, pooled, task, options)
    return finished(task, task.counts | figures, texts, options)


def finished(
    task: Task, figures: dict[str, Any], texts: dict[Key, str], options: CaptionEvaluation
) -> dict[str, Any]:
    """The figures; and, where they are wanted, the best and the worst sentences as a page."""
    if options.examples is not None:
        write_examples(options.examples, texts, task.references, task.photos, task.boxes)
    return figures


def evaluate_caption(
    options: CaptionEvaluation, device: torch.device = torch.device("cpu")
) -> dict[str, Any]:
    """The figures of a captioner or a baseline, JSON-ready."""
    head = {
        "level": options.level,
        "system": options.baseline or "captioner",
        "tokenizer": options.tokenizer,
    }
    evaluate = evaluate_photos if options.level == "image" else evaluate_regions
    return head | evaluate(options, device)


def add_photo_arguments(parser: argparse.ArgumentParser) -> None:
    """Photos, their sentences, and a captioner of them: `evaluate caption` and `evaluate mrnn`."""
    add_photos(parser, "test")
    parser.add_argument("--sentences", type=Path, help="other sentences for the photos of --data")
    parser.add_argument("--features", type=Path, help="keep or reuse the photos' regions here")
    parser.add_argument(
        "--captioner",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="a captioner's checkpoint folder, instead of --checkpoint's own",
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `evaluate caption`, beside those that every kind has."""
    parser.add_argument(
        "--level", choices=LEVELS, required=True, help="describe whole photos, or regions"
    )
    add_photo_arguments(parser)
    parser.add_argument("--phrases", type=Path, help=f"regions: phrases with boxes ({names()})")
    add_sizes(parser)
    parser.add_argument(
        "--annotations", type=Path, help=f"regions: an export of `annotate` ({names()})"
    )
    parser.add_argument(
        "--baseline", choices=sorted({n for v in BASELINES.values() for n in v}),
        help="describe by this instead of a captioner (see above)",
    )  # fmt: skip
    parser.add_argument("--train-features", type=Path, help="for the baseline nearest")
    parser.add_argument(
        "--snippets", type=Path, help="for the baseline ranking, and to see what is not new"
    )
    parser.add_argument(
        "--beam", type=int, nargs="+", default=[7], help="sentences kept; one or several (7)"
    )
    parser.add_argument(
        "--longest", type=int, default=20, help="words of a sentence at most (default: 20)"
    )
    parser.add_argument(
        "--length-power", type=float, default=0.0,
        help="sentences compete by log-probability / words ** this (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--tokenizer", choices=TOKENIZERS, default="project",
        help="how sentences become words: the project's way, or COCO's (ptb, needs Java)",
    )  # fmt: skip
    parser.add_argument(
        "--meteor", action=argparse.BooleanOptionalAction, default=True,
        help="METEOR too, where there is Java (default: yes)",
    )  # fmt: skip
    parser.add_argument("--examples", type=Path, metavar="HTML", help="ten good and ten bad ones")
