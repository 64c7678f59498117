"""`python -m train ground`: photos and sentences -> a grounding set, to be browsed and searched.

A set is OUT (SQLite) and two arrays beside it; core/groundings/schema.py says what they hold. A run
that was stopped goes on where it was. Ranks are among the photos and sentences of a gallery
(--gallery consecutive photos), so that the cost is linear in photos.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from core.checkpoints import Checkpoint, load_checkpoint
from core.devices import move
from core.formats import ReadOptions, names, read_file
from core.formats.record import Photo
from core.groundings.approximate import build
from core.groundings.reader import GroundingSet
from core.groundings.schema import PhotoRow, arrays_of, fingerprint
from core.groundings.writer import GroundingWriter, trimmed
from train import machine
from train.data import CaptionSet, DataError, Phrase, read_captions, read_phrases
from train.data.photos import tell_unreadable, unreadable_photos
from train.features import FeatureStore
from train.grounding_stages import Grounder, GroundingOptions, most_words, photos_folder
from train.interrupts import on_interrupt
from train.options import add_checkpoint, add_fields, add_photos, add_sizes, written


def captions_of(photos: Iterable[Photo], images: Path) -> CaptionSet:
    """Photos in a folder -> a data set; those without a sentence belong to it, too."""
    photos = tuple(photos)
    return CaptionSet(
        tuple(photo.name for photo in photos),
        tuple(images / photo.name for photo in photos),
        tuple(photo.sentences for photo in photos),
    )


def read_boxed(path: Path, sizes: str) -> dict[str, list[Phrase]]:
    """Phrases with boxes by photo; the arguments are those of `read_phrases`."""
    return {photo.name: list(photo.phrases) for photo in read_phrases(path, sizes)}


def ground(
    checkpoint: Checkpoint,
    captions: CaptionSet,
    phrases: dict[str, list[Phrase]],
    out: Path,
    stored: FeatureStore | None = None,
    options: GroundingOptions = GroundingOptions(),
) -> int:
    """Make a set, or go on with it; nothing happens to one that is complete. Photos that cannot be
    read are left out, told of and listed beside the set -> how many photos it has."""
    if not len(captions):
        raise DataError("the data set has no photo; expected at least one")
    encoder = checkpoint.encoder
    if stored:
        captions = stored.readable(captions)
        stored.must_be_of(encoder.name, encoder.dimension, "--checkpoint")
    about = {
        "photos_folder": photos_folder(captions, out),
        "checkpoint": checkpoint.name,
        "fingerprint": fingerprint(checkpoint),
        "dimension": str(checkpoint.alignment.config.common_dimension),
        "similarity": checkpoint.alignment.config.similarity,
        "neighbours": str(checkpoint.grounding.neighbours),
        "merging_share": str(checkpoint.grounding.merging_share),
        "copy_iou": str(checkpoint.grounding.copy_iou),
        "source": _digest(captions, phrases),
        **{key: str(value) for key, value in asdict(options).items()},
    }
    stopped = f"stopped: {out} keeps what is done, the same command goes on from there"
    with on_interrupt(lambda: stopped):
        most = stored.regions if stored else encoder.regions
        writer = GroundingWriter(out, about, len(captions) * most, max(1, most_words(captions)))
        try:
            left_out = _unreadable(writer, captions)
            tell_unreadable(left_out, len(captions), out.with_suffix(".unreadable.txt"))
            captions = captions.without(left_out)
            if writer.about("complete"):
                return len(captions)
            _stages(writer, checkpoint, captions, phrases, stored, options)
            used = writer.ends()
        finally:
            writer.close()
        for path, rows in zip(arrays_of(out), used, strict=True):
            trimmed(path, rows)
        writer.complete()
    return len(captions)


def _unreadable(writer: GroundingWriter, captions: CaptionSet) -> dict[str, str]:
    """Photos that cannot be read, with the reason: looked for once, and kept with the set, which
    must have the same photos when it is gone on with."""
    kept = writer.about("unreadable")
    if not kept:
        begun = writer.next_id(PhotoRow) > 0  # by a version that took readable photos only
        found = {} if begun else unreadable_photos(captions.names, captions.paths)
        kept = json.dumps(found)
        writer.commit(facts={"unreadable": kept})
    told: dict[str, str] = json.loads(kept)
    return told


def _stages(
    writer: GroundingWriter,
    checkpoint: Checkpoint,
    captions: CaptionSet,
    phrases: dict[str, list[Phrase]],
    stored: FeatureStore | None,
    options: GroundingOptions,
) -> None:
    grounder = Grounder(writer, checkpoint, captions, options)
    grounder.photos(stored)
    grounder.sentences()
    grounder.rank()
    grounder.phrases(phrases)


def _digest(captions: CaptionSet, phrases: dict[str, list[Phrase]]) -> str:
    boxed = {
        name: [(p.words, np.round(p.boxes, 6).tolist()) for p in group]
        for name, group in phrases.items()
    }
    told = json.dumps([captions.names, captions.sentences, boxed], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_photos(parser, "test")
    parser.add_argument(
        "--records",
        type=Path,
        help=f"photos, and their sentences, in a file of any format ({names()})",
    )
    parser.add_argument(
        "--phrases",
        type=Path,
        help="phrases with boxes: a file of any format, or a folder of Flickr30k Entities",
    )
    add_sizes(parser)
    parser.add_argument("--features", type=Path, help="regions made by `train features`")
    parser.add_argument("--photos", type=int, help="only the first so many photos")
    add_fields(parser, GroundingOptions)
    parser.add_argument(
        "--approximate",
        action="store_true",
        help="also make a faiss index, for sets too large for the exact search",
    )
    add_checkpoint(parser)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="NAME.sqlite", help="the set to make"
    )
    machine.add_arguments(parser)


def main(arguments: argparse.Namespace) -> None:
    device = machine.prepare(arguments)
    if arguments.out.suffix != ".sqlite":
        raise DataError(f"out is {arguments.out}; expected a name that ends in .sqlite")
    written(arguments.out)
    for name in ("gallery", "retrieved", "photos"):
        if (value := getattr(arguments, name)) is not None and value < 1:
            raise DataError(f"{name} is {value}; expected 1 or more")
    if arguments.records is not None:
        if arguments.images is None:
            raise DataError("--records needs --images, the folder of its photos")
        project = read_file(arguments.records, ReadOptions(storable=False))
        captions = captions_of(project.photos, arguments.images)
    else:
        captions = read_captions(
            arguments.data,
            arguments.split,
            arguments.images,
            arguments.captions,
            wordless=True,
        )
    if arguments.photos is not None:
        n = arguments.photos
        captions = CaptionSet(captions.names[:n], captions.paths[:n], captions.sentences[:n])
    phrases = read_boxed(arguments.phrases, arguments.sizes) if arguments.phrases else {}
    kept = {name: phrases[name] for name in captions.names if name in phrases}
    checkpoint = load_checkpoint(arguments.checkpoint, arguments.encoder_weights)
    move(checkpoint.encoder, device)
    photos = ground(
        checkpoint,
        captions,
        kept,
        arguments.out,
        FeatureStore(arguments.features) if arguments.features else None,
        GroundingOptions(arguments.gallery, arguments.retrieved),
    )
    if arguments.approximate:
        groundings = GroundingSet(arguments.out)
        found = build(groundings, checkpoint.alignment.config.scoring)
        groundings.close()
        print(f"approximate search finds {found} of what the exact one does")
    size = sum(path.stat().st_size for path in (arguments.out, *arrays_of(arguments.out)))
    print(f"{arguments.out}: {photos:,} photos, {size / 1e6:.1f} MB")
