"""`python -m train evaluate maps`: where words score on photos, against boxes of what they name.

For each photo and each name of things it shows (COCO's instances), the model reads "a NAME" and its
words' maps are averaged, as the page lays them over the photo (`core.alignment.score_maps`).

pointing    per cent of the maps whose highest point lies in one of the name's boxes, half a cell of
            the grid around them included
separation  how often a point inside the boxes scores above one outside, in per cent of all such
            pairs, equal ones as halves, the mean over the maps: 50 says nothing, 100 everything

Each for windows and regions alone, and for both as they are shown. Names without a known word have
no map: they are left out and counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from core.alignment.score_maps import grid_points
from core.describer import Describer, SentenceError
from core.results import maps_of
from core.vision.images import DecodedPhoto
from train.data import DataError
from train.data.photos import read_photo
from train.objects import NamedThings, read_instances

KINDS = ("windows", "regions", "both")


def inside(boxes_xyxy: np.ndarray, rows: int, columns: int, margin: float = 0.0) -> np.ndarray:
    """Normalised boxes (k, 4) -> (rows, columns) bool: grid points in one of them or `margin` cells
    around."""
    points = grid_points(rows, columns)
    around = margin / np.array([columns, rows])
    low, high = boxes_xyxy[:, None, :2] - around, boxes_xyxy[:, None, 2:] + around
    held = np.asarray(((low <= points) & (points <= high)).all(axis=2))
    return np.asarray(held.any(axis=0)).reshape(rows, columns)


def points_at(scores: np.ndarray, boxes_xyxy: np.ndarray) -> bool:
    """Does the highest point of a map (rows, columns) lie in a box, half a cell around included?"""
    rows, columns = scores.shape
    return bool(inside(boxes_xyxy, rows, columns, 0.5).ravel()[scores.argmax()])


def separation(scores: np.ndarray, boxes_xyxy: np.ndarray) -> float | None:
    """The share of pairs of a point inside the boxes and one outside in which the first scores
    higher, equal ones as halves; None where all points are on one side."""
    rows, columns = scores.shape
    held = inside(boxes_xyxy, rows, columns)
    ours, others = scores[held], scores[~held]
    if not len(ours) or not len(others):
        return None
    higher = (ours[:, None] > others).mean() + (ours[:, None] == others).mean() / 2
    return float(higher)


def evaluate_maps(
    describer: Describer, photos: Iterable[tuple[NamedThings, DecodedPhoto]]
) -> dict[str, Any]:
    """The `maps` figures of a describer, JSON-ready."""
    rows: dict[str, list[tuple[bool, float | None]]] = {kind: [] for kind in KINDS}
    unknown = 0
    for named, photo in photos:
        look = describer.look(photo)
        windows = describer.windows(look)
        for name, wanted in named.things.items():
            try:
                reading = describer.read(f"a {name}")
            except SentenceError:
                unknown += 1
                continue
            words = reading.known.copy()
            words[0] = False  # "a"
            if not words.any():
                unknown += 1
                continue
            regions = maps_of(look, reading)[words].mean(axis=0)
            both = maps_of(look, reading, windows)[words].mean(axis=0)
            for kind, scores in zip(KINDS, (2 * both - regions, regions, both), strict=True):
                rows[kind].append((points_at(scores, wanted), separation(scores, wanted)))
    if not rows["both"]:
        raise DataError("the instances name nothing that the model knows; expected at least one")
    return {"maps": len(rows["both"]), "unknown": unknown} | {
        kind: {
            "pointing": round(100 * float(np.mean([hit for hit, _ in found])), 2),
            "separation": _percent([share for _, share in found if share is not None]),
        }
        for kind, found in rows.items()
    }


def _percent(shares: list[float]) -> float | None:
    return round(100 * float(np.mean(shares)), 2) if shares else None


def map_figures(describer: Describer, folder: Path, instances: Path) -> dict[str, Any]:
    """The `maps` figures on the photos in `folder`. Raises DataError."""
    named = read_instances(instances)
    if missing := [one.photo for one in named if not (folder / one.photo).is_file()]:
        raise DataError(
            f"{missing[0]} is not in {folder}; expected the instances' photos there (--images)"
        )
    return evaluate_maps(describer, ((one, read_photo(folder / one.photo)) for one in named))
