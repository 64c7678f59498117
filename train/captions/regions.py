"""Photos whose regions people described: boxes and texts, to score region captioners on.

Read from phrases with boxes (`entities_dev.json`) or from what `annotate` exports, in any format.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.formats import ReadOptions, read_file
from core.formats.record import counted_work, said_where
from core.vision import boxes
from train.data import DataError, PhrasePhoto
from train.data.phrases import normalised_boxes

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
    """Described regions of any file format of core/formats, such as an export of `python -m
    annotate`. Bad and skipped submissions do not count."""
    project = read_file(path, ReadOptions(storable=False))
    photos = []
    for photo, work in counted_work(project):
        regions = tuple(
            Region(
                boxes.union_xyxy(normalised_boxes(path, photo, phrase.boxes)),
                phrase.words,
                phrase.annotator,
            )
            for phrase in said_where(photo, work)
        )
        if regions:
            photos.append(RegionPhoto(photo.name, regions))
    if not photos:
        raise DataError(f"{path} has no described region; expected at least one")
    return photos


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
