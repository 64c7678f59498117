"""`python -m train evaluate taught`: how well a word is found after a few boxes taught it.

For each category of COCO's instances that enough photos show, a word that no table knows is taught
(`core.alignment.teaching`) by the boxes of every second of its photos, and asked for on the others
as `evaluate objects` asks for names. The category's own name, asked for on the same photos, says
what sentences and labels taught.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.alignment.teaching import teach
from core.checkpoints import Checkpoint
from core.vision import boxes
from core.vision.regions import Regions
from train.data import DataError
from train.data.photos import read_photo
from train.objects import NamedThings, read_instances
from train.teach import APART

WORD = "zorp"
"""What the things are called; in no table of words."""
EXAMPLES = (1, 5, 20)
LEAST_PHOTOS = 5
"""Photos that a category must be on: three to learn from and two to be asked on."""


@dataclass(frozen=True)
class Seen:
    """A photo: its things, its regions, and the features of each thing's boxes, by name."""

    photo: NamedThings
    regions: Regions
    features: dict[str, np.ndarray]


def taught_figures(
    checkpoint: Checkpoint,
    folder: Path,
    instances: Path,
    scores: Callable[[Checkpoint, Regions, str], np.ndarray],
) -> dict[str, Any]:
    """The `taught` figures, shares in percent of pairs of a photo and a category. scores: of a
    photo's regions for a phrase, by a checkpoint."""
    if WORD in checkpoint.vocabulary:
        raise DataError(f"the checkpoint knows '{WORD}'; expected one that does not")
    seen = [_seen(checkpoint, folder, photo) for photo in read_instances(instances)]
    names = sorted({name for one in seen for name in one.features})
    rows: dict[str, list[tuple[bool, bool]]] = {}
    for name in names:
        having = [one for one in seen if name in one.features]
        if len(having) < LEAST_PHOTOS:
            continue
        asked = having[1::2]
        rows.setdefault("own_name", []).extend(_asked(checkpoint, asked, name, name, scores))
        for count in EXAMPLES:
            shown, others = examples(having[::2], name, count)
            model, vocabulary = teach(
                checkpoint.alignment, checkpoint.vocabulary, WORD, shown, others
            )
            taught = replace(checkpoint, alignment=model, vocabulary=vocabulary)
            found = rows.setdefault(f"examples_{count}", [])
            found.extend(_asked(taught, asked, name, WORD, scores))
    if not rows:
        raise DataError(f"no category is on {LEAST_PHOTOS} photos; expected one at least")
    figures: dict[str, Any] = {"pairs": len(rows["own_name"])}
    for key, hits in rows.items():
        right, centre = 100.0 * np.array(hits, dtype=float).mean(axis=0)
        figures[key] = {"recall_at_1": round(float(right), 2), "centre": round(float(centre), 2)}
    return figures


def examples(photos: Sequence[Seen], name: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """-> features of the first `count` boxes of a name, and of the regions of their photos that
    overlap none of its boxes."""
    shown: list[np.ndarray] = []
    others: list[np.ndarray] = []
    for one in photos:
        left = count - sum(map(len, shown))
        if left <= 0:
            break
        shown.append(one.features[name][:left])
        overlap = boxes.iou(one.regions.boxes, one.photo.things[name]).max(axis=1)
        others.append(one.regions.features[overlap < APART])
    return np.concatenate(shown), np.concatenate(others)


def _seen(checkpoint: Checkpoint, folder: Path, photo: NamedThings) -> Seen:
    drawn = np.concatenate(list(photo.things.values()))
    pixels = read_photo(folder / photo.photo).pixels
    [(regions, features)] = checkpoint.encoder.encode_boxes([pixels], [drawn])
    bounds = np.cumsum([len(some) for some in photo.things.values()])[:-1]
    parts = np.split(features, bounds)
    return Seen(photo, regions, dict(zip(photo.things, parts, strict=True)))


def _asked(
    checkpoint: Checkpoint,
    photos: Sequence[Seen],
    name: str,
    word: str,
    scores: Callable[[Checkpoint, Regions, str], np.ndarray],
) -> list[tuple[bool, bool]]:
    """Of each photo: is the best region for "a WORD" right for the name, and its centre inside?"""
    found = []
    for one in photos:
        wanted = one.photo.things[name]
        best = int(scores(checkpoint, one.regions, f"a {word}").argmax())
        box = one.regions.boxes[best : best + 1]
        right = bool((boxes.iou(box, wanted) >= 0.5).any())
        found.append((right, bool(boxes.contains_centre(wanted, box).any())))
    return found
