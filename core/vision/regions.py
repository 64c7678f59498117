"""Regions of a photo: the whole image first, then the best proposals, one feature each.

Everything that turns a photo into regions is a `RegionEncoder`; `core.vision.encoders` lists the
kinds that there are. How many regions a photo gets at most is the encoder's own number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from torch import nn

from core.vision.boxes import WHOLE_IMAGE, iou

if TYPE_CHECKING:
    import torch

PAPER_REGIONS = 20
"""Section 3.1 of the paper: the whole image and R-CNN's top 19 locations. Encoders' default."""


@dataclass(frozen=True)
class Regions:
    """The regions of one photo. Row 0 is always the whole image; the rest fall in objectness.

    boxes       (R, 4) float32, normalised xyxy
    objectness  (R,) float32 in [0, 1]; 1 for the whole image
    features    (R, D) float32
    with 1 <= R <= the encoder's `regions`: a photo may have fewer proposals than the most.
    """

    boxes: np.ndarray
    objectness: np.ndarray
    features: np.ndarray

    def __len__(self) -> int:
        return len(self.boxes)


class Seen(Protocol):
    """What an encoder keeps of its pass over a photo, so that further places cost no second one."""

    def windows(self, points: np.ndarray, side: float) -> np.ndarray:
        """(P, 2) normalised x, y of any places -> (P, D) features of the kind that regions have, of
        windows around them, cut off at the photo's edge. side: a window's share of the photo's
        width and of its height, over 0."""
        ...


class RegionEncoder(Protocol):
    """photo -> Regions, in one pass of one network."""

    name: str
    """What a checkpoint and a feature file call this encoder, e.g. "bundled"."""
    dimension: int
    """D, the length of a region's feature."""
    regions: int
    """The most regions of a photo, the whole image included."""

    @property
    def config(self) -> Any:
        """A dataclass: what a checkpoint's config.json tells of this encoder beside its name."""
        ...

    @property
    def stored(self) -> nn.Module | None:
        """The network whose tensors a checkpoint holds; None where the name alone finds them."""
        ...

    def to(self, device: torch.device) -> None:
        """Move the network; regions come back as arrays wherever it is."""
        ...

    def encode(self, photos: Sequence[np.ndarray]) -> list[Regions]:
        """(H, W, 3) uint8 RGB arrays of any sizes -> the regions of each, in the same order.

        A photo gets the same regions alone and in a batch.
        """
        ...

    def encode_kept(self, photo: np.ndarray) -> tuple[Regions, Seen]:
        """As `encode`, of one photo, with what the same pass of the network leaves to ask."""
        ...

    def encode_boxes(
        self, photos: Sequence[np.ndarray], boxes: Sequence[np.ndarray]
    ) -> list[tuple[Regions, np.ndarray]]:
        """As `encode`, and of each photo's own (n, 4) normalised xyxy boxes, such as people drew,
        the (n, D) features, in the same pass of the network."""
        ...


def windows_around(points: np.ndarray, side: float) -> np.ndarray:
    """(P, 2) normalised x, y -> (P, 4) normalised xyxy squares (of the unit square) around them, of
    that side, cut off at the photo's edge."""
    corners = np.concatenate((points - side / 2, points + side / 2), axis=1)
    return corners.clip(0, 1).astype(np.float32)


def copies(boxes_xyxy: np.ndarray, most: float) -> np.ndarray:
    """A photo's regions (R, 4), the whole image first, then the best ones first -> (R,) int64: of
    each the region that is shown for it, itself where it is shown.

    A region whose IoU with a better one that is shown exceeds `most` is a near copy of the one that
    it overlaps most. The whole image is neither a copy nor shown for another.
    """
    shown_for = np.arange(len(boxes_xyxy), dtype=np.int64)
    overlap = iou(boxes_xyxy, boxes_xyxy)
    shown: list[int] = []
    for region in range(1, len(boxes_xyxy)):
        near = overlap[region, shown]
        if len(shown) and near.max() > most:
            shown_for[region] = shown[int(near.argmax())]
        else:
            shown.append(region)
    return shown_for


def image_region(boxes: np.ndarray, objectness: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Put the whole image (normalised 0, 0, 1, 1; objectness 1) before (R, 4) proposals."""
    whole = np.array([WHOLE_IMAGE], dtype=np.float32)
    return (
        np.concatenate((whole, boxes.astype(np.float32))),
        np.concatenate((np.ones(1, dtype=np.float32), objectness.astype(np.float32))),
    )
