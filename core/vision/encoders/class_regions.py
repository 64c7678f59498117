"""Regions from a class-aware detector: which boxes count, and what its scores say of each.

What a region is may be taught by a detector; which words mean it, only by whole photos and their
sentences (section 3.1.4). So a region's class scores are numbers beside its features, without
names.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision import ops

from core.vision.boxes import WHOLE_IMAGE

WEAKEST = 0.05
"""Class score from which a cell's box counts as a detection: below, one photo has hundreds."""
MOST_CELLS = 600
"""Cells and classes that enter the suppression of one photo, best first: its time grows with their
square, and the regions wanted are found among far fewer."""
THINNEST = 0.004
"""Share of the photo's side below which a box shows nothing: a pixel and a half of 416."""
SAME_THING = 0.5
"""Overlap from which a cell speaks of a region (IoU, as where words and boxes are compared)."""


def detections(boxes: Tensor, scores: Tensor, iou: float, most: int) -> tuple[Tensor, Tensor]:
    """Cells' boxes (N, 4) normalised xyxy and class scores (N, C) in [0, 1] -> the boxes (n, 4) and
    scores (n,) of up to `most` detections, best first, weaker ones of the same class gone that
    overlap a better one by more than `iou`."""
    cell, category = (scores > WEAKEST).nonzero(as_tuple=True)
    score = scores[cell, category]
    if len(score) > MOST_CELLS:
        score, best = score.topk(MOST_CELLS)
        cell, category = cell[best], category[best]
    box = boxes[cell]
    wide = (box[:, 2:] - box[:, :2]).amin(dim=1) > THINNEST
    box, category, score = box[wide], category[wide], score[wide]
    kept = ops.batched_nms(box, score, category, iou)[:most]
    return box[kept], score[kept]


def together(
    found: tuple[Tensor, Tensor],
    proposed: tuple[Tensor, Tensor],
    share: float,
    iou: float,
    most: int,
) -> tuple[Tensor, Tensor]:
    """Detections of any class and class-agnostic proposals, each boxes (n, 4) and scores (n,) ->
    up to `most` boxes and scores in [0, 1], best first, without near copies (overlap over `iou`).
    share: what a detection's score counts beside a proposal's objectness."""
    boxes = torch.cat((found[0], proposed[0]))
    scores = torch.cat((found[1] * share, proposed[1])).clamp(max=1.0)
    kept = ops.nms(boxes, scores, iou)[:most]
    return boxes[kept], scores[kept]


def evidence_at(points: Tensor, boxes: Tensor, scores: Tensor, least: float) -> Tensor:
    """Points (P, 2) normalised x, y; cells' boxes (N, 4) and scores (N, C) -> (P, C) the logarithm
    of the best score of each class among the cells whose box holds the point: what `evidence` is
    for a region, for a place that no box was chosen for. Scores count as `least` at least.
    """
    found = scores.new_zeros(len(points), scores.shape[1])
    alive = scores.amax(dim=1) > 10 * least
    boxes, heard = boxes[alive], scores[alive]
    if len(heard):
        x, y = points[:, :1], points[:, 1:]
        inside = (boxes[:, 0] <= x) & (x <= boxes[:, 2]) & (boxes[:, 1] <= y) & (y <= boxes[:, 3])
        for row, mine in zip(found, inside, strict=True):
            if mine.any():
                row.copy_(heard[mine].amax(dim=0))
    return found.clamp_min(least).log()


def evidence(regions: Tensor, boxes: Tensor, scores: Tensor, least: float) -> Tensor:
    """Regions (R, 4); cells' boxes (N, 4) and scores (N, C) -> (R, C) the logarithm of the best
    score of each class among the cells that overlap the region; of the whole image, among all.
    Scores count as `least` at least, also where no cell overlaps.
    """
    found = scores.new_zeros(len(regions), scores.shape[1])
    alive = scores.amax(dim=1) > 10 * least
    boxes, heard = boxes[alive], scores[alive]
    if len(heard):
        near = ops.box_iou(regions, boxes) >= SAME_THING
        for row, mine in zip(found, near, strict=True):
            if mine.any():
                row.copy_(heard[mine].amax(dim=0))
    whole = (regions == torch.tensor(WHOLE_IMAGE, device=regions.device)).all(dim=1)
    found[whole] = scores.amax(dim=0)
    return found.clamp_min(least).log()
