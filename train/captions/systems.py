"""What describes images, a captioner or a baseline, and the features that it reads.

A key is an image's number: a photo's, or a described region's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from core.alignment.model import AlignmentModel, pack_sentences
from core.alignment.scoring import score_matrix
from core.captioning.beam import Decoding, search
from core.captioning.captioner import TrainedCaptioner
from core.language.vocabulary import Vocabulary, tokenise
from core.vision.regions import RegionEncoder
from train.captions.data import Images
from train.captions.regions import Wanted
from train.data import CaptionSet
from train.data.photos import read_photo
from train.features import BATCH, FeatureStore, write_features

Key = int


@dataclass(frozen=True)
class Pooled:
    """Features of N images: their own (N, F), and of each one's photo the whole image's and the
    mean of the regions'."""

    own: Tensor
    whole: Tensor
    mean: Tensor

    def inputs(self, captioner: TrainedCaptioner) -> Tensor:
        return captioner.inputs(self.own, self.whole, self.mean)


def photo_features(
    encoder: RegionEncoder, captions: CaptionSet, folder: Path | None
) -> FeatureStore:
    """Regions of a data set's photos, kept or reused in `folder`, or computed for this once."""
    if folder is not None:
        write_features(encoder, captions.names, captions.paths, folder)
        return FeatureStore(folder)
    with tempfile.TemporaryDirectory() as once:
        write_features(encoder, captions.names, captions.paths, Path(once))
        return FeatureStore(Path(once))  # its memory maps outlive the folder's names


def pooled_photos(store: FeatureStore, names: Sequence[str]) -> Pooled:
    gathered = Images(store, "mean")
    rows = np.array([gathered.row(name) for name in names])
    both = gathered.inputs(rows, np.zeros_like(rows))
    own, mean = both.chunk(2, dim=1)
    return Pooled(own, own, mean)


def pooled_regions(encoder: RegionEncoder, folder: Path, wanted: Sequence[Wanted]) -> Pooled:
    """Features of the wanted boxes; those of a photo stand together in `wanted`."""
    groups = [(name, list(group)) for name, group in groupby(wanted, lambda one: one.photo)]
    own, whole, mean = [], [], []
    for start in tqdm(range(0, len(groups), BATCH), "photos", unit="batch", mininterval=5):
        chunk = groups[start : start + BATCH]
        pixels = [read_photo(folder / name).pixels for name, _ in chunk]
        boxes = [np.stack([one.box for one in group]) for _, group in chunk]
        for regions, features in encoder.encode_boxes(pixels, boxes):
            own.append(features)
            whole.append(np.tile(regions.features[:1], (len(features), 1)))
            mean.append(np.tile(regions.features.mean(axis=0), (len(features), 1)))
    return Pooled(*(torch.from_numpy(np.concatenate(part)) for part in (own, whole, mean)))


def spoken_by(captioner: TrainedCaptioner, inputs: Tensor, decoding: Decoding) -> dict[Key, str]:
    """The best sentence of each image."""
    texts: dict[Key, str] = {}
    inputs = inputs.to(captioner.model.image_mean.device)
    for start in range(0, len(inputs), 100):
        for one in search(captioner.model, inputs[start : start + 100], decoding):
            texts[len(texts)] = captioner.text(one[0].words)
    return texts


def nearest_photos(pooled: Pooled, train: Pooled, sentences: Sequence[str]) -> dict[Key, str]:
    """The sentence of the training photo whose feature is nearest."""
    mean, scale = train.own.mean(dim=0), train.own.std(dim=0).clamp_min(1e-6)
    distances = torch.cdist((pooled.own - mean) / scale, (train.own - mean) / scale)
    return {key: sentences[row] for key, row in enumerate(distances.argmin(dim=1).tolist())}


@torch.inference_mode()
def ranked_snippets(
    model: AlignmentModel, vocabulary: Vocabulary, pooled: Pooled, texts: Iterable[str]
) -> dict[Key, str]:
    """The snippet with the highest score for each region."""
    read = {text: ids for text in texts if any(ids := vocabulary.ids(tokenise(text)))}
    unique = sorted(read)
    regions = model.embed_regions(pooled.own)[:, None]  # each as a photo that has no other
    present = torch.ones(regions.shape[:2], dtype=torch.bool)
    best = torch.full((len(regions),), float("-inf"))
    chosen = torch.zeros(len(regions), dtype=torch.int64)
    for start in range(0, len(unique), 4096):
        chunk = unique[start : start + 4096]
        packed, lengths, known, sentence_of = pack_sentences([read[text] for text in chunk])
        words = model.embed_words(packed, lengths)
        scores = score_matrix(
            model.config.scoring, regions, present, words, known, sentence_of, len(chunk)
        )
        found, place = scores.max(dim=1)
        better = found > best
        best, chosen = torch.where(better, found, best), torch.where(better, place + start, chosen)
    return {key: unique[row] for key, row in enumerate(chosen.tolist())}
