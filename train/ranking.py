"""Photos and sentences as a training or a ranking needs them, and the ranking itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, astuple
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from core.alignment.model import AlignmentModel, pack_sentences
from core.alignment.ranking import Recall, ranks, recall
from core.alignment.scoring import score_matrix
from core.language.vocabulary import Vocabulary, tokenise
from train.data import CaptionSet, DataError
from train.features import FeatureStore


class RegionSource(Protocol):
    """Where a step's region features come from."""

    @property
    def generators(self) -> Sequence[np.random.Generator]:
        """The source's own randomness, which a resumed run must restore."""
        ...

    def batch(self, rows: np.ndarray) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """(K,) photos -> features (K, R, D), present (K, R), further losses by name."""
        ...


class StoredRegions:
    """Regions computed beforehand."""

    generators = ()

    def __init__(self, store: FeatureStore, image_only: bool = False) -> None:
        """image_only: give the first region alone, which is the whole image."""
        self.store = store
        self.regions = 1 if image_only else None

    def batch(self, rows: np.ndarray) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        features, present = self.store.rows(rows)
        return features[:, : self.regions], present[:, : self.regions], {}


class StoredViews:
    """Several feature folders of the same photos, such as upright and mirrored ones: each time a
    photo comes, one of them is drawn."""

    def __init__(self, views: Sequence[StoredRegions], seed: int) -> None:
        first = views[0].store
        for other in views[1:]:
            if (other.store.names, other.store.regions) != (first.names, first.regions):
                raise DataError("the feature folders hold other photos or encoders; expected alike")
            other.store.must_be_of(first.encoder, first.dimension, str(first.folder))
        self.views = views
        self.generators = [np.random.default_rng(seed)]

    def batch(self, rows: np.ndarray) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        read = [view.batch(rows) for view in self.views]
        chosen = torch.from_numpy(self.generators[0].integers(len(read), size=len(rows)))
        features, present = read[0][0].clone(), read[0][1].clone()
        for index, (other, here, _) in enumerate(read[1:], 1):
            features[chosen == index] = other[chosen == index]
            present[chosen == index] = here[chosen == index]
        return features, present, {}


class Sentences:
    """The sentences of a data set as word ids, by photo. Sentences without words are left out."""

    def __init__(self, captions: CaptionSet, vocabulary: Vocabulary) -> None:
        read = [[vocabulary.ids(tokenise(s)) for s in group] for group in captions.sentences]
        self.ids = [[ids for ids in group if any(ids)] for group in read]
        for name, group in zip(captions.names, self.ids, strict=True):
            if not group:
                raise DataError(f"{name} has no sentence with a known word; expected at least one")

    def draw(
        self, rows: np.ndarray, count: int, generator: np.random.Generator
    ) -> tuple[list[list[int]], np.ndarray]:
        """`count` sentences of each photo, no repeats -> ids, and whose photo (index in rows)."""
        drawn, photo_of = [], []
        for place, row in enumerate(rows):
            group = self.ids[row]
            for choice in generator.permutation(len(group))[:count]:
                drawn.append(group[choice])
                photo_of.append(place)
        return drawn, np.array(photo_of)

    def rounds(self, count: int) -> int:
        """How often a photo must come, `count` sentences at a time, to bring all of its own."""
        average = sum(map(len, self.ids)) / len(self.ids)
        return max(1, round(average / count))

    def every(self) -> tuple[list[list[int]], np.ndarray]:
        """All sentences in order, and the photo of each."""
        flat = [ids for group in self.ids for ids in group]
        return flat, np.repeat(np.arange(len(self.ids)), [len(group) for group in self.ids])


def rank(model: AlignmentModel, source: RegionSource, sentences: Sentences) -> dict[str, Recall]:
    """All photos of `source` against all `sentences` -> Recall of annotation and search."""
    [ranked] = rank_folds(model, source, sentences, (0,))
    return ranked


def rank_folds(
    model: AlignmentModel, source: RegionSource, sentences: Sentences, folds: Sequence[int]
) -> list[dict[str, Recall]]:
    """`rank`, for each of `folds` once: all photos at once (0), or the mean over the whole folds of
    so many consecutive photos, each with its own sentences (COCO's "1K"; all photos where there are
    fewer). The scores are computed once."""
    scores, photo_of = score_all(model, source, sentences)
    n = len(scores)

    def ranked(start: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        first, end = np.searchsorted(photo_of, (start, start + size))
        return ranks(scores[start : start + size, first:end], photo_of[first:end] - start)

    return [
        _mean_recall(ranked(start, size) for start in range(0, n - size + 1, size))
        for size in (min(fold or n, n) for fold in folds)
    ]


def _mean_recall(folds: Iterable[tuple[np.ndarray, np.ndarray]]) -> dict[str, Recall]:
    """Of the ranks of annotation and search of each fold."""
    each = [(recall(annotation), recall(search)) for annotation, search in folds]
    return {
        side: Recall(*np.mean([astuple(pair[k]) for pair in each], axis=0).tolist())
        for k, side in enumerate(("annotation", "search"))
    }


@torch.inference_mode()
def score_all(
    model: AlignmentModel, source: RegionSource, sentences: Sentences
) -> tuple[np.ndarray, np.ndarray]:
    """All photos of `source` against all `sentences` -> scores (n, m) of Eq. 8, and the photo (m,)
    of each sentence."""
    model.eval()
    device = model.feature_mean.device
    rows = np.array_split(np.arange(len(sentences.ids)), math.ceil(len(sentences.ids) / 50))
    regions, present = [], []
    for chunk in rows:
        features, here, _ = source.batch(chunk)
        regions.append(model.embed_regions(features.to(device)))
        present.append(here.to(device))
    flat, photo_of = sentences.every()
    ids, lengths, known, sentence_of = (t.to(device) for t in pack_sentences(flat))
    words = model.embed_words(ids, lengths)
    scores = score_matrix(
        model.config.scoring,
        torch.cat(regions),
        torch.cat(present),
        words,
        known,
        sentence_of,
        len(flat),
    )
    return scores.cpu().numpy(), photo_of


def summary(ranked: dict[str, Recall]) -> dict[str, float]:
    """Recall as log columns: annotation_r1, ..., search_medr, and the sum of the six recalls."""
    columns = {
        f"{side}_{name}": value
        for side, one in ranked.items()
        for name, value in asdict(one).items()
    }
    return {**columns, "sum": sum(v for k, v in columns.items() if not k.endswith("medr"))}
