"""How surely a photo shows what a word says: its score here against its scores elsewhere.

A score alone says little: "person" scores higher on a photo without one than "snow" on snow. So of
each word with a vector of its own it is known how it scores on training photos: read alone, with
the best region that is shown of each photo, on average (`usual`) and among the best fiftieth of
them (`high`). From these and its score here comes a confidence

    p = sigmoid(a score + b usual + c high + d)

with four numbers for names of things, whose truth labels told, and four for all other words, of
which is known on which photos people's sentences say them. Both truths count alike however rare a
word is: 0.5 means that the photo speaks as much for it as against it. `train calibrate` learns all
of it; `least` is the confidence that nine tenths of the true words of a kind reach there.

A word that only the word table knows is judged by the numbers of the word that it is read through
most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

OTHER, THING = 0, 1
"""The kinds of words: columns of `weights` and `least`."""


@dataclass(frozen=True)
class Judge:
    """What a sentence's words are judged by: their vectors read alone (N, h), and of each the
    slope (N,) and the bias (N,) of its confidence, the least one (N,) of what is seen, and whether
    it is a name of things (N,)."""

    vectors: np.ndarray
    slope: np.ndarray
    bias: np.ndarray
    least: np.ndarray
    things: np.ndarray

    def confidence(self, best: np.ndarray) -> np.ndarray:
        """(N,) the best score of each word, read alone, among a photo's regions -> (N,) in (0, 1),
        to be compared with `least`."""
        odds = np.clip(self.slope * best + self.bias, -50, 50)
        found: np.ndarray = 1.0 / (1.0 + np.exp(-odds))
        return found


class Evidence(nn.Module):
    """The numbers of all words with a vector of their own, by id (V of them, 0 unused)."""

    usual: Tensor
    high: Tensor
    thing: Tensor
    weights: Tensor
    least: Tensor

    def __init__(self, words: int) -> None:
        """words: V. Before anything is learnt, every word has the confidence 0.5, which is seen."""
        super().__init__()
        self.register_buffer("usual", torch.zeros(words))
        self.register_buffer("high", torch.zeros(words))
        self.register_buffer("thing", torch.zeros(words))
        """1 for a name of things, 0 for another word."""
        self.register_buffer("weights", torch.zeros(2, 4))
        """a, b, c and d of other words and of things."""
        self.register_buffer("least", torch.full((2,), 0.5))

    def judge(self, vectors: np.ndarray, ids: Sequence[int]) -> Judge:
        """The vectors (N, h) of words read alone and the ids (N,) of those whose numbers judge
        them."""
        rows = torch.as_tensor(list(ids), dtype=torch.int64)
        kind = (self.thing[rows] > 0.5).long()
        a, b, c, d = self.weights[kind].unbind(dim=1)
        bias = b * self.usual[rows] + c * self.high[rows] + d
        return Judge(
            vectors, a.numpy(), bias.numpy(), self.least[kind].numpy(), (kind == THING).numpy()
        )
