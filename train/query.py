"""`python -m train query "red bus"`: the regions of a data set that suit some words best.

As in Fig. 9 and 10 of the paper: every region of every photo is scored with the sum of its products
with the words, exactly. Words that the model does not know are said and left out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from core.alignment.ranking import best_regions
from core.checkpoints import load_checkpoint
from core.describer import Describer
from core.vision import images
from train.data import DataError, read_captions
from train.region_set import RegionSet, region_set
from train.runs import set_threads
from train.sheets import Tile, sheet


def region_tile(regions: RegionSet, row: int, label: str) -> Tile:
    """A region of a set as a tile of a contact sheet."""
    pixels = images.read(regions.paths[regions.photo_of[row]]).pixels
    return Tile(pixels, label, regions.boxes[row])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", help="what to look for")
    parser.add_argument("--data", type=Path, help="a data set (train/README.md names the kinds)")
    parser.add_argument("--split", default="dev")
    parser.add_argument("--images", type=Path, help="the photos' folder, where --data has none")
    parser.add_argument("--captions", type=Path, help="COCO captions JSON, with --images")
    parser.add_argument("--features", type=Path, help="keep or reuse the regions in this folder")
    parser.add_argument("--checkpoint", default="bundled")
    parser.add_argument("--encoder-weights", type=Path, help="a file for torchvision encoders")
    parser.add_argument("--best", type=int, default=16, help="how many regions")
    parser.add_argument(
        "--per-photo", type=int, default=1, help="at most so many of one photo (default 1)"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="SHEET.png")
    parser.add_argument("--threads", type=int, default=2)


def main(arguments: argparse.Namespace) -> None:
    set_threads(arguments.threads)
    for name in ("best", "per_photo"):
        if getattr(arguments, name) < 1:
            option = name.replace("_", "-")
            raise DataError(f"{option} is {getattr(arguments, name)}; expected 1 or more")
    describer = Describer(load_checkpoint(arguments.checkpoint, arguments.encoder_weights))
    reading = describer.read(arguments.words)
    unknown = [w.text for w, known in zip(reading.words, reading.known, strict=True) if not known]
    if unknown:
        print(f"the model does not know: {', '.join(unknown)}")
    captions = read_captions(arguments.data, arguments.split, arguments.images, arguments.captions)
    regions = region_set(describer.checkpoint, captions, arguments.features)
    assert reading.contextual is not None
    words = reading.contextual[reading.known]
    scoring = describer.checkpoint.alignment.config.scoring
    found = best_regions(words, regions.vectors, len(regions.vectors), scoring)
    score_of = dict(zip(found.rows.tolist(), found.scores.tolist(), strict=True))
    tiles = []
    best = regions.spread(found.rows, arguments.per_photo)[: arguments.best]
    for place, row in enumerate(best, 1):
        name, score = captions.names[regions.photo_of[row]], score_of[row]
        box = " ".join(f"{side:.3f}" for side in regions.boxes[row])
        print(f"{place:3}  {score:7.3f}  {name}  {box}")
        tiles.append(region_tile(regions, row, f"{place}. {score:.3f}  {name}"))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    sheet(tiles).save(arguments.out)
    print(f"{len(regions.boxes):,} regions of {len(captions):,} photos; sheet: {arguments.out}")
