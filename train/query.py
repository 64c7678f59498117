"""`python -m train query "red bus"`: the regions of a data set that suit some words best.

As in Fig. 9 and 10 of the paper: every region of every photo is scored with the sum of its products
with the words, exactly. Words that the model does not know are said and left out.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from core.alignment.ranking import best_regions
from core.checkpoints import load_checkpoint
from core.describer import Describer
from core.devices import move
from train import machine
from train.contact_sheets import Tile, sheet
from train.data import CaptionSet, DataError, read_captions
from train.data.photos import read_photo
from train.embedded_regions import EmbeddedRegions, embed_all_regions
from train.options import add_checkpoint, add_photos, picture, read_into, written


def region_tile(regions: EmbeddedRegions, row: int, label: str) -> Tile:
    """A region of a set as a tile of a contact sheet."""
    pixels = read_photo(regions.paths[regions.photo_of[row]]).pixels
    return Tile(pixels, label, regions.boxes[row])


@dataclass(frozen=True)
class Query:
    """What is looked for, and how much of it is shown."""

    words: str
    out: Path
    """The contact sheet."""
    features: Path | None = None
    """A folder to keep the photos' regions in, or to reuse them from."""
    best: int = 16
    per_photo: int = 1

    def __post_init__(self) -> None:
        for name in ("best", "per_photo"):
            if getattr(self, name) < 1:
                option = name.replace("_", "-")
                raise DataError(f"{option} is {getattr(self, name)}; expected 1 or more")


def query(describer: Describer, captions: CaptionSet, wanted: Query) -> list[str]:
    """Search a data set's regions and draw the best -> a line for each, best first."""
    reading = describer.read(wanted.words)
    unknown = [w.text for w, known in zip(reading.words, reading.known, strict=True) if not known]
    if unknown:
        print(f"the model does not know: {', '.join(unknown)}")
    regions = embed_all_regions(describer.checkpoint, captions, wanted.features)
    assert reading.contextual is not None
    words = reading.contextual[reading.known]
    scoring = describer.checkpoint.alignment.config.scoring
    found = best_regions(words, regions.vectors, len(regions.vectors), scoring)
    score_of = dict(zip(found.rows.tolist(), found.scores.tolist(), strict=True))
    tiles, lines = [], []
    best = regions.spread(found.rows, wanted.per_photo)[: wanted.best]
    for place, row in enumerate(best, 1):
        name, score = regions.names[regions.photo_of[row]], score_of[row]
        box = " ".join(f"{side:.3f}" for side in regions.boxes[row])
        lines.append(f"{place:3}  {score:7.3f}  {name}  {box}")
        tiles.append(region_tile(regions, row, f"{place}. {score:.3f}  {name}"))
    sheet(tiles).save(wanted.out)
    counted = f"{len(regions.boxes):,} regions of {len(regions.names):,} photos"
    lines.append(f"{counted}; sheet: {wanted.out}")
    return lines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", help="what to look for")
    add_photos(parser, "dev")
    parser.add_argument("--features", type=Path, help="keep or reuse the regions in this folder")
    add_checkpoint(parser)
    parser.add_argument("--best", type=int, default=16, help="how many regions (default: 16)")
    parser.add_argument(
        "--per-photo", type=int, default=1, help="at most so many of one photo (default: 1)"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="SHEET.png", help="the picture to write"
    )
    machine.add_arguments(parser)


def main(arguments: argparse.Namespace) -> None:
    wanted = read_into(Query, arguments)
    device = machine.prepare(arguments)
    picture(written(wanted.out))
    captions = read_captions(
        arguments.data, arguments.split, arguments.images, arguments.captions, wordless=True
    )
    describer = Describer(load_checkpoint(arguments.checkpoint, arguments.encoder_weights))
    move(describer.checkpoint.encoder, device)
    print("\n".join(query(describer, captions, wanted)))
