"""`python -m train teach`: a new word from a few boxes.

The boxes come from an annotation export (any format of `core.formats`), whose photos lie in
--images: those of the phrases that hold the word. The other regions of these photos that hardly
overlap them show what the word does not mean. Nothing that other words share is touched.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from core.alignment.teaching import teach
from core.checkpoints import (
    Checkpoint,
    load_captioners,
    load_checkpoint,
    save_captioner,
    save_checkpoint,
)
from core.devices import move
from core.language.vocabulary import tokenise
from core.vision import boxes
from train import machine
from train.data import DataError, PhrasePhoto, read_phrases
from train.data.photos import read_photo

APART = 0.3
"""IoU below which a region of an example's photo shows something else."""


def taught_words(records: Iterable[PhrasePhoto], checkpoint: Checkpoint) -> list[str]:
    """The last words of phrases that training never saw: what an export teaches where no word is
    named. Alphabetical."""
    learnt = set(checkpoint.vocabulary.words)
    last = {
        words[-1] for one in records for phrase in one.phrases if (words := tokenise(phrase.words))
    }
    return sorted(last - learnt)


def examples_of(
    word: str,
    records: Iterable[PhrasePhoto],
    folder: Path,
    checkpoint: Checkpoint,
    most: int | None,
) -> tuple[np.ndarray, np.ndarray]:
    """-> features (n, D) of the boxes of phrases that hold the word, the first `most` of them, and
    (m, D) of the regions apart from them in the same photos."""
    shown: list[np.ndarray] = []
    others: list[np.ndarray] = []
    count = 0
    for record in records:
        found = [phrase.boxes for phrase in record.phrases if word in tokenise(phrase.words)]
        drawn = np.concatenate([np.zeros((0, 4)), *found]).astype(np.float32)
        drawn = drawn[: None if most is None else most - count]
        if not len(drawn):
            continue
        count += len(drawn)
        pixels = read_photo(folder / record.name).pixels
        [(regions, features)] = checkpoint.encoder.encode_boxes([pixels], [drawn])
        apart = boxes.iou(regions.boxes, drawn).max(axis=1) < APART
        shown.append(features)
        others.append(regions.features[apart])
    if not shown:
        raise DataError(f"no phrase of the annotations holds '{word}'; expected at least one box")
    return np.concatenate(shown), np.concatenate(others)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--annotations", type=Path, required=True, help="an export with phrases")
    parser.add_argument("--images", type=Path, required=True, help="its photos")
    parser.add_argument(
        "--word", action="append", help="to teach; may come again; else each phrase's last new word"
    )
    parser.add_argument("--examples", type=int, help="boxes of a word that are used at most")
    parser.add_argument(
        "--checkpoint", default="bundled", help="to be taught: 'bundled' or a folder (bundled)"
    )
    parser.add_argument("--out", type=Path, required=True, help="the checkpoint that knows them")
    machine.add_arguments(parser)


def main(arguments: argparse.Namespace) -> None:
    device = machine.prepare(arguments)
    checkpoint = load_checkpoint(arguments.checkpoint)
    move(checkpoint.encoder, device)
    records = read_phrases(arguments.annotations, "all")
    words = [word.lower() for word in arguments.word or taught_words(records, checkpoint)]
    if not words:
        raise DataError(f"{arguments.annotations} holds no new word; expected --word, or phrases")
    model, vocabulary = checkpoint.alignment, checkpoint.vocabulary
    for word in words:
        started = time.monotonic()
        shown, others = examples_of(word, records, arguments.images, checkpoint, arguments.examples)
        try:
            model, vocabulary = teach(model, vocabulary, word, shown, others)
        except ValueError as error:
            raise DataError(str(error)) from None
        print(f"{word}: {len(shown)} boxes, {time.monotonic() - started:.1f} s")
    save_checkpoint(
        arguments.out,
        checkpoint.name,
        checkpoint.encoder,
        model,
        vocabulary,
        grounding=checkpoint.grounding,
    )
    for level, captioner in load_captioners(arguments.checkpoint).items():
        save_captioner(arguments.out, level, captioner)
