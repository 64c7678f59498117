"""Where on a photo a word scores: a map of scores over a grid of points, for the eye.

A word chooses among regions (Eq. 11), which are few and stand where a detector found things. Asked
about every place, a word is scored there twice, and the map holds the mean of both:

  window    a small window around the point, described by the encoder's maps of the photo's one pass
            and projected as a region is (Eq. 1): v . s
  regions   the best of the regions that hold the point, as words choose among them
            (`core.alignment.grounding`); the whole photo holds every point

A window alone sees parts and textures, a box alone ends where its detector guessed; of names
of everyday things the mean of both points right more often than either (`evaluate maps`).
Where only regions were stored, their half is the whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

GRID = 16
"""Points along either side: of 16 and 20 the coarser one found as many things, at 0.6 of the
time."""
WINDOW = 0.15
"""A window's share of the photo's sides: of 1/16, 0.1, 0.15 and 0.3 the best on everyday photos."""


def grid_points(rows: int = GRID, columns: int = GRID) -> np.ndarray:
    """(rows * columns, 2) float32 normalised x, y: the middles of equal cells, row by row."""
    x, y = np.meshgrid((np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows)
    return np.stack((x, y), axis=-1).reshape(-1, 2).astype(np.float32)


@dataclass(frozen=True)
class Windows:
    """What stands around each point of a grid, row by row: (rows * columns, h) in the common
    space."""

    rows: int
    columns: int
    vectors: np.ndarray


def score_maps(
    words: np.ndarray,
    region_scores: np.ndarray,
    boxes_xyxy: np.ndarray,
    windows: Windows | None = None,
) -> np.ndarray:
    """Words (N, h) as they choose regions, their scores with a photo's regions (N, R), the regions'
    normalised boxes (R, 4), the whole photo first, and the photo's windows, None where they are not
    known -> (N, rows, columns) float32 scores, on a grid of `GRID` x `GRID` without windows."""
    rows, columns = (windows.rows, windows.columns) if windows else (GRID, GRID)
    points = grid_points(rows, columns)
    inside = _holding(points, boxes_xyxy)
    best = np.full((len(words), len(points)), -np.inf, dtype=np.float32)
    for region, held in enumerate(inside):
        best[:, held] = np.maximum(best[:, held], region_scores[:, region, None])
    if windows is not None:
        best = (best + words @ windows.vectors.T) / 2
    return best.reshape(len(words), rows, columns).astype(np.float32)


def _holding(points: np.ndarray, boxes_xyxy: np.ndarray) -> np.ndarray:
    """(R, P) bool: whether a box holds a point. The first box is the whole photo's."""
    low, high = boxes_xyxy[:, None, :2], boxes_xyxy[:, None, 2:]
    inside: np.ndarray = np.all((low <= points) & (points <= high), axis=2)
    inside[0] = True
    return inside
