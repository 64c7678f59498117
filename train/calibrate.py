"""`python -m train calibrate`: how words score on training photos, so that a score here says
something.

Writes evidence.safetensors (core/alignment/evidence.py) into a checkpoint's folder; nothing else of
the checkpoint changes. The photos are a sample, evenly spread, of a data set with sentences and of
photos with labels. Names of things are true of a labelled photo where its labels say so; other
words are true of a photo whose sentences say them.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from core.alignment.evidence import OTHER, THING, Evidence
from core.alignment.grounding import grounding_regions, grounding_scores, grounding_words
from core.checkpoints import Checkpoint, load_checkpoint, resolve, save_evidence
from core.devices import move
from core.language.function_words import FUNCTION_WORDS
from core.language.vocabulary import tokenise
from core.results import shown_regions
from core.vision.regions import Regions, copies
from train import machine
from train.data import CaptionSet, DataError, read_captions
from train.data.photos import read_photo
from train.features import BATCH, FeatureStore
from train.interrupts import on_interrupt
from train.labelled import Categories, LabelledPhotos, read_labelled
from train.options import read_into

KEPT = 0.9
"""Share of the true words of a kind that count as seen."""
BEST = 0.02
"""Share of the photos whose mean is `high`: on 1,500 photos the best thirty."""
MOST_WORDS = 300
"""Other words that are learnt from, the most frequent ones."""


@dataclass(frozen=True)
class Calibration:
    """Which photos words are scored on."""

    checkpoint: Path
    """Its folder gets the file."""
    data: Path
    labelled: Path
    split: str = "train"
    images: Path | None = None
    photos: int = 500
    """Of the data set, evenly spread."""
    labelled_photos: int = 1000
    """Of those with labels."""
    least_photos: int = 8
    """A word that is no name of things is learnt from if so many photos' sentences have it."""
    features: Path | None = None
    """Features of `train features` in the place of the sample: all photos that it holds."""
    labelled_features: Path | None = None


def spread(count: int, most: int) -> list[int]:
    """Evenly spread numbers below `count`, `most` of them or all."""
    return [int(k) for k in np.linspace(0, count - 1, min(count, most)).astype(int)]


def fitted(features: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Logistic regression on photos and words, (P, W, 3) features and (P, W) bool, where both
    truths of a word weigh alike and all words do that have both -> (4,) three factors and a
    constant. Newton's method on standardised features."""
    share = truth.mean(axis=0)
    both = (share > 0) & (share < 1)
    truth, share = truth[:, both], share[both]
    weight = np.where(truth, 0.5 / share, 0.5 / (1 - share)).reshape(-1)
    truth, features = truth.reshape(-1), features[:, both].reshape(-1, features.shape[-1])
    middle, scale = features.mean(axis=0), features.std(axis=0) + 1e-9
    rows = np.c_[(features - middle) / scale, np.ones(len(features))]
    factors = np.zeros(rows.shape[1])
    for _ in range(25):
        p = 1 / (1 + np.exp(-np.clip(rows @ factors, -50, 50)))
        slope = rows.T @ (weight * (p - truth)) + 1e-3 * factors
        curve = (rows * (weight * p * (1 - p))[:, None]).T @ rows + 1e-3 * np.eye(len(factors))
        factors -= np.linalg.solve(curve, slope)
    own = factors[:-1] / scale
    return np.append(own, factors[-1] - own @ middle)


def calibrated(
    checkpoint: Checkpoint,
    said: tuple[Sequence[frozenset[str]], np.ndarray],
    labelled: tuple[Sequence[frozenset[str]], np.ndarray],
    categories: Categories,
    names: Sequence[str],
    least_photos: int,
) -> Evidence:
    """What is learnt from the best scores (photos, V) of all words on photos and the words, or the
    labels, that are true of each. names: all labels. Raises DataError where a kind has no truth."""
    vocabulary = checkpoint.vocabulary
    evidence = Evidence(len(vocabulary))
    scores = np.concatenate((said[1], labelled[1]))
    usual = scores.mean(axis=0)
    best = max(1, round(BEST * len(scores)))
    high = np.sort(scores, axis=0)[-best:].mean(axis=0)
    things = categories.words
    counts = Counter(word for words in said[0] for word in words)
    others = [
        word
        for word, count in counts.most_common()
        if count >= least_photos and word not in FUNCTION_WORDS | things
    ][:MOST_WORDS]
    single = [name for name in names if len(tokenise(name)) == 1]
    for kind, words, (truths, best_of) in ((OTHER, others, said), (THING, single, labelled)):
        own = [(word, i) for word, i in zip(words, vocabulary.ids(words), strict=True)
               if 0 < i < len(vocabulary)]  # fmt: skip
        ids = [i for _, i in own]
        truth = np.array([[word in true for word, _ in own] for true in truths], dtype=bool)
        if not truth.any() or truth.all():
            told = "labels are names that it knows" if kind else "sentences share words"
            raise DataError(f"too few photos: expected some whose {told}")
        x = best_of[:, ids]
        features = np.stack(
            (x, np.broadcast_to(usual[ids], x.shape), np.broadcast_to(high[ids], x.shape)), axis=-1
        )
        factors = fitted(features, truth)
        odds = features @ factors[:3] + factors[3]
        evidence.weights[kind] = torch.from_numpy(factors).float()
        evidence.least[kind] = float(1 / (1 + np.exp(-np.quantile(odds[truth], 1 - KEPT))))
    evidence.usual.copy_(torch.from_numpy(usual))
    evidence.high.copy_(torch.from_numpy(high))
    known = [i for i in vocabulary.ids(things) if 0 < i < len(vocabulary)]
    evidence.thing[known] = 1.0
    return evidence


def best_scores(checkpoint: Checkpoint, photos: Iterator[Regions]) -> np.ndarray:
    """(photos, V) float32: the best score of each word with a vector of its own, read alone, among
    the regions of each photo that are shown; column 0 is 0."""
    model, config = checkpoint.alignment, checkpoint.grounding
    ids = range(1, len(checkpoint.vocabulary))
    words = grounding_words(model, config, [[i] for i in ids])
    rows = []
    for regions in photos:
        with torch.inference_mode():
            vectors = model.embed_regions(torch.from_numpy(regions.features)).numpy()
        placed, prior = grounding_regions(config, vectors, regions.boxes, regions.objectness)
        shown = shown_regions(copies(regions.boxes, config.copy_iou))
        best = grounding_scores(words, placed[shown], prior[shown]).max(axis=1)
        rows.append(np.append(np.float32(0), best))
    return np.stack(rows).astype(np.float32)


def _regions(
    checkpoint: Checkpoint, paths: Sequence[Path], names: Sequence[str], store: FeatureStore | None
) -> Iterator[Regions]:
    if store is not None:
        rows = {name: row for row, name in enumerate(store.names)}
        for name in names:
            k = int(store.count[rows[name]])
            yield Regions(
                np.array(store.boxes[rows[name], :k]),
                np.array(store.objectness[rows[name], :k]),
                np.asarray(store.features[rows[name], :k], dtype=np.float32),
            )
        return
    for start in tqdm(range(0, len(paths), BATCH), "photos", unit="batch", mininterval=5):
        pixels = [read_photo(path).pixels for path in paths[start : start + BATCH]]
        yield from checkpoint.encoder.encode(pixels)


def calibrate(options: Calibration, device: torch.device = torch.device("cpu")) -> Evidence:
    """Learn a checkpoint's evidence, and write it into its folder."""
    folder = resolve(options.checkpoint)
    checkpoint = load_checkpoint(folder)
    move(checkpoint.encoder, device)
    said_store = _store(checkpoint, options.features)
    shown_store = _store(checkpoint, options.labelled_features)
    captions = read_captions(options.data, options.split, options.images, None)
    labelled = read_labelled(options.labelled)
    if not len(captions) or not len(labelled):
        raise DataError("there is no photo with sentences, or none with labels; expected both")
    said = _sample(captions, options.photos, said_store)
    shown = _sample(labelled, options.labelled_photos, shown_store)
    words = [frozenset(w for s in captions.sentences[k] for w in tokenise(s)) for k in said]
    names = sorted(frozenset().union(*labelled.labels))

    def scores(photos: CaptionSet | LabelledPhotos, rows: list[int], store: FeatureStore | None):  # type: ignore[no-untyped-def]
        chosen = [photos.paths[k] for k in rows], [photos.names[k] for k in rows]
        return best_scores(checkpoint, _regions(checkpoint, *chosen, store))

    with on_interrupt(lambda: f"stopped; {folder} is as it was, the same command begins anew"):
        evidence = calibrated(
            checkpoint,
            (words, scores(captions, said, said_store)),
            ([labelled.labels[k] for k in shown], scores(labelled, shown, shown_store)),
            Categories(names),
            names,
            options.least_photos,
        )
    save_evidence(folder, evidence)
    return evidence


def _store(checkpoint: Checkpoint, features: Path | None) -> FeatureStore | None:
    """Stored features of the checkpoint's encoder, where a folder is named."""
    if features is None:
        return None
    store = FeatureStore(features)
    store.must_be_of(checkpoint.encoder.name, checkpoint.encoder.dimension, "the checkpoint")
    return store


def _sample(
    photos: CaptionSet | LabelledPhotos, most: int, store: FeatureStore | None
) -> list[int]:
    """Which photos count: a spread of them, or those whose features are stored."""
    if store is None:
        return spread(len(photos.names), most)
    there = set(store.names)
    found = [k for k, name in enumerate(photos.names) if name in there]
    if not found:
        raise DataError("the features are of none of the photos; expected some of the data set")
    return found


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, help="the folder that gets the file")
    parser.add_argument("--data", type=Path, required=True, help="photos with sentences")
    parser.add_argument("--split", default="train", help="which part of --data (default: train)")
    parser.add_argument("--images", type=Path, help="its photos' folder, where --data has none")
    parser.add_argument(
        "--labelled", type=Path, required=True, help="photos with labels (train/labelled.py)"
    )
    for name, of in (("photos", "--data"), ("labelled_photos", "--labelled")):
        default = getattr(Calibration, name)
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=int, default=default,
            help=f"how many of {of}, evenly spread (default: {default})",
        )  # fmt: skip
    parser.add_argument(
        "--least-photos", type=int, default=Calibration.least_photos,
        help="learn from words that so many photos' sentences have (default: 8)",
    )  # fmt: skip
    for name in ("features", "labelled_features"):
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=Path,
            help="by `train features`: its photos in the place of a sample",
        )  # fmt: skip
    machine.add_arguments(parser)


def main(arguments: argparse.Namespace) -> None:
    options = read_into(Calibration, arguments)
    for name in ("photos", "labelled_photos"):
        if getattr(options, name) < 2:
            raise DataError(f"{name} is {getattr(options, name)}; expected 2 or more")
    evidence = calibrate(options, machine.prepare(arguments))
    for kind, title in ((THING, "things"), (OTHER, "other words")):
        print(f"{title}: seen from a confidence of {float(evidence.least[kind]):.2f}")
