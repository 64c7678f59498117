"""The alignment model: regions and words in one space (Eq. 1-9 of the paper).

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

from core.configuration import check_bounds, check_choices
from core.language.vocabulary import UNKNOWN

CONTEXTS = ("brnn", "gru", "bigram", "word")
SIMILARITIES = ("product", "cosine", "weighted")
SCORES = ("max", "sum")


@dataclass(frozen=True)
class AlignmentConfig:
    """Sizes and choices of an alignment model."""

    region_dimension: int
    """D: what the region encoder gives."""
    vocabulary_size: int
    """Ids in all, the unknown word included."""
    word_dimension: int = 200
    """Word vectors: 300 in the paper, from word2vec. Learnt here, and smaller for the file."""
    hidden_dimension: int = 400
    """e, the BRNN's hidden size (300-600 in the paper)."""
    common_dimension: int = 512
    """h, the space of regions and words (1000-1600 in the paper)."""
    context: Literal["brnn", "gru", "bigram", "word"] = "brnn"
    """What a word's vector knows of its sentence: all (BRNN or GRU), the word before, nothing."""
    similarity: Literal["product", "cosine", "weighted"] = "cosine"
    score: Literal["max", "sum"] = "max"
    """Of a word with a photo: its best region (Eq. 8), or all it agrees with (Eq. 7, DeFrag)."""
    dropout: float = 0.2
    """Of region features, word vectors and the BRNN's output; never inside the recurrence."""

    def __post_init__(self) -> None:
        check_choices(self, context=CONTEXTS, similarity=SIMILARITIES, score=SCORES)
        sizes = ("region_dimension", "word_dimension", "hidden_dimension", "common_dimension")
        check_bounds(self, **dict.fromkeys(sizes, (1, 65_536)))
        check_bounds(self, vocabulary_size=(1, 10_000_000), dropout=(0, 1))


class SentenceEncoder(nn.Module):
    """Words without context: x_t = W_w 1_t (2), e_t = f(W_e x_t + b_e) (3), and from what a
    subclass makes of the e_t of a sentence, s_t = f(W_d (...) + b_d) (6). f is ReLU."""

    def __init__(self, config: AlignmentConfig) -> None:
        super().__init__()
        self.word_vectors = nn.Embedding(config.vocabulary_size, config.word_dimension)
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
    """Regions (Eq. 1) and words (Eq. 2-6) embedded in one space, and their scores (Eq. 8)."""

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

    def photo_sentence_scores(
        self,
        regions: Tensor,
        present: Tensor,
        words: Tensor,
        known: Tensor,
        sentence_of: Tensor,
        count: int,
    ) -> Tensor:
        """S_kl of Eq. 8: each word takes its best region, a sentence sums its words. (With
        score "sum", Eq. 7: each word takes all regions it agrees with.)

        regions (K, R, h), present (K, R) bool (False for padding), words (W, h), known (W,) bool
        (unknown words do not vote), sentence_of (W,) int64 in 0..count-1 -> (K, count).
        """
        scores = self.word_region_scores(regions, present, words)
        return self.sentence_scores(scores, present, known, sentence_of, count)

    def word_region_scores(self, regions: Tensor, present: Tensor, words: Tensor) -> Tensor:
        """v . s of every word with every region -> (W, K, R); -inf where no region is present."""
        K, R, h = regions.shape
        scores = (words @ regions.reshape(K * R, h).T).view(-1, K, R)
        return scores.masked_fill(~present, float("-inf"))

    def sentence_scores(
        self, scores: Tensor, present: Tensor, known: Tensor, sentence_of: Tensor, count: int
    ) -> Tensor:
        """Word-region scores (W, K, R) -> S_kl (K, count) by Eq. 8, or Eq. 7."""
        if self.config.score == "max":
            best = scores.max(dim=2).values  # (W, K)
        else:
            best = scores.clamp_min(0.0).sum(dim=2)
        best = best * known[:, None]
        summed = best.new_zeros(count, best.shape[1]).index_add(0, sentence_of, best)
        if self.config.similarity != "product":
            votes = best.new_zeros(count).index_add(0, sentence_of, known.to(best.dtype))
            summed = summed / votes.clamp_min(1.0)[:, None]
            if self.config.score == "sum":  # keeps cosines a mean, over the regions as well
                summed = summed / present.sum(dim=1).clamp_min(1)
        return summed.T


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


def max_margin_loss(scores: Tensor, margin: float = 1.0, hardest: bool = False) -> Tensor:
    """Eq. 9 on (K, K) scores whose diagonal holds the true pairs; the sum of both directions.

    sum_k [ sum_l max(0, S_kl - S_kk + margin) + sum_l max(0, S_lk - S_kk + margin) ], without the
    terms l = k, which are the constant `margin`. hardest: only the largest term of each inner sum
    (VSE++, Faghri et al. 2018), which collapses unless a model already knows something.
    """
    true = scores.diagonal()
    same = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    sentences = F.relu(scores - true[:, None] + margin).masked_fill(same, 0.0)
    photos = F.relu(scores - true[None, :] + margin).masked_fill(same, 0.0)
    if hardest:
        return sentences.amax(dim=1).sum() + photos.amax(dim=0).sum()
    return sentences.sum() + photos.sum()


def fragment_loss(scores: Tensor, present: Tensor, known: Tensor, photo_of_word: Tensor) -> Tensor:
    """DeFrag's fragment objective with multiple instances (Karpathy, Joulin & Fei-Fei 2014, Eq. 5).

    scores (W, K, R) of words and regions; photo_of_word (W,) each word's own photo. Every region
    of another photo is a negative (y = -1). Of its own photo's, those it already agrees with are
    positives and the best one always is: the paper's alternation between y and the weights.
    sum max(0, 1 - y v.s), positives and negatives each averaged, so that the few count as much.
    """
    K = scores.shape[1]
    here = present & known[:, None, None]  # (W, K, R)
    own = photo_of_word[:, None] == torch.arange(K, device=scores.device)  # (W, K)
    best = scores == scores.amax(dim=2, keepdim=True)
    positive = own[:, :, None] & here & ((scores > 0) | best)
    finite = scores.masked_fill(~here, 0.0)
    towards = F.relu(1.0 - finite)[positive].mean()
    away = F.relu(1.0 + finite)[here & ~positive].mean()
    return towards + away


def softmax_loss(scores: Tensor, photo_of: Tensor, temperature: float = 0.05) -> Tensor:
    """Symmetric cross-entropy over a batch (not in the paper, which uses Eq. 9).

    scores (K, L); photo_of (L,) the true photo of each sentence. Each sentence must find its photo
    among all photos; each photo must find each of its sentences among all the others' sentences
    (its own other sentences are true as well: they do not compete).
    """
    K, L = scores.shape
    logits = scores / temperature
    to_photo = F.cross_entropy(logits.T, photo_of)
    own = F.one_hot(photo_of, K).T.bool()  # (K, L)
    rivals = logits.masked_fill(own, float("-inf")).logsumexp(dim=1)[photo_of]
    true = logits[photo_of, torch.arange(L, device=scores.device)]
    to_sentence = F.softplus(rivals - true).mean()
    return (to_photo + to_sentence) / 2
