"""The alignment model: regions and words in one space (Eq. 1-6 of the paper). What compares them is
in scoring.py (Eq. 7, 8), what teaches them in losses.py (Eq. 9).

Letters: K photos, R regions of each, D their features; L sentences, W words of all sentences
together; h the common space ("multimodal" in the paper), e the BRNN's hidden size.

Words travel packed: the (W, h) vectors of every sentence one after the other, with sentence_of
(W,) telling whose they are. Scoring is one product of all words with all regions, a maximum and a
segment sum; no padding is ever multiplied.

Three similarities:
  "product"   the paper's raw inner product: Eq. 8 as it stands. Lengths mean something (6.1: a
              word with a short vector hardly counts), scales are free, training is slow.
  "cosine"    regions and words at length 1, and the sum of Eq. 8 divided by the number of words, so
              that a score lies in [-1, 1]. Trains many times faster.
  "weighted"  regions at length 1; words keep their lengths relative to their sentence, whose mean
              length is 1. A sentence's score is then the mean of its words' cosines weighted by
              their lengths: as fast as "cosine", and a word can say how much it matters.
The last two depart from the paper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from core.alignment.scoring import SCORES, Scoring, Vote
from core.alignment.words import ReadWords
from core.configuration import check_bounds, check_choices
from core.language.vocabulary import UNKNOWN

CONTEXTS = ("brnn", "gru", "bigram", "word")
SIMILARITIES = ("product", "cosine", "weighted")


@dataclass(frozen=True)
class AlignmentConfig:
    """Sizes and choices of an alignment model."""

    region_dimension: int
    """D: what the region encoder gives."""
    vocabulary_size: int
    """Ids in all of words with vectors of their own, the unknown word included."""
    word_dimension: int = 200
    """Word vectors: 300 in the paper, from word2vec. Learnt here, and smaller for the file."""
    hidden_dimension: int = 400
    """e, the BRNN's hidden size (300-600 in the paper)."""
    common_dimension: int = 512
    """h, the space of regions and words (1000-1600 in the paper)."""
    context: Literal["brnn", "gru", "bigram", "word"] = "brnn"
    """What a word's vector knows of its sentence: all (BRNN or GRU), the word before, nothing."""
    similarity: Literal["product", "cosine", "weighted"] = "cosine"
    """Of a word with a region: the raw product, the cosine, or that weighted by word lengths."""
    score: Vote = "max"
    """Of a word with a photo: its best region (Eq. 8), or all it agrees with (Eq. 7, DeFrag)."""
    table_words: int = 0
    """Words that are read through others by a word table (`core.alignment.words`)."""
    table_dimension: int = 0
    """Numbers of a vector of that table; 0 for a model without one, which knows no other word."""
    metric_dimension: int = 64
    """Of the learnt metric by which words are near in the table: fewer numbers than the table's 100
    make it choose."""
    dropout: float = 0.2
    """Of region features, word vectors and the BRNN's output; never inside the recurrence."""

    def __post_init__(self) -> None:
        check_choices(self, context=CONTEXTS, similarity=SIMILARITIES, score=SCORES)
        sizes = ("region_dimension", "word_dimension", "hidden_dimension", "common_dimension")
        check_bounds(self, **dict.fromkeys(sizes, (1, 65_536)))
        check_bounds(self, vocabulary_size=(1, 10_000_000), dropout=(0, 1))
        check_bounds(
            self,
            table_words=(0, 10_000_000),
            table_dimension=(0, 65_536),
            metric_dimension=(1, 65_536),
        )

    @property
    def scoring(self) -> Scoring:
        """How photos and sentences are scored (Eq. 7 or 8; means where products are cosines)."""
        return Scoring(self.score, means=self.similarity != "product")


class SentenceEncoder(nn.Module):
    """Words without context: x_t = W_w 1_t (2), e_t = f(W_e x_t + b_e) (3), and from what a
    subclass makes of the e_t of a sentence, s_t = f(W_d (...) + b_d) (6). f is ReLU."""

    def __init__(self, config: AlignmentConfig) -> None:
        super().__init__()
        self.word_vectors: nn.Embedding = (
            ReadWords(
                config.vocabulary_size,
                config.table_words,
                config.word_dimension,
                config.table_dimension,
                config.metric_dimension,
            )
            if config.table_dimension
            else nn.Embedding(config.vocabulary_size, config.word_dimension)
        )
        self.input = nn.Linear(config.word_dimension, config.hidden_dimension)
        self.output = nn.Linear(config.hidden_dimension, config.common_dimension)
        self.dropout = nn.Dropout(config.dropout)
        nn.init.normal_(self.word_vectors.weight, std=0.1)

    def in_context(self, e: Tensor, lengths: Tensor) -> Tensor:
        """(L, T, e) e_t, (L,) lengths -> (L, T, e) what goes into Eq. 6."""
        return e

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """(L, T) int64 word ids, (L,) lengths in 1..T -> (W, h) packed s_t, W = lengths.sum()."""
        T = ids.shape[1]
        x = self.dropout(self.word_vectors(ids))
        e = F.relu(self.input(x))
        inside = torch.arange(T, device=ids.device) < lengths[:, None]  # (L, T)
        return F.relu(self.output(self.dropout(self.in_context(e, lengths)[inside])))


class Bigrams(SentenceEncoder):
    """A word and the one before it: f(e_t + W_p e_{t-1}) goes into Eq. 6."""

    def __init__(self, config: AlignmentConfig) -> None:
        super().__init__(config)
        self.previous = nn.Linear(config.hidden_dimension, config.hidden_dimension)

    def in_context(self, e: Tensor, lengths: Tensor) -> Tensor:
        before = F.pad(e[:, :-1], (0, 0, 1, 0))
        return F.relu(e + self.previous(before))


class BRNN(SentenceEncoder):
    """The paper's bidirectional recurrent network: hf_t + hb_t goes into Eq. 6.

    hf_t = f(e_t + W_f hf_{t-1} + b_f)               (4)
    hb_t = f(e_t + W_b hb_{t+1} + b_b)               (5)
    """

    def __init__(self, config: AlignmentConfig) -> None:
        super().__init__(config)
        e = config.hidden_dimension
        # Row 0 is the forward network (W_f, b_f), row 1 the backward one (W_b, b_b): both
        # directions take their step together, in one batched product.
        self.recurrent_weight = nn.Parameter(torch.stack([torch.eye(e) * 0.5] * 2))
        self.recurrent_bias = nn.Parameter(torch.zeros(2, 1, e))
        nn.init.normal_(self.recurrent_weight, mean=0.0, std=0.5 / e**0.5)

    def in_context(self, e: Tensor, lengths: Tensor) -> Tensor:
        L, T, _ = e.shape
        steps = torch.arange(T, device=e.device)
        inside = steps < lengths[:, None]  # (L, T)
        # Reverse each sentence within its own length; padding stays behind it.
        mirror = torch.where(inside, lengths[:, None] - 1 - steps, steps)
        gather = mirror[:, :, None].expand_as(e)
        both = torch.stack((e, e.gather(1, gather)))  # (2, L, T, e)
        hidden = both.new_zeros(2, L, e.shape[-1])
        states = []
        for t in range(T):
            # Cast: under autocast the product comes back in bfloat16, which would drift over T.
            step = torch.baddbmm(self.recurrent_bias, hidden, self.recurrent_weight)
            hidden = F.relu(both[:, :, t] + step.to(both.dtype))
            states.append(hidden)
        forward, backward = torch.stack(states, dim=2)  # (L, T, e) each
        summed: Tensor = forward + backward.gather(1, gather)
        return summed


class GRU(SentenceEncoder):
    """Gated units (Cho et al. 2014) in place of Eq. 4-5."""

    def __init__(self, config: AlignmentConfig) -> None:
        super().__init__(config)
        e = config.hidden_dimension
        self.gated = nn.GRU(e, e, batch_first=True, bidirectional=True)

    def in_context(self, e: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(e, lengths.cpu(), batch_first=True, enforce_sorted=False)
        both, _ = pad_packed_sequence(self.gated(packed)[0], batch_first=True)
        forward, backward = both.chunk(2, dim=-1)
        return forward + backward


ENCODERS = {"brnn": BRNN, "gru": GRU, "bigram": Bigrams, "word": SentenceEncoder}


class AlignmentModel(nn.Module):
    """Regions (Eq. 1) and words (Eq. 2-6) embedded in one space; `scoring` compares them."""

    feature_mean: Tensor
    feature_scale: Tensor

    def __init__(self, config: AlignmentConfig) -> None:
        super().__init__()
        self.config = config
        # Encoders differ in scale by orders of magnitude: features are standardised first, by
        # statistics of the training photos that travel with the weights (`fit_features`).
        self.register_buffer("feature_mean", torch.zeros(config.region_dimension))
        self.register_buffer("feature_scale", torch.ones(config.region_dimension))
        self.region_projection = nn.Linear(config.region_dimension, config.common_dimension)
        self.sentences: SentenceEncoder = ENCODERS[config.context](config)
        self.dropout = nn.Dropout(config.dropout)
        if config.similarity == "product":
            # Sums of raw products start in the hundreds otherwise, and the hinge never recovers.
            with torch.no_grad():
                self.region_projection.weight.mul_(0.1)
                self.sentences.output.weight.mul_(0.1)

    def fit_features(self, features: Tensor) -> None:
        """(n, D) features of training regions -> the standardisation of Eq. 1's input."""
        self.feature_mean.copy_(features.mean(dim=0))
        self.feature_scale.copy_(features.std(dim=0).clamp_min(1e-6))

    def embed_regions(self, features: Tensor) -> Tensor:
        """(..., D) region features -> (..., h) v = W_m CNN(I_b) + b_m (Eq. 1)."""
        standard = (features - self.feature_mean) / self.feature_scale
        v: Tensor = self.region_projection(self.dropout(standard))
        return v if self.config.similarity == "product" else F.normalize(v, dim=-1)

    def embed_words(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """(L, T) ids, (L,) lengths -> (W, h) packed word vectors s_t (Eq. 2-6)."""
        s: Tensor = self.sentences(ids, lengths)
        if self.config.similarity == "cosine":
            return F.normalize(s, dim=-1)
        if self.config.similarity == "weighted":
            L, T = ids.shape
            sentence_of = torch.repeat_interleave(torch.arange(L, device=ids.device), lengths)
            inside = torch.arange(T, device=ids.device) < lengths[:, None]
            known = (ids[inside] != UNKNOWN).to(s.dtype)  # unknown words do not vote
            length = s.norm(dim=-1) * known
            total = s.new_zeros(L).index_add(0, sentence_of, length)
            votes = s.new_zeros(L).index_add(0, sentence_of, known)
            mean = (total / votes.clamp_min(1.0)).clamp_min(1e-6)
            mean = torch.where(votes > 0, mean, 1.0)  # of unknown words alone, lengths stay
            return s / mean[sentence_of][:, None]
        return s


def pack_sentences(sentences: list[list[int]]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Word ids of L sentences, none empty -> ids (L, T) padded with 0, lengths (L,), and for the
    packed words known (W,) bool and sentence_of (W,)."""
    lengths = torch.tensor([len(s) for s in sentences])
    ids = torch.zeros(len(sentences), int(lengths.max()), dtype=torch.int64)
    for row, sentence in zip(ids, sentences, strict=True):
        row[: len(sentence)] = torch.tensor(sentence)
    sentence_of = torch.repeat_interleave(torch.arange(len(sentences)), lengths)
    known = torch.cat([row[:n] for row, n in zip(ids, lengths.tolist(), strict=True)]) != UNKNOWN
    return ids, lengths, known, sentence_of
