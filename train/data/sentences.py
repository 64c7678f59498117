"""Sentences of photos in one file: COCO's captions JSON, or another format that carries them."""

from __future__ import annotations

from pathlib import Path

from core.formats import ReadOptions, read_file
from train.data.shapes import CaptionSet, DataError


def coco_split(folder: Path, split: str) -> Path | None:
    """COCO's annotations folder -> its captions JSON of a split ("dev" is "val"), or None where it
    has no captions JSON at all."""
    files = sorted(folder.glob("captions_*.json"))
    if not files:
        return None
    name = "val" if split == "dev" else split
    fitting = [path for path in files if path.stem.startswith(f"captions_{name}")]
    if len(fitting) != 1:
        raise DataError(
            f"split is '{split}'; {folder} has {', '.join(path.name for path in files)}, expected "
            f"one captions_{name}*.json"
        )
    return fitting[0]


def read_sentences(images: Path, path: Path) -> CaptionSet:
    """A file of any format of core/formats that carries sentences; photos without one are left out.

    Photos lie in `images`, or in its part that is named as the file's split (images/val2014 for
    captions_val2014.json) where there is one.
    """
    project = read_file(path, ReadOptions(storable=False))
    part = images / path.stem.removeprefix("captions_")
    folder = part if part.is_dir() else images
    said = [photo for photo in project.photos if photo.sentences]
    if not said:
        raise DataError(f"{path} has no sentence about a photo; expected at least one")
    return CaptionSet(
        tuple(photo.name for photo in said),
        tuple(folder / photo.name for photo in said),
        tuple(photo.sentences for photo in said),
    )
