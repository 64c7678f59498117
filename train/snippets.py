"""`python -m train snippets`: which words of training sentences belong to which regions, as JSONL.

The alignment model scores words and regions, the chain MRF makes segments (section 3.1.3 of the
paper); each segment is a snippet of its region, which region captioners are trained on. A line:
{"photo", "sentence": k, "region": r, "box": normalised xyxy, "words", "score": sum over words}.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from core.alignment.grounding import grounding_regions, grounding_scores, grounding_words
from core.checkpoints import Checkpoint, load_checkpoint
from core.language.phrases import stands_alone, trimmed
from core.language.vocabulary import UNKNOWN, words_of
from core.results import decode
from core.vision.regions import copies
from train import machine
from train.data import CaptionSet, DataError, read_captions
from train.features import FeatureStore
from train.interrupts import on_interrupt
from train.options import add_checkpoint, add_photos, written

BLOCK = 100  # photos embedded and decoded together


def snippets(
    checkpoint: Checkpoint,
    store: FeatureStore,
    captions: CaptionSet,
    beta: float,
) -> Iterator[dict[str, Any]]:
    """All snippets of a data set, photo by photo. Unknown words inside a segment belong to it."""
    rows = {name: row for row, name in enumerate(store.names)}
    missing = [name for name in captions.names if name not in rows]
    if missing:
        raise DataError(f"the features lack {missing[0]}; run `train features` on this data set")
    for start in tqdm(range(0, len(captions), BLOCK), "snippets", unit="block", mininterval=5):
        yield from _block(checkpoint, store, captions, rows, beta, start)


@torch.inference_mode()
def _block(
    checkpoint: Checkpoint,
    store: FeatureStore,
    captions: CaptionSet,
    rows: dict[str, int],
    beta: float,
    start: int,
) -> list[dict[str, Any]]:
    model, vocabulary = checkpoint.alignment, checkpoint.vocabulary
    photos = range(start, min(start + BLOCK, len(captions)))
    said = [  # (photo, which of its sentences, words, ids) wherever a word is known
        (photo, k, words, ids)
        for photo in photos
        for k, sentence in enumerate(captions.sentences[photo])
        for words in [words_of(sentence)]
        for ids in [vocabulary.ids(word.text for word in words)]
        if any(ids)
    ]
    if not said:
        return []
    stored = np.array([rows[captions.names[photo]] for photo in photos])
    features, present = store.rows(stored)
    regions = model.embed_regions(features).numpy()
    vectors = grounding_words(model, checkpoint.grounding, [one[3] for one in said])
    placed = {}
    for photo, row, count in zip(photos, stored, present.sum(dim=1).tolist(), strict=True):
        boxes, objectness = store.boxes[row, :count], store.objectness[row, :count]
        mine = regions[photo - start][:count]
        placed[photo] = (
            *grounding_regions(checkpoint.grounding, mine, boxes, objectness),
            copies(boxes, checkpoint.grounding.copy_iou),
            boxes,
        )
    found = []
    end = 0
    for photo, k, words, ids in said:
        first, end = end, end + len(ids)
        among, prior, shown_for, boxes = placed[photo]
        scores = grounding_scores(vectors[first:end], among, prior)
        known = np.array(ids) != UNKNOWN
        text = captions.sentences[photo][k]
        for segment in decode(text, words, known, scores, beta, shown_for).segments:
            inside = words[segment.first : segment.last + 1]
            found.append(
                {
                    "photo": captions.names[photo],
                    "sentence": k,
                    "region": segment.region,
                    "box": [round(float(x), 4) for x in boxes[segment.region]],
                    "words": " ".join(word.text for word in inside),
                    "score": round(segment.score, 4),
                }
            )
    return found


@dataclass(frozen=True)
class SnippetCounts:
    """What was written: snippets, their words, and how many are of the whole image."""

    snippets: int = 0
    words: int = 0
    whole: int = 0


def whole_phrases(found: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Snippets trimmed at both ends to phrases that can stand alone, and those left out of which
    none is left. Their scores stay those of the segments."""
    for one in found:
        words = one["words"].split()
        phrase = words[trimmed(words)]
        if stands_alone(phrase):
            yield {**one, "words": " ".join(phrase)}


def write_snippets(found: Iterable[dict[str, Any]], out: Path, least_score: float) -> SnippetCounts:
    """Snippets that score enough -> a file, whole or not at all."""
    count = words = whole = 0
    fresh = out.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as file:
        for one in found:
            if one["score"] < least_score:
                continue
            file.write(json.dumps(one, ensure_ascii=False) + "\n")
            count += 1
            words += len(one["words"].split())
            whole += one["region"] == 0
    fresh.replace(out)
    return SnippetCounts(count, words, whole)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_photos(parser, "train")
    parser.add_argument("--features", type=Path, required=True, help="by `train features`")
    add_checkpoint(parser)
    parser.add_argument(
        "--beta", type=float, default=0.01, help="of Eq. 12, in the scores' unit (default: 0.01)"
    )
    parser.add_argument(
        "--least-score", type=float, default=0.0,
        help="leave out snippets below it, such as 'of the' (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--phrases", action="store_true",
        help="trim snippets to English phrases that stand alone; leave out what names nothing",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, required=True, metavar="JSONL", help="the file to write"
    )
    machine.add_threads(parser)


def main(arguments: argparse.Namespace) -> None:
    machine.set_threads(arguments.threads)
    if not arguments.beta >= 0:
        raise DataError(f"beta is {arguments.beta}; expected a number from 0 upwards")
    out = written(arguments.out)
    captions = read_captions(arguments.data, arguments.split, arguments.images, arguments.captions)
    store = FeatureStore(arguments.features)
    captions = store.readable(captions)
    checkpoint = load_checkpoint(arguments.checkpoint, arguments.encoder_weights)
    store.must_be_of(checkpoint.encoder.name, checkpoint.encoder.dimension, "--checkpoint")
    found = snippets(checkpoint, store, captions, arguments.beta)
    if arguments.phrases:
        found = whole_phrases(found)
    with on_interrupt(lambda: f"stopped; {out} was not written, the same command begins anew"):
        counts = write_snippets(found, out, arguments.least_score)
    if counts.snippets:
        print(
            f"{counts.snippets:,} snippets, {counts.words / counts.snippets:.2f} words each, "
            f"{100 * counts.whole / counts.snippets:.1f} % of the whole image"
        )
