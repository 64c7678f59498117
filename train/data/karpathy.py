"""`dataset_*.json`, as they came with the paper: Flickr8k, Flickr30k and COCO, with splits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from train.data.shapes import CaptionSet, DataError


def read_karpathy(path: Path, data: dict[str, Any], split: str, images: Path | None) -> CaptionSet:
    """`data`, the JSON of the file `path` -> one of its splits.

    {"images": [{"filename", "split", "sentences": [{"raw", "tokens"}], "filepath"}]}. The split
    "dev" is the file's "val"; "train" takes COCO's "restval" with it, as has been the habit since
    the paper. A photo lies in images/filepath/filename, or images/filename where the folder has no
    such parts; images is the folder `images` beside the file unless given.
    """
    images = images if images is not None else path.parent / "images"
    if not images.is_dir():
        raise DataError(f"{path}: {images} is no folder; expected --images, the photos' folder")
    wanted = {"dev": ("val",), "train": ("train", "restval")}.get(split, (split,))
    names: list[str] = []
    paths: list[Path] = []
    sentences: list[tuple[str, ...]] = []
    splits: set[str] = set()
    folders: dict[str, Path] = {}
    for number, image in enumerate(data["images"]):
        try:
            splits.add(str(image["split"]))
            if image["split"] not in wanted:
                continue
            part = str(image.get("filepath", ""))
            if part not in folders:
                folders[part] = images / part if (images / part).is_dir() else images
            said = tuple(_sentence(one) for one in image["sentences"])
            name = str(image["filename"])
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{path}, image {number}: {type(error).__name__} {error}") from None
        if said:
            names.append(name)
            paths.append(folders[part] / name)
            sentences.append(said)
    if not names:
        raise DataError(f"split is '{split}'; {path} has {', '.join(sorted(splits)) or 'none'}")
    if len(set(names)) < len(names):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise DataError(f"{path} has {twice} twice in split '{split}'; expected each photo once")
    return CaptionSet(tuple(names), tuple(paths), tuple(sentences))


def _sentence(one: dict[str, Any]) -> str:
    """As it was written; from its words where only these are there."""
    return str(one["raw"]) if "raw" in one else " ".join(map(str, one["tokens"]))
