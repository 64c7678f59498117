"""COCO's captions: a JSON for each split beside a folder of photos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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


def read_coco(images: Path, captions: Path) -> CaptionSet:
    """COCO captions JSON ({"images": [{id, file_name}], "annotations": [{image_id, caption}]}).

    Photos lie in `images`, or in its part that is named as the file's split (images/val2014 for
    captions_val2014.json) where there is one.
    """
    data = read_json(captions)
    if not isinstance(data, dict) or not {"images", "annotations"} <= data.keys():
        raise DataError(f"{captions}: expected an object with 'images' and 'annotations'")
    try:
        names = {image["id"]: str(image["file_name"]) for image in data["images"]}
        sentences: dict[Any, list[str]] = {key: [] for key in names}
        for annotation in data["annotations"]:
            sentences[annotation["image_id"]].append(str(annotation["caption"]))
    except (KeyError, TypeError) as error:
        raise DataError(f"{captions}: an entry lacks or does not know {error}") from None
    part = images / captions.stem.removeprefix("captions_")
    images = part if part.is_dir() else images
    kept = [key for key in names if sentences[key]]
    return CaptionSet(
        tuple(names[key] for key in kept),
        tuple(images / names[key] for key in kept),
        tuple(tuple(sentences[key]) for key in kept),
    )
