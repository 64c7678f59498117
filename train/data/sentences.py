"""Sentences of photos in one file: COCO's captions JSON, or another format that carries them."""

from __future__ import annotations

from pathlib import Path

from core.formats import FormatError, ReadOptions, read_file
from train.data.listed import has_own_splits
from train.data.shapes import CaptionSet, DataError, read_json


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


def is_token_file(path: Path) -> bool:
    """Whether a file begins like captions.token.txt: `name.jpg#0<TAB>sentence`."""
    with path.open("rb") as file:
        key, tab, _ = file.readline(4096).partition(b"\t")
    return bool(tab) and b"#" in key and not key.startswith(b"#")


def refuse_other_annotations(path: Path) -> None:
    """DataError where a file that holds no sentences is another one of COCO's."""
    try:
        entries = read_json(path)["annotations"]
        entry = dict(entries[0])
    except (DataError, LookupError, TypeError, ValueError):
        return
    if "caption" not in entry and "bbox" in entry:
        kind = "keypoints" if "keypoints" in entry else "instances"
        raise DataError(
            f"{path} is COCO {kind} (boxes without a 'caption'); expected COCO captions, such as "
            "captions_val2017.json"
        )


def read_sentences(images: Path, path: Path) -> CaptionSet:
    """A file of any format of core/formats that carries sentences; photos without one are left out.

    Photos lie in `images`, or in its part that is named as the file's split (images/val2014 for
    captions_val2014.json) where there is one.
    """
    if path.is_file() and is_token_file(path) and has_own_splits(path):
        raise DataError(
            f"{path} is Flickr8k's file of sentences; expected --data {path.parent}, its folder"
        )
    try:
        project = read_file(path, ReadOptions(storable=False))
    except FormatError:
        refuse_other_annotations(path)
        raise
    part = images / path.stem.removeprefix("captions_")
    folder = part if part.is_dir() else images
    said = [photo for photo in project.photos if photo.sentences]
    if not said:
        refuse_other_annotations(path)
        raise DataError(f"{path} has no sentence about a photo; expected at least one")
    return CaptionSet(
        tuple(photo.name for photo in said),
        tuple(folder / photo.name for photo in said),
        tuple(photo.sentences for photo in said),
    )
