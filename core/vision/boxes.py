"""Boxes: formats and measures. The format is in the name of every function and argument.

xyxy         left, top, right, bottom; continuous coordinates, so width = right - left
xywh         left, top, width, height
normalised   xyxy divided by the photo's width and height: every number lies in [0, 1]
one_based    xyxy of Flickr30k Entities: pixel indices that start at 1, both ends inside the box
"""

from __future__ import annotations

import numpy as np

WHOLE_IMAGE = (0.0, 0.0, 1.0, 1.0)  # normalised xyxy of region 0 of every photo


def xyxy_to_xywh(xyxy: np.ndarray) -> np.ndarray:
    """(..., 4) left, top, right, bottom -> (..., 4) left, top, width, height."""
    left_top, right_bottom = xyxy[..., :2], xyxy[..., 2:]
    xywh: np.ndarray = np.concatenate((left_top, right_bottom - left_top), axis=-1)
    return xywh


def xywh_to_xyxy(xywh: np.ndarray) -> np.ndarray:
    """(..., 4) left, top, width, height -> (..., 4) left, top, right, bottom."""
    left_top, size = xywh[..., :2], xywh[..., 2:]
    return np.concatenate((left_top, left_top + size), axis=-1)


def one_based_to_xyxy(one_based: np.ndarray) -> np.ndarray:
    """(..., 4) Entities' pixel indices -> continuous xyxy: pixel 1 covers [0, 1]."""
    xyxy: np.ndarray = np.asarray(one_based, dtype=np.float64) - [1.0, 1.0, 0.0, 0.0]
    return xyxy


def pixels_to_normalised(xyxy: np.ndarray, width: int, height: int) -> np.ndarray:
    """(..., 4) xyxy in pixels of a (height, width) photo -> normalised xyxy, clipped to [0, 1]."""
    return np.clip(np.asarray(xyxy, dtype=np.float64) / [width, height, width, height], 0.0, 1.0)


def normalised_to_pixels(normalised: np.ndarray, width: int, height: int) -> np.ndarray:
    """(..., 4) normalised xyxy -> xyxy in pixels of a (height, width) photo, clipped to it."""
    scaled = np.asarray(normalised, dtype=np.float64) * [width, height, width, height]
    clipped: np.ndarray = np.clip(scaled, 0.0, [width, height, width, height])
    return clipped


def mirrored(normalised: np.ndarray) -> np.ndarray:
    """(..., 4) normalised xyxy of a photo -> the boxes' places in its mirror image."""
    left, top, right, bottom = np.moveaxis(normalised, -1, 0)
    return np.stack((1 - right, top, 1 - left, bottom), axis=-1)


def union_xyxy(xyxy: np.ndarray) -> np.ndarray:
    """(n, 4) xyxy, n >= 1 -> (4,) the smallest box that holds them all."""
    return np.concatenate((xyxy[:, :2].min(axis=0), xyxy[:, 2:].max(axis=0)))


def iou(first_xyxy: np.ndarray, second_xyxy: np.ndarray) -> np.ndarray:
    """(n, 4), (m, 4) boxes of one format -> (n, m) intersection over union in [0, 1].

    A pair whose union has no area counts 0, never NaN. The same numbers as torchvision's `box_iou`,
    without torch: commands on annotations measure boxes and need no model.
    """
    first = np.asarray(first_xyxy, dtype=np.float64).reshape(-1, 4)
    second = np.asarray(second_xyxy, dtype=np.float64).reshape(-1, 4)
    left_top = np.maximum(first[:, None, :2], second[:, :2])
    right_bottom = np.minimum(first[:, None, 2:], second[:, 2:])
    intersection = np.prod(np.clip(right_bottom - left_top, 0.0, None), axis=-1)
    area = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=-1) for boxes in (first, second)]
    union = area[0][:, None] + area[1] - intersection
    measured: np.ndarray = np.divide(
        intersection, union, out=np.zeros_like(union), where=union != 0
    )
    return measured


def contains_centre(outer_xyxy: np.ndarray, inner_xyxy: np.ndarray) -> np.ndarray:
    """(n, 4), (m, 4) -> (n, m) bool: does the centre of inner j lie in outer i (edges count)?"""
    centre = (inner_xyxy[None, :, :2] + inner_xyxy[None, :, 2:]) / 2
    inside = (outer_xyxy[:, None, :2] <= centre) & (centre <= outer_xyxy[:, None, 2:])
    return np.asarray(inside.all(axis=-1))
