"""All regions of a data set in the common space, to be searched and measured."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor

from core.checkpoints import Checkpoint
from train.data import CaptionSet
from train.features import FeatureStore, write_features

PHOTOS = 256  # embedded at a time


@dataclass(frozen=True)
class EmbeddedRegions:
    """N regions of K photos, in the photos' order.

    paths     (K,) where each photo lies
    photo_of  (N,) the photo of each region
    boxes     (N, 4) float32 normalised xyxy
    vectors   (N, h) float16, as the model compares them (Eq. 1)
    lengths   (N,) float32, |v| before any normalisation
    names     (K,) of the photos; those that could not be read are not among them
    """

    paths: tuple[Path, ...]
    photo_of: np.ndarray
    boxes: np.ndarray
    vectors: np.ndarray
    lengths: np.ndarray
    names: tuple[str, ...] = ()

    def spread(self, rows: np.ndarray, most: int) -> list[int]:
        """Regions in an order -> the same, at most `most` of each photo: neighbouring boxes of one
        photo would fill a list otherwise."""
        taken: Counter[int] = Counter()
        kept = []
        for row in rows:
            taken[photo := int(self.photo_of[row])] += 1
            if taken[photo] <= most:
                kept.append(int(row))
        return kept


@torch.inference_mode()
def raw_lengths(checkpoint: Checkpoint, features: Tensor) -> Tensor:
    """(N, D) region features -> (N,) |v| of Eq. 1, which `embed_regions` takes away for cosines."""
    model = checkpoint.alignment
    standard = (features - model.feature_mean) / model.feature_scale
    lengths: Tensor = model.region_projection(standard).norm(dim=-1)
    return lengths


@torch.inference_mode()
def embed_all_regions(
    checkpoint: Checkpoint, captions: CaptionSet, features: Path | None = None
) -> EmbeddedRegions:
    """Every region of a data set's photos. `features`: a folder to keep or reuse them in, as
    `train features` makes it (DataError where it is of other photos or another encoder)."""
    with TemporaryDirectory() as temporary:
        folder = features if features is not None else Path(temporary)
        write_features(checkpoint.encoder, captions.names, captions.paths, folder)
        store = FeatureStore(folder)
        captions = store.readable(captions)
        count = np.array(store.count)
        n = int(count.sum())
        boxes = np.empty((n, 4), dtype=np.float32)
        vectors = np.empty((n, checkpoint.alignment.config.common_dimension), dtype=np.float16)
        lengths = np.empty(n, dtype=np.float32)
        start = 0
        for first in range(0, len(captions), PHOTOS):
            rows = np.arange(first, min(first + PHOTOS, len(captions)))
            found, present = store.rows(rows)
            stop = start + int(present.sum())
            boxes[start:stop] = store.boxes[rows][present.numpy()]
            vectors[start:stop] = checkpoint.alignment.embed_regions(found[present]).numpy()
            lengths[start:stop] = raw_lengths(checkpoint, found[present]).numpy()
            start = stop
    return EmbeddedRegions(
        captions.paths,
        np.repeat(np.arange(len(count)), count),
        boxes,
        vectors,
        lengths,
        captions.names,
    )
