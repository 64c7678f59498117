"""Photos whose regions people described: boxes and texts, to score region captioners on.

Read from phrases with boxes (`entities_dev.json`) or from what `annotate` exports: JSON lines, or
COCO-style JSON (annotations with `bbox` and `caption`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.vision import boxes
from train.data import DataError, PhrasePhoto, read_json

SAME = 0.5  # boxes of two people show the same thing from this IoU on


@dataclass(frozen=True)
class Region:
    """A box, normalised xyxy (4,), what somebody said of it, and who ("" where it is unknown)."""

    box: np.ndarray
    text: str
    annotator: str = ""


@dataclass(frozen=True)
class RegionPhoto:
    """A photo's name and its described regions."""

    name: str
    regions: tuple[Region, ...]


@dataclass(frozen=True)
class Wanted:
    """A region to be described: its box, what was said of it, and what others said of it."""

    photo: str
    box: np.ndarray
    own: tuple[str, ...]
    others: tuple[str, ...] = ()

    @property
    def references(self) -> list[str]:
        return [*self.own, *self.others]


def regions_of_phrases(photos: Sequence[PhrasePhoto]) -> list[RegionPhoto]:
    """Phrases as regions; one with several boxes takes the smallest box around them all."""
    return [
        RegionPhoto(
            photo.name,
            tuple(Region(boxes.union_xyxy(p.boxes), p.words) for p in photo.phrases),
        )
        for photo in photos
        if photo.phrases
    ]


def read_annotations(path: Path) -> list[RegionPhoto]:
    """An export of `python -m annotate`: JSON lines, or COCO-style JSON. Bad and skipped
    submissions do not count."""
    if not path.is_file():
        raise DataError(f"{path} is not there; expected an export of annotations")
    photos: dict[str, tuple[int, int]] = {}
    found: dict[str, list[Region]] = {}
    if path.suffix == ".jsonl":
        _read_lines(path, photos, found)
    else:
        _read_coco(path, photos, found)
    kept = [RegionPhoto(name, tuple(group)) for name, group in found.items() if group]
    if not kept:
        raise DataError(f"{path} has no described region; expected at least one")
    return kept


def _region(xyxy: Any, text: Any, annotator: Any, size: tuple[int, int]) -> Region:
    pixels = np.array([float(value) for value in xyxy])
    if pixels.shape != (4,) or not np.isfinite(pixels).all():
        raise ValueError(f"a box is {xyxy}; expected four finite numbers")
    return Region(boxes.pixels_to_normalised(pixels, *size), str(text), str(annotator or ""))


def _read_lines(
    path: Path, photos: dict[str, tuple[int, int]], found: dict[str, list[Region]]
) -> None:
    for number, line in enumerate(path.read_text(encoding="utf-8").strip().split("\n"), 1):
        try:
            [(kind, one)] = json.loads(line).items()
            if kind == "photo":
                photos[one["name"]] = int(one["width"]), int(one["height"])
            elif kind == "submission" and one["state"] == "submitted" and not one["bad"]:
                size = photos[one["photo"]]
                found.setdefault(one["photo"], []).extend(
                    _region(a["box"], a["snippet"], one["annotator"], size)
                    for a in one["annotations"]
                )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{path}, line {number}: {type(error).__name__} {error}") from None


def _read_coco(
    path: Path, photos: dict[str, tuple[int, int]], found: dict[str, list[Region]]
) -> None:
    data = read_json(path)
    try:
        names = {image["id"]: str(image["file_name"]) for image in data["images"]}
        for image in data["images"]:
            photos[str(image["file_name"])] = int(image["width"]), int(image["height"])
        for one in data["annotations"]:
            name = names[one["image_id"]]
            xyxy = boxes.xywh_to_xyxy(np.array(one["bbox"], dtype=np.float64))
            found.setdefault(name, []).append(
                _region(xyxy, one["caption"], one.get("annotator"), photos[name])
            )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: {type(error).__name__} {error}") from None


def wanted_regions(photos: Sequence[RegionPhoto]) -> list[Wanted]:
    """The regions to be described. Equal boxes of one person are one region with several texts;
    of every other person, the box that fits best says what "others" said, if its IoU reaches
    SAME."""
    wanted = []
    for photo in photos:
        groups: dict[tuple[str, tuple[float, ...]], list[Region]] = {}
        for region in photo.regions:
            key = region.annotator, tuple(region.box.round(6).tolist())
            groups.setdefault(key, []).append(region)
        drawn = np.stack([region.box for region in photo.regions])
        for (annotator, _), group in groups.items():
            overlap = boxes.iou(group[0].box[None], drawn)[0]
            others = []
            for other in dict.fromkeys(region.annotator for region in photo.regions):
                theirs = [i for i, r in enumerate(photo.regions) if r.annotator == other]
                best = max(theirs, key=lambda i: overlap[i])
                if other != annotator and overlap[best] >= SAME:
                    others.append(photo.regions[best].text)
            texts = tuple(region.text for region in group)
            wanted.append(Wanted(photo.name, group[0].box, texts, tuple(others)))
    return wanted
