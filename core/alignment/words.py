"""Words that training never saw, read through words that it did.

The paper takes fixed word2vec vectors under a learnt projection (Eq. 2). Here a word of the
training sentences has a vector of its own, which says more than a table can; a word that only the
table knows is a mixture of those, weighted by how near the two are in the table under a learnt
metric, and a learnt projection of its table vector beside it:

    x_w = sum_k a_wk x_k + P g_w,   a_w = softmax_k(c cos(M g_w, M g_k) + b_k)

over the words k with a vector of their own; b_k grows with how often k was seen. In training some
words of each batch are hidden and read so too, through the others: M, P and c learn from them. Of
words left out of training altogether, vectors so found have a cosine of 0.45 to those learnt (after
the mean is taken off); a linear projection alone reached 0.32.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.language.vocabulary import UNKNOWN

NEIGHBOURS = 3
"""Words that a page names for one that was read through others."""
_COUNT_WEIGHT = 0.25  # of the logarithm of a word's count, in b


class ReadWords(nn.Embedding):
    """Word ids -> vectors. Ids: 0 unknown, 1..V-1 words with a vector of their own, from V on words
    of the table alone.

    `weight` (V, D) are the vectors of one's own. `table` (V + N, T) holds the table's vectors at
    length 1, zero for words that are not in it; it does not travel with the weights (`know`).
    """

    table: Tensor
    prior: Tensor

    def __init__(self, own: int, others: int, dimension: int, table: int, metric: int) -> None:
        """own: V; others: N words of the table alone; table: T; metric: rows of M."""
        super().__init__(own, dimension)
        self.metric = nn.Linear(table, metric, bias=False)
        nn.init.orthogonal_(self.metric.weight)
        self.log_scale = nn.Parameter(torch.tensor(math.log(10.0)))
        self.projection = nn.Linear(table, dimension, bias=False)
        nn.init.zeros_(self.projection.weight)
        self.register_buffer("prior", torch.zeros(own))
        self.register_buffer("table", torch.zeros(own + others, table), persistent=False)
        self.hidden_share = 0.0
        """Of the words with vectors of their own that a training batch reads through others."""

    def know(self, vectors: Tensor) -> None:
        """vectors (V + N, T) of all words in the order of their ids, zeros where there is none."""
        self.table.copy_(F.normalize(vectors, dim=-1))

    def count(self, counts: Tensor) -> None:
        """counts (V,): how often each word with a vector of its own was seen; of id 0 anything."""
        self.prior.copy_(_COUNT_WEIGHT * counts.clamp_min(1).log())

    def attention(self, ids: Tensor, hidden: Tensor | None = None) -> Tensor:
        """(U,) ids of words in the table -> (U, V) a; 0 for the word itself and hidden ones."""
        own = self.table[: self.num_embeddings]
        asked = F.normalize(self.metric(self.table[ids]), dim=-1)
        near = asked @ F.normalize(self.metric(own), dim=-1).T
        scores = near * self.log_scale.exp() + self.prior
        away = ~own.any(dim=-1) | (ids[:, None] == torch.arange(len(own), device=ids.device))
        if hidden is not None:
            away = away | hidden
        shares: Tensor = scores.masked_fill(away, float("-inf")).softmax(dim=-1)
        return shares

    def through(self, ids: Tensor, hidden: Tensor | None = None) -> Tensor:
        """(U,) ids of words in the table -> (U, D) their vectors as read through others."""
        mixed = self.attention(ids, hidden) @ self.weight
        read: Tensor = mixed + self.projection(self.table[ids])
        return read

    def forward(self, ids: Tensor) -> Tensor:
        own = ids < self.num_embeddings
        place = torch.where(own, ids, UNKNOWN)
        vectors = super().forward(place)
        read, hidden = ~own, None
        if self.training and self.hidden_share:
            # A word is hidden in the whole batch, or its own vector would give it away elsewhere.
            hidden = torch.rand(self.num_embeddings, device=ids.device) < self.hidden_share
            hidden[UNKNOWN] = False
            read = read | (hidden[place] & self.table[ids].any(dim=-1))
        if read.any():
            words, place = torch.unique(ids[read], return_inverse=True)
            vectors = vectors.masked_scatter(
                read[..., None], self.through(words, hidden)[place].to(vectors.dtype)
            )
        return vectors

    @torch.no_grad()
    def read_as(self, word: int) -> list[int]:
        """The id of a word that only the table knows -> the words with vectors of their own that
        count most in its vector, most first; of any other word none."""
        if word < self.num_embeddings:
            return []
        near = self.attention(torch.tensor([word], device=self.table.device))[0]
        return [int(i) for i in near.topk(min(NEIGHBOURS, len(near) - 1)).indices]
