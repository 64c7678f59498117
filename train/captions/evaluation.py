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

from core.captioning.beam import Decoding
from core.captioning.captioner import TrainedCaptioner
from core.captioning.metrics import NEEDS_JAVA, has_java, perplexity, score, share_seen
from core.checkpoints import LEVELS, load_captioners, load_checkpoint, load_encoder
from core.formats import names
from train.caption import Material, log_probabilities
from train.captions.data import Images, said_of_photos, snippet_texts
from train.captions.examples import write_examples
from train.captions.regions import read_annotations, regions_of_phrases, wanted_regions
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
from train.data import CaptionSet, DataError, read_captions, read_phrases
from train.features import FeatureStore

BASELINES = {"image": ("nearest", "human"), "region": ("ranking", "whole-image", "human")}
Round = tuple[dict[Key, str], dict[Key, list[str]]]  # somebody's sentences, and the others'


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
    candidates: dict[Key, str], references: dict[Key, list[str]], arguments: argparse.Namespace
) -> dict[str, Any]:
    """Metrics times 100, rounded; METEOR is null, with a note, where it cannot run."""
    meteor = arguments.meteor and has_java()
    found = score(candidates, references, meteor=meteor, tokenizer=arguments.tokenizer)
    figures: dict[str, Any] = {name: round(100 * value, 2) for name, value in found.items()}
    if not meteor:
        left_out = NEEDS_JAVA.format("METEOR 1.5") if arguments.meteor else "left out: --no-meteor"
        figures |= {"meteor": None, "meteor_note": left_out}
    return figures


def human(rounds: Sequence[Round], arguments: argparse.Namespace) -> dict[str, Any]:
    """The mean of the rounds' figures."""
    each = [scored(*one, arguments) for one in rounds if one[0]]
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


def captioner_of(arguments: argparse.Namespace, level: str) -> TrainedCaptioner:
    """The captioner of a level: --captioner's, or else the checkpoint's."""
    for name in (*arguments.captioner, arguments.checkpoint):
        if level in (found := load_captioners(name)):
            return found[level]
    raise DataError(
        f"neither --captioner nor the checkpoint '{arguments.checkpoint}' has a captioner of "
        f"level {level}; expected one made by `train caption --level {level}`"
    )


def described(
    captioner: TrainedCaptioner, pooled: Pooled, task: Task, arguments: argparse.Namespace
) -> tuple[dict[str, Any], dict[Key, str]]:
    """Figures at the first beam, at each one under by_beam, and the first beam's sentences."""
    try:
        first = Decoding(
            arguments.beam[0], longest=arguments.longest, length_power=arguments.length_power
        )
        decodings = [replace(first, beam=beam) for beam in arguments.beam]
    except ValueError as error:
        raise DataError(str(error)) from None
    inputs = pooled.inputs(captioner)
    by_beam, spoken = [], []
    for decoding in decodings:
        started = time.monotonic()
        spoken.append(spoken_by(captioner, inputs, decoding))
        seconds = time.monotonic() - started
        texts = list(spoken[-1].values())
        found = scored(spoken[-1], task.references, arguments)
        found["words"] = round(float(np.mean([len(text.split()) for text in texts])), 2)
        found["captions_per_second"] = round(len(texts) / seconds, 1)
        if task.training is not None:
            found["seen_in_training"] = round(100 * share_seen(texts, task.training), 2)
        by_beam.append({"beam": decoding.beam, **found})
    best = {name: value for name, value in by_beam[0].items() if name != "beam"}
    return {"decoding": asdict(first), **best, "by_beam": by_beam}, spoken[0]


def evaluate_photos(arguments: argparse.Namespace) -> dict[str, Any]:
    """`--level image`."""
    captions = read_captions(
        arguments.data, arguments.split, arguments.images, arguments.captions, arguments.sentences
    )
    learnt = training_captions(arguments)
    task = Task(
        {key: list(group) for key, group in enumerate(captions.sentences)},
        list(captions.paths),
        [None] * len(captions),
        None if learnt is None else [s for group in learnt.sentences for s in group],
    )
    if arguments.baseline == "human":
        return task.counts | human(in_turn(task.references), arguments)
    encoder = load_encoder(arguments.checkpoint, arguments.encoder_weights)
    store = photo_features(encoder, captions, arguments.features)
    pooled = pooled_photos(store, captions.names)
    if arguments.baseline == "nearest":
        if arguments.train_features is None or learnt is None:
            raise DataError("--train-features is missing; --baseline nearest expects it and --data")
        train = pooled_photos(FeatureStore(arguments.train_features), learnt.names)
        texts = nearest_photos(pooled, train, [group[0] for group in learnt.sentences])
        return finished(task, task.counts | scored(texts, task.references, arguments), texts,
                        arguments)  # fmt: skip
    captioner = captioner_of(arguments, "image")
    gathered = Images(store, captioner.model.config.context)
    material = Material(said_of_photos(captions), gathered, captioner.vocabulary)
    figures, texts = described(captioner, pooled, task, arguments)
    figures["perplexity"] = round(perplexity(log_probabilities(captioner.model, material)), 3)
    return finished(task, task.counts | figures, texts, arguments)


def training_captions(arguments: argparse.Namespace) -> CaptionSet | None:
    """The training sentences of `--data`, to see which generated ones stand among them."""
    if arguments.data is None or arguments.split == "train":
        return None
    return read_captions(arguments.data, "train", None, None, arguments.sentences)


def evaluate_regions(arguments: argparse.Namespace) -> dict[str, Any]:
    """`--level region`."""
    if (arguments.phrases is None) == (arguments.annotations is None):
        raise DataError("--level region expects one of --phrases FILE and --annotations EXPORT")
    if arguments.phrases is not None:
        photos = regions_of_phrases(read_phrases(arguments.phrases, arguments.sizes))
    else:
        photos = read_annotations(arguments.annotations)
    wanted = wanted_regions(photos)
    folder = arguments.images or (arguments.data / "images" if arguments.data else None)
    if folder is None:
        raise DataError("no photos named; --level region expects --images DIR or --data DIR")
    task = Task(
        {key: one.references for key, one in enumerate(wanted)},
        [folder / one.photo for one in wanted],
        [one.box for one in wanted],
        snippet_texts(arguments.snippets) if arguments.snippets is not None else None,
    )
    if arguments.baseline == "human":
        several = {key: one for key, one in enumerate(wanted) if one.others}
        own = {key: one.own[0] for key, one in several.items()}
        others = {key: list(one.others) for key, one in several.items()}
        return task.counts | human([(own, others)], arguments)
    if arguments.baseline == "ranking":
        if task.training is None:
            raise DataError("--snippets is missing; --baseline ranking expects it")
        checkpoint = load_checkpoint(arguments.checkpoint, arguments.encoder_weights)
        pooled = pooled_regions(checkpoint.encoder, folder, wanted)
        texts = ranked_snippets(checkpoint.alignment, checkpoint.vocabulary, pooled, task.training)
        figures = scored(texts, task.references, arguments)
    else:
        captioner = captioner_of(arguments, "image" if arguments.baseline else "region")
        encoder = load_encoder(arguments.checkpoint, arguments.encoder_weights)
        pooled = pooled_regions(encoder, folder, wanted)
        figures, texts = described(captioner, pooled, task, arguments)
    return finished(task, task.counts | figures, texts, arguments)


def finished(
    task: Task, figures: dict[str, Any], texts: dict[Key, str], arguments: argparse.Namespace
) -> dict[str, Any]:
    """The figures; and, where they are wanted, the best and the worst sentences as a page."""
    if arguments.examples is not None:
        write_examples(arguments.examples, texts, task.references, task.photos, task.boxes)
    return figures


def evaluate_caption(arguments: argparse.Namespace) -> dict[str, Any]:
    """The figures of a captioner or a baseline, JSON-ready."""
    level, baseline = arguments.level, arguments.baseline
    if baseline is not None and baseline not in BASELINES[level]:
        listed = ", ".join(BASELINES[level])
        raise DataError(f"baseline is '{baseline}'; level {level} has {listed}")
    head = {"level": level, "system": baseline or "captioner", "tokenizer": arguments.tokenizer}
    evaluate = evaluate_photos if level == "image" else evaluate_regions
    return head | evaluate(arguments)


def add_photo_arguments(parser: argparse.ArgumentParser) -> None:
    """Photos, their sentences, and a captioner of them: `evaluate caption` and `evaluate mrnn`."""
    parser.add_argument("--data", type=Path, help="a Flickr8k folder")
    parser.add_argument("--split", default="test")
    parser.add_argument("--sentences", type=Path, help="other sentences for its photos")
    parser.add_argument("--images", type=Path, help="a folder of photos")
    parser.add_argument("--captions", type=Path, help="COCO captions JSON, with --images")
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
    parser.add_argument("--level", choices=LEVELS, required=True)
    add_photo_arguments(parser)
    parser.add_argument("--phrases", type=Path, help=f"regions: phrases with boxes ({names()})")
    parser.add_argument("--sizes", choices=("exact", "confident", "all"), default="confident")
    parser.add_argument(
        "--annotations", type=Path, help=f"regions: an export of `annotate` ({names()})"
    )
    parser.add_argument("--baseline", choices=sorted({n for v in BASELINES.values() for n in v}))
    parser.add_argument("--train-features", type=Path, help="for the baseline nearest")
    parser.add_argument(
        "--snippets", type=Path, help="for the baseline ranking, and to see what is not new"
    )
    parser.add_argument("--beam", type=int, nargs="+", default=[7], help="one or several")
    parser.add_argument("--longest", type=int, default=20, help="words of a sentence at most")
    parser.add_argument("--length-power", type=float, default=0.0)
    parser.add_argument("--tokenizer", choices=("project", "ptb"), default="project")
    parser.add_argument("--meteor", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--examples", type=Path, metavar="HTML", help="ten good and ten bad ones")
