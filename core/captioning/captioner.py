"""Captioners: an image's vector -> a sentence, word by word, around one of the recurrences.

Letters: B images (or captions), W words of all captions together, each caption's END included; D an
image's input, w a word vector, m what the output layer reads, V what it chooses from.

Word ids are those of `core.language.vocabulary.Vocabulary`, and one more, `boundary`: START where
it is read, END where it is written. The unknown word (id 0) is a word like any other here: it is
learnt, counts in perplexity, and is never spoken (`core.captioning.beam` leaves it out).

Captions travel packed, time step by time step: first the first words of all, then the second words
of those that have one. No padding is ever multiplied, and everything that does not wait for the
recurrence (input projections, multimodal layer, output layer) is one product for all steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.captioning.recurrences import CaptionerConfig, State, member_of
from core.language.vocabulary import Vocabulary


@dataclass(frozen=True)
class Packed:
    """B captions, packed by time step; rows are sorted from the longest caption to the shortest.

    inputs, targets  (W,) the word read at a step, and the word to be written there
    sizes            captions that are still going on at each step; they sum to W
    rows             (W,) which sorted row a packed word belongs to
    order            (B,) which caption of the list a sorted row is
    """

    inputs: Tensor
    targets: Tensor
    sizes: list[int]
    rows: Tensor
    order: Tensor

    def to(self, device: torch.device) -> Packed:
        """The same on a device."""
        return Packed(
            self.inputs.to(device),
            self.targets.to(device),
            self.sizes,
            self.rows.to(device),
            self.order.to(device),
        )


def pack_captions(captions: Sequence[Sequence[int]], boundary: int) -> Packed:
    """Word ids of B captions, B >= 1, without START and END (an empty one is only END)."""
    order = sorted(range(len(captions)), key=lambda row: -len(captions[row]))
    steps = len(captions[order[0]]) + 1
    lengths = torch.tensor([len(captions[row]) + 1 for row in order])
    table = torch.full((len(order), steps + 1), boundary)
    for place, row in enumerate(order):
        table[place, 1 : len(captions[row]) + 1] = torch.tensor(captions[row], dtype=torch.int64)
    inside = torch.arange(steps)[:, None] < lengths  # (T, B)
    return Packed(
        inputs=table[:, :-1].T[inside],
        targets=table[:, 1:].T[inside],
        sizes=inside.sum(dim=1).tolist(),
        rows=torch.arange(len(order)).expand(steps, -1)[inside],
        order=torch.tensor(order),
    )


class Captioner(nn.Module):
    """Words in, words out, around one of the members."""

    image_mean: Tensor
    image_scale: Tensor

    def __init__(self, config: CaptionerConfig) -> None:
        super().__init__()
        self.config = config
        V = config.vocabulary_size + 1
        # As in the alignment model: statistics of training images, which travel with the weights.
        self.register_buffer("image_mean", torch.zeros(config.image_dimension))
        self.register_buffer("image_scale", torch.ones(config.image_dimension))
        self.word_vectors = nn.Embedding(V, config.word_dimension)
        nn.init.normal_(self.word_vectors.weight, std=0.1)
        self.member = member_of(config)
        width = self.member.width
        self.projection = nn.Linear(width, config.word_dimension) if config.tied else None
        self.output = None if config.tied else nn.Linear(width, V, bias=False)
        self.output_bias = nn.Parameter(torch.zeros(V))
        self.dropout = nn.Dropout(config.dropout)

    def fit_images(self, images: Tensor) -> None:
        """(n, D) training inputs -> their standardisation."""
        self.image_mean.copy_(images.mean(dim=0))
        self.image_scale.copy_(images.std(dim=0).clamp_min(1e-6))

    def fit_words(self, targets: Tensor) -> None:
        """(W,) all words to be written -> the output bias at their log frequency, as the paper."""
        counts = torch.bincount(targets, minlength=len(self.output_bias)).float()
        with torch.no_grad():
            self.output_bias.copy_(((counts + 1) / (counts + 1).sum()).log())

    def standard(self, images: Tensor) -> Tensor:
        """(B, D) -> (B, D) at mean 0 and deviation 1 over the training images."""
        return (images - self.image_mean) / self.image_scale

    def begin(self, images: Tensor) -> State:
        """(B, D) image inputs (`image_inputs`) -> the state before START is read."""
        return self.member.begin(self.dropout(self.standard(images)))

    def step(self, state: State, words: Tensor) -> tuple[State, Tensor]:
        """Read (B,) word ids, START first -> the next state, (B, V) log-probabilities."""
        vectors = self.word_vectors(words)
        state = self.member.advance(self.member.read(vectors, words), state)
        return state, self.logits(self.member.readout(vectors, state)).log_softmax(dim=1)

    def logits(self, readout: Tensor) -> Tensor:
        """(W, m) -> (W, V) scores of the next word (Eq. 15 before its softmax)."""
        if self.projection is not None:
            return F.linear(self.projection(readout), self.word_vectors.weight, self.output_bias)
        return F.linear(readout, cast(nn.Linear, self.output).weight, self.output_bias)

    def states(self, images: Tensor, packed: Packed) -> tuple[Tensor, State]:
        """Run the recurrence over packed captions -> (W, w) word vectors, states of W rows.

        images (B, D), row b for caption b of the list that was packed.
        """
        vectors = self.dropout(self.word_vectors(packed.inputs))
        brought = self.member.read(vectors, packed.inputs)
        state = self.begin(images[packed.order])
        passed = []
        for words in torch.split(brought, packed.sizes):
            if len(words) < len(state[0]):
                state = tuple(part[: len(words)] for part in state)
            state = self.member.advance(words, state)
            passed.append(state)
        return vectors, tuple(torch.cat(parts) for parts in zip(*passed, strict=True))

    def forward(self, images: Tensor, packed: Packed) -> Tensor:
        """Teacher forcing: (B, D) images and their captions -> (W, V) logits of packed.targets."""
        vectors, states = self.states(images, packed)
        return self.logits(self.dropout(self.member.readout(vectors, states)))


def image_inputs(
    features: Tensor, whole: Tensor, mean: Tensor, context: Literal["none", "whole", "mean"]
) -> Tensor:
    """(B, F) features, and of each one's photo (B, F) the whole image's and the regions' mean
    -> (B, D) inputs of a captioner with that context."""
    if context == "none":
        return features
    return torch.cat((features, whole if context == "whole" else mean), dim=-1)


@dataclass(frozen=True)
class TrainedCaptioner:
    """A captioner and the words it speaks."""

    model: Captioner
    vocabulary: Vocabulary

    def inputs(self, own: Tensor, whole: Tensor, mean: Tensor) -> Tensor:
        """(B, F) features and their photos', as for `image_inputs`, of an encoder that gives as
        many numbers as the captioner learnt from or more, of which it reads the first."""
        config = self.model.config
        first = slice(config.feature_dimension)
        return image_inputs(own[:, first], whole[:, first], mean[:, first], config.context)

    def text(self, words: Sequence[int]) -> str:
        """Word ids, no START or END -> the sentence."""
        return " ".join(self.vocabulary.words[word - 1] for word in words)
