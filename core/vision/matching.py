"""Whose box is whose: boxes of two people on one photo, matched one to one.

The matching is the one whose sum of IoU is the highest (the assignment problem, by scipy); a pair
that does not overlap is no match. Agreement, the human ceiling and the references of region
captions all go by it, so that they count the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

import numpy as np
from scipy.optimize import linear_sum_assignment

from core.vision.boxes import iou

THRESHOLD = 0.5
"""The IoU from which two boxes show the same thing: the paper's and the field's."""


def match(first_xyxy: np.ndarray, second_xyxy: np.ndarray) -> list[tuple[int, int, float]]:
    """(n, 4), (m, 4) boxes of one format -> the matches: an index of each, and their IoU > 0."""
    return _best(iou(first_xyxy, second_xyxy))


def pairs(
    people: Sequence[np.ndarray],
) -> Iterator[tuple[int, int, list[tuple[int, int, float]]]]:
    """(n_k, 4) boxes of each person k on one photo -> of every two people k < l: k, l and their
    matches, as of `match`."""
    everything = np.concatenate([np.asarray(boxes).reshape(-1, 4) for boxes in people])
    ious = iou(everything, everything)  # once for the photo: many small calls would cost more
    ends = np.cumsum([0] + [len(boxes) for boxes in people])
    spans = [slice(start, end) for start, end in pairwise(ends.tolist())]
    for k, other in combinations(range(len(people)), 2):
        yield k, other, _best(ious[spans[k], spans[other]])


def _best(ious: np.ndarray) -> list[tuple[int, int, float]]:
    rows, columns = linear_sum_assignment(ious, maximize=True)
    found = zip(rows.tolist(), columns.tolist(), ious[rows, columns].tolist(), strict=True)
    return [one for one in found if one[2] > 0]
