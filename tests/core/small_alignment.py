"""An alignment model small enough to work out by hand, with random weights."""

from __future__ import annotations

import torch

from core.alignment.model import AlignmentConfig, AlignmentModel


def config(**changes: object) -> AlignmentConfig:
    values: dict[str, object] = {
        "region_dimension": 5, "vocabulary_size": 9, "word_dimension": 3, "hidden_dimension": 4,
        "common_dimension": 6, "dropout": 0.0, "similarity": "product",
    }  # fmt: skip
    return AlignmentConfig(**{**values, **changes})  # type: ignore[arg-type]


def model(**changes: object) -> AlignmentModel:
    torch.manual_seed(0)
    return AlignmentModel(config(**changes)).eval()
