"""`python -m train evaluate objects`: names of things against their boxes (COCO's instances).

For each photo and each category it shows, the model reads "a NAME" and chooses a region; right is
one with IoU >= 0.5 with any of the category's boxes. Of things small and large apart, because an
eye for the large ones hides blindness for the small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.vision import boxes
from core.vision.regions import Regions
from train.data import DataError, read_json

LARGE = 0.05
"""Share of the photo that the largest box of a name must cover to count as large: on COCO's photos
about four names in ten do."""


@dataclass(frozen=True)
class NamedThings:
    """A photo and, for each name of things it shows, their (k, 4) normalised xyxy boxes, k >= 1."""

    photo: str
    things: dict[str, np.ndarray]


def read_instances(path: Path) -> list[NamedThings]:
    """COCO's instances JSON -> photos with things, in the file's order.

    {"images": [{id, file_name, width, height}], "categories": [{id, name}], "annotations":
    [{image_id, category_id, bbox: [x, y, width, height] in pixels, iscrowd}]}. Crowds, whose one
    box covers many things, are left out. Raises DataError.
    """
    data = read_json(path)
    wanted = {"images", "categories", "annotations"}
    if not isinstance(data, dict) or not wanted <= data.keys():
        raise DataError(f"{path}: expected an object with {', '.join(sorted(wanted))}")
    found: dict[Any, dict[str, list[np.ndarray]]] = {}
    try:
        names = {one["id"]: str(one["name"]) for one in data["categories"]}
        photos = {one["id"]: one for one in data["images"]}
        for one in data["annotations"]:
            if one.get("iscrowd"):
                continue
            photo = photos[one["image_id"]]
            x, y, width, height = (float(value) for value in one["bbox"])
            size = np.array([photo["width"], photo["height"]] * 2, dtype=np.float32)
            box = np.array([x, y, x + width, y + height], dtype=np.float32) / size
            things = found.setdefault(one["image_id"], {})
            things.setdefault(names[one["category_id"]], []).append(box)
        return [
            NamedThings(
                str(photo["file_name"]),
                {name: np.stack(some) for name, some in sorted(found[key].items())},
            )
            for key, photo in photos.items()
            if key in found
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: an entry lacks or does not know {error}") from None


def evaluate_objects(
    found: Iterable[tuple[NamedThings, Regions]],
    scores: Callable[[Regions, str], np.ndarray | None],
    knows: Callable[[str], bool],
) -> dict[str, Any]:
    """The `objects` figures, shares in percent of the pairs of a photo and a name.

    scores: a photo's regions and a phrase -> (R,) each region's score, None where no word of it is
    known, which counts as wrong; knows: whether every word of a name is known. recall_at_1: the
    best region has IoU >= 0.5 with one of the name's boxes; centre: its centre lies in one;
    any_region: any of the photo's regions has that IoU. All, large and small names apart.
    """
    rows: list[tuple[bool, bool, bool, bool]] = []
    large: list[bool] = []
    for photo, regions in found:
        for name, wanted in photo.things.items():
            fits = np.asarray((boxes.iou(regions.boxes, wanted) >= 0.5).any(axis=1))
            scored = scores(regions, f"a {name}")
            best = 0 if scored is None else int(scored.argmax())
            inside = boxes.contains_centre(wanted, regions.boxes[best : best + 1]).any()
            heard = scored is not None
            rows.append(
                (heard and bool(fits[best]), heard and bool(inside), bool(fits.any()), knows(name))
            )
            sides = wanted[:, 2:] - wanted[:, :2]
            large.append(bool(sides.prod(axis=1).max() >= LARGE))
    if not rows:
        raise DataError("the instances hold no thing; expected at least one box")
    table, of_large = np.array(rows), np.array(large)
    return {
        **_shares(table),
        "large": _shares(table[of_large]),
        "small": _shares(table[~of_large]),
    }


def _shares(rows: np.ndarray) -> dict[str, Any]:
    """(n, 4) bool of right, centre, any, known -> their shares by name."""
    names: Sequence[str] = ("recall_at_1", "centre", "any_region", "names_known")
    shares = rows.mean(axis=0) if len(rows) else np.zeros(0)
    return {"pairs": len(rows)} | {
        name: round(100.0 * float(share), 2) for name, share in zip(names, shares, strict=False)
    }
