"""How alignment models are trained: the knobs, and named settings of them.

"shipped" made the bundled checkpoint. "paper" is the paper's own. "baseline" and the others, which
each change one thing of it, are the rows of `python -m train table alignment`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from train.data import DataError
from train.options import check_numbers


@dataclass(frozen=True)
class AlignRecipe:
    """How an alignment model is trained. The defaults are the baseline's."""

    epochs: int = 12
    """Passes over the sentences: a photo comes as often as it takes to bring all of its own."""
    batch: int = 128
    """Photos in a step, of all processes together."""
    sentences: int = 1
    """Sentences of each photo in a step. Where photos are dear (--train-encoder), all five."""
    regions: Literal["all", "image"] = "all"
    """"image": only the whole image, the baseline of the paper's regions."""
    loss: Literal["softmax", "margin", "hard"] = "softmax"
    """Symmetric softmax over the batch, Eq. 9's max-margin sum, or only its hardest terms."""
    temperature: float = 0.05
    """Of the softmax; scores of the product kind, which set their own scale, want 1."""
    margin: float = 1.0
    """Eq. 9's; scores of the cosine kind want 0.2."""
    hard_after: int = 1
    """Epochs of the whole sum before only the hardest negatives count: from the start on they
    collapse everything into one point."""
    fragments: float = 0.0
    """Weight of DeFrag's multiple-instance objective beside the loss."""
    optimiser: Literal["adam", "sgd", "rmsprop"] = "adam"
    """adam, sgd (with momentum 0.9, the paper's) or rmsprop."""
    rate: float = 1e-3
    """Of the alignment model, at its highest."""
    encoder_rate: float = 5e-4
    """Of the region network, with --train-encoder: relative to each tensor's own size. Folding
    BatchNorm left tensors whose sizes differ a thousandfold; one Adam rate for all (1e-4) tripled
    the loss within 40 steps."""
    weight_decay: float = 1e-4
    """Of all weights."""
    warm_up: int = 100
    """Steps over which the rates rise, before they fall along half a cosine."""
    proposal_weight: float = 0.3
    """Of the proposal losses beside the alignment's, with --train-encoder."""
    word_dropout: float = 0.0
    """Share of a sentence's words that are read as unknown while training."""
    region_dropout: float = 0.0
    """Share of a photo's regions, the whole image among them, that are hidden in a step: words then
    learn more of a thing than its most telling part."""
    patience: int = 0
    """Epochs without a better dev sum of recalls after which training stops; 0 for never."""
    seed: int = 1
    """Of everything drawn at random."""

    def __post_init__(self) -> None:
        check_numbers(self)
        for name, allowed in (
            ("regions", ("all", "image")),
            ("loss", ("softmax", "margin", "hard")),
            ("optimiser", ("adam", "sgd", "rmsprop")),
        ):
            value = getattr(self, name)
            if value not in allowed:
                raise DataError(f"{name} is '{value}'; expected one of {', '.join(allowed)}")
        if self.loss != "softmax" and self.sentences != 1:
            raise DataError(
                f"sentences is {self.sentences}; the {self.loss} loss (Eq. 9) expects 1"
            )


@dataclass(frozen=True)
class NamedRecipe:
    """A named recipe: what it is for, what it changes of AlignRecipe and of AlignmentConfig."""

    text: str
    training: Mapping[str, Any] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=dict)


RECIPES: dict[str, NamedRecipe] = {
    "shipped": NamedRecipe(
        "words weighted by their lengths, larger batches, hidden regions",
        {"batch": 256, "region_dropout": 0.3},
        {"similarity": "weighted"},
    ),
    "baseline": NamedRecipe("Eq. 8, BRNN, cosine, softmax over the batch"),
    "weighted": NamedRecipe("words weighted by their lengths", {}, {"similarity": "weighted"}),
    "defrag": NamedRecipe(
        "Eq. 7 with DeFrag's multiple instances, single words",
        {"fragments": 1.0},
        {"context": "word", "score": "sum"},
    ),
    "words": NamedRecipe("Eq. 8 on single words", {}, {"context": "word"}),
    "bigrams": NamedRecipe("Eq. 8 on bigrams", {}, {"context": "bigram"}),
    "image": NamedRecipe("the whole image only", {"regions": "image"}),
    "image-weighted": NamedRecipe(
        "the whole image only, words weighted", {"regions": "image"}, {"similarity": "weighted"}
    ),
    "gru": NamedRecipe("GRU for the BRNN", {}, {"context": "gru"}),
    "product": NamedRecipe(
        "raw inner products for cosines", {"temperature": 1.0}, {"similarity": "product"}
    ),
    "margin": NamedRecipe("Eq. 9 for the softmax", {"loss": "margin", "margin": 0.2}),
    "hard": NamedRecipe("hardest negatives", {"loss": "hard", "margin": 0.2}),
    "paper": NamedRecipe(
        "the paper's: Eq. 9, SGD, raw products",
        {
            "loss": "margin",
            "margin": 1.0,
            "optimiser": "sgd",
            "rate": 1e-3,
            "batch": 100,
            "epochs": 15,
            "weight_decay": 1e-5,
        },
        {
            "similarity": "product",
            "word_dimension": 300,
            "hidden_dimension": 500,
            "common_dimension": 1000,
            "dropout": 0.5,
        },
    ),
}
