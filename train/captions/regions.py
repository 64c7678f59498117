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
from core.language.vocabulary import tokenise
from core.vision import boxes
from core.vision.matching import THRESHOLD, pairs
from train.data import DataError, PhrasePhoto
from train.data.phrases import normalised_boxes


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
    what "others" said are the texts of the boxes that match one of them (see `of_others`)."""
    wanted = []
    for photo in photos:
        groups: dict[tuple[str, tuple[float, ...]], list[int]] = {}
        for number, region in enumerate(photo.regions):
            key = region.annotator, tuple(region.box.round(6).tolist())
            groups.setdefault(key, []).append(number)
        others = of_others(photo)
        for group in groups.values():
            own = tuple(photo.regions[number].text for number in group)
            matched = tuple(text for number in group for text in others[number])
            wanted.append(Wanted(photo.name, photo.regions[group[0]].box, own, matched))
    return wanted


def of_others(photo: RegionPhoto) -> list[list[str]]:
    """Of each region what other people say of the same thing: the texts of the boxes matched to it
    one to one at THRESHOLD or more, as `python -m annotate agreement` matches them."""
    people: dict[str, list[int]] = {}
    for number, region in enumerate(photo.regions):
        people.setdefault(region.annotator, []).append(number)
    numbers = list(people.values())
    found: list[list[str]] = [[] for _ in photo.regions]
    for k, other, matches in pairs(
        [np.stack([photo.regions[n].box for n in one]) for one in numbers]
    ):
        for i, j, iou in matches:
            one, second = numbers[k][i], numbers[other][j]
            if iou >= THRESHOLD:
                found[one].append(photo.regions[second].text)
                found[second].append(photo.regions[one].text)
    return found


def human_round(photos: Sequence[RegionPhoto]) -> tuple[dict[int, str], dict[int, list[str]]]:
    """Every text that others speak of, against theirs: by number. What has no words, such as "!",
    takes no part."""
    own: dict[int, str] = {}
    references: dict[int, list[str]] = {}
    for photo in photos:
        for region, others in zip(photo.regions, of_others(photo), strict=True):
            said = [text for text in others if tokenise(text)]
            if said and tokenise(region.text):
                own[len(own)] = region.text
                references[len(references)] = said
    return own, references
