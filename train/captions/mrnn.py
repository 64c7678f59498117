"""`python -m train evaluate mrnn`: retrieval by a captioner's probabilities (Mao et al., Table 3).

search       photos for a sentence, by its perplexity given each photo
annotation   sentences for a photo, by P(w|I) / P(w); P(w) is the mean of P(w|I) over --sample
             training photos
Made for the m-RNN, whose recurrence does not see the photo; other members take hours instead of
minutes.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.alignment.ranking import ranks, recall
from core.captioning.metrics import perplexity
from core.captioning.retrieval import log_prior, log_probability_table
from core.language.vocabulary import tokenise
from train.captions.data import Images, photo_texts
from train.captions.evaluation import (
    PhotoEvaluation,
    add_photo_arguments,
    captioner_of,
    encoder_of,
)
from train.captions.systems import photo_features
from train.captions.training import CaptionData, log_probabilities
from train.data import DataError, read_captions
from train.features import FeatureStore
from train.recall_curves import curves, plot, svg_name


@dataclass(frozen=True)
class MrnnEvaluation(PhotoEvaluation):
    """What is retrieved, and the training photos that P(w) is measured on."""

    train_features: Path = Path()
    sample: int = 100
    """How many of them."""
    curve: Path | None = None
    """An SVG of recall over the share of the set, as Fig. 3 of Mao et al."""


def evaluate_mrnn(
    options: MrnnEvaluation, device: torch.device = torch.device("cpu")
) -> dict[str, Any]:
    """The figures, JSON-ready."""
    if options.curve is not None:
        svg_name(options.curve)
    captions = read_captions(
        options.data, options.split, options.images, options.captions, options.sentences
    )
    train_store = FeatureStore(options.train_features)
    encoder = encoder_of(options, device)
    train_store.must_be_of(encoder.name, encoder.dimension, "--checkpoint")
    captioner = captioner_of(options, "image", device)
    model = captioner.model
    stored = photo_features(encoder, captions, options.features)
    captions = stored.readable(captions)
    here = Images.of_captioner(stored, model.config)
    train = Images.of_captioner(train_store, model.config)
    if not 1 <= options.sample <= len(train.rows):
        raise DataError(
            f"sample is {options.sample}; expected 1 to the {len(train.rows)} training photos"
        )
    drawn = np.random.default_rng(0).permutation(len(train.rows))[: options.sample]
    read = [
        (photo, captioner.vocabulary.ids(tokenise(sentence)))
        for photo, group in enumerate(captions.sentences)
        for sentence in group
    ]
    said = [(photo, ids) for photo, ids in read if ids]
    photo_of, sentences = np.array([p for p, _ in said]), [ids for _, ids in said]
    started = time.monotonic()
    prior = log_prior(
        log_probability_table(
            model, train.inputs(drawn, np.zeros_like(drawn)).to(device), sentences
        )
    )
    photos = here.of([(name, 0) for name in captions.names]).to(device)
    table = log_probability_table(model, photos, sentences)
    seconds = time.monotonic() - started
    # A sentence's prior is the same for all photos: it changes annotation only.
    annotation, search = ranks((table - prior).cpu().numpy(), photo_of)
    further: dict[str, Any] = {}
    if options.curve is not None:
        further = {"curve": curves((annotation, search))}
        options.curve.write_text(plot(further["curve"]), encoding="utf-8")
    material = CaptionData(photo_texts(captions), here, captioner.vocabulary)
    return {
        "model": model.config.kind,
        "images": len(captions),
        "sentences": len(sentences),
        "perplexity": round(perplexity(log_probabilities(model, material)), 3),
        "prior_sample": options.sample,
        "annotation": {k: round(v, 2) for k, v in asdict(recall(annotation)).items()},
        "search": {k: round(v, 2) for k, v in asdict(recall(search)).items()},
        **further,
        "seconds": round(seconds, 1),
    }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `evaluate mrnn`, beside those that every kind has."""
    add_photo_arguments(parser)
    parser.add_argument("--train-features", type=Path, required=True, help="for P(w)")
    parser.add_argument(
        "--curve", type=Path, metavar="PLOT.svg", help="recall over the share of the set"
    )
    parser.add_argument("--sample", type=int, default=100, help="training photos for P(w) (100)")
