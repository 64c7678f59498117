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

from core.alignment import chain
from core.alignment.grounding import grounding_regions, grounding_scores, grounding_words
from core.checkpoints import Checkpoint, load_checkpoint
from core.language.phrases import stands_alone, trimmed
from core.language.vocabulary import UNKNOWN, tokenise
from core.results import NO_REGION, segments_of
from train import machine
from train.data import CaptionSet, DataError, read_captions
from train.features import FeatureStore
from train.interrupts import on_interrupt
from train.options import add_checkpoint, add_photos, written

BLOCK = 100  # photos embedded and decoded together
ABSENT = -1e4  # the score of a region that a photo does not have: far below any real one


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
        for words in [tokenise(sentence)]
        for ids in [vocabulary.ids(words)]
        if any(ids)
    ]
    if not said:
        return []
    stored = np.array([rows[captions.names[photo]] for photo in photos])
    features, present = store.rows(stored)
    regions = model.embed_regions(features).numpy()
    vectors = grounding_words(model, checkpoint.grounding, [one[3] for one in said])
    places = [np.flatnonzero(np.array(one[3]) != UNKNOWN) for one in said]
    longest = max(map(len, places))
    scores = np.zeros((len(said), longest, regions.shape[1]))
    bounds = np.cumsum([len(one[3]) for one in said])
    for row, (one, end) in enumerate(zip(said, bounds, strict=True)):
        photo = one[0] - start
        mine = slice(end - len(one[3]), end)
        here = slice(None, int(present[photo].sum()))
        placed, prior = grounding_regions(
            checkpoint.grounding,
            regions[photo][here],
            store.boxes[stored[photo], here],
            store.objectness[stored[photo], here],
        )
        chosen = grounding_scores(vectors[mine][places[row]], placed, prior)
        scores[row, : len(chosen)] = ABSENT
        scores[row, : len(chosen), here] = chosen
    decoded = chain.decode_batch(scores, [len(p) for p in places], beta)
    found = []
    for row, ((photo, k, words, _), place) in enumerate(zip(said, places, strict=True)):
        name = captions.names[photo]
        # All words' rows again, as everywhere: those of unknown words hold nothing.
        placed, chosen = np.full(len(words), NO_REGION), np.zeros((len(words), scores.shape[2]))
        placed[place], chosen[place] = decoded[row, : len(place)], scores[row, : len(place)]
        for segment in segments_of(words, chosen, placed):
            box = store.boxes[rows[name], segment.region]
            found.append(
                {
                    "photo": name,
                    "sentence": k,
                    "region": segment.region,
                    "box": [round(float(x), 4) for x in box],
                    "words": segment.words,
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
