"""What captioners are trained and scored on: images as stored features, and what is said of them.

An image is a photo's region: region 0, the whole photo, for `--level image`; any of them for
`--level region`, where what is said are snippets (`train snippets`), one JSON object a line:
{"photo", "sentence": k, "region": r, "box": normalised xyxy, "words": "a black dog", "score"}.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from core.captioning.captioner import image_inputs
from core.captioning.recurrences import CaptionerConfig
from train.data import CaptionSet, DataError
from train.features import FeatureStore


@dataclass(frozen=True)
class RegionTexts:
    """N texts, and of which region of which photo each is said.

    photos (N,) names, regions (N,) indices in the photo's feature row, texts (N,)
    """

    photos: tuple[str, ...]
    regions: np.ndarray
    texts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def by_image(self) -> dict[tuple[str, int], list[str]]:
        """(photo, region) -> everything said of it."""
        grouped: dict[tuple[str, int], list[str]] = {}
        for photo, region, text in zip(self.photos, self.regions, self.texts, strict=True):
            grouped.setdefault((photo, int(region)), []).append(text)
        return grouped


def photo_texts(captions: CaptionSet) -> RegionTexts:
    """Sentences of whole photos."""
    pairs = [
        (name, sentence)
        for name, group in zip(captions.names, captions.sentences, strict=True)
        for sentence in group
    ]
    photos, texts = zip(*pairs, strict=True)
    return RegionTexts(photos, np.zeros(len(pairs), dtype=np.int64), texts)


def read_snippets(path: Path, store: FeatureStore) -> RegionTexts:
    """Snippets whose regions are those of a feature folder; refused where the boxes differ."""
    if not path.is_file():
        raise DataError(f"{path} is not there; expected a file made by `train snippets`")
    rows = {name: row for row, name in enumerate(store.names)}
    photos, regions, texts = [], [], []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                one = json.loads(line.decode("utf-8"))
                photo, region, text = str(one["photo"]), int(one["region"]), str(one["words"])
                box = np.array(one["box"], dtype=np.float64)
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(f"{path}, line {number}: {type(error).__name__} {error}") from None
            row = rows.get(photo)
            if row is None or not 0 <= region < store.count[row]:
                raise DataError(f"{path}, line {number}: the features have no such photo or region")
            if box.shape != (4,) or np.abs(box - store.boxes[row, region]).max() > 1e-3:
                raise DataError(
                    f"{path}, line {number}: region {region} of {photo} has another box in the "
                    "features; run `train snippets` on these features"
                )
            photos.append(photo)
            regions.append(region)
            texts.append(text)
    if not texts:
        raise DataError(f"{path} is empty; expected a snippet a line")
    return RegionTexts(tuple(photos), np.array(regions), tuple(texts))


def snippet_texts(path: Path) -> list[str]:
    """What the snippets of a file say, whatever features they were made on."""
    if not path.is_file():
        raise DataError(f"{path} is not there; expected a file made by `train snippets`")
    try:
        with path.open(encoding="utf-8") as lines:
            return [str(json.loads(line)["words"]) for line in lines]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: {type(error).__name__} {error}") from None


class Images:
    """Image inputs of a captioner, out of a feature folder. Features stay on disk."""

    def __init__(
        self,
        store: FeatureStore,
        context: Literal["none", "whole", "mean"],
        dimension: int | None = None,
    ) -> None:
        """dimension: how many of a feature's numbers are read, the first ones (see
        `TrainedCaptioner.inputs`); all where None."""
        self.store, self.context = store, context
        self.dimension = store.dimension if dimension is None else dimension
        self.rows = {name: row for row, name in enumerate(store.names)}
        self.means = self._means() if context == "mean" else None

    @classmethod
    def of_captioner(cls, store: FeatureStore, config: CaptionerConfig) -> Images:
        """Those that a captioner with this config reads."""
        return cls(store, config.context, config.feature_dimension)

    def _means(self) -> np.ndarray:
        """(n, F) mean over each photo's regions, in blocks."""
        n = len(self.store.names)
        means = np.empty((n, self.dimension), dtype=np.float32)
        for start in range(0, n, 512):
            features, present = self.store.rows(np.arange(start, min(start + 512, n)))
            here = present[:, :, None]
            features = features[:, :, : self.dimension]
            means[start : start + 512] = (features * here).sum(dim=1) / here.sum(dim=1)
        return means

    def row(self, photo: str) -> int:
        if photo not in self.rows:
            raise DataError(f"the features lack {photo}; run `train features` on its data set")
        return self.rows[photo]

    def inputs(self, rows: np.ndarray, regions: np.ndarray) -> Tensor:
        """(B,) rows of the folder and regions there -> (B, D) float32."""

        def features(of: np.ndarray) -> Tensor:
            found = self.store.features[rows, of, : self.dimension]
            return torch.from_numpy(found.astype(np.float32))

        own = features(regions)
        whole = features(np.zeros_like(regions)) if self.context == "whole" else own
        mean = own if self.means is None else torch.from_numpy(self.means[rows])
        return image_inputs(own, whole, mean, self.context)

    def of(self, keys: Sequence[tuple[str, int]]) -> Tensor:
        """(photo, region) pairs -> (B, D) float32."""
        rows = np.array([self.row(photo) for photo, _ in keys])
        return self.inputs(rows, np.array([region for _, region in keys]))
