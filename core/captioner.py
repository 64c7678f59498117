"""Captioners: an image's vector -> a sentence, word by word (Eq. 13-15, and relatives).

One recurrence interface, five members:
  "rnn"        the paper's multimodal RNN: the image is a bias of the first step only
  "rnn-every"  the image is a bias of every step, which the paper found to be worse
  "lstm"       an LSTM that reads the image before the first word (6.5 of the paper's discussion)
  "mrnn"       Mao et al.'s m-RNN: word, recurrence and image meet in a multimodal layer
  "lm"         the m-RNN without its image: a plain language model, Mao's baseline

Letters: B images (or captions), T steps, W words of all captions together, each caption's END
included; D an image's input, w a word vector, h the hidden state, m what the output layer reads, V
what it chooses from.

Word ids are those of `core.text.Vocabulary`, and one more, `boundary`: START where it is read, END
where it is written. The unknown word (id 0) is a word like any other here: it is learnt, counts in
perplexity, and is never spoken (`core.beam` leaves it out).

Captions travel packed, time step by time step: first the first words of all, then the second words
of those that have one. No padding is ever multiplied, and everything that does not wait for the
recurrence (input projections, multimodal layer, output layer) is one product for all steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.text import Vocabulary

State = tuple[Tensor, ...]  # tensors of B rows; the first is the hidden state
Kind = Literal["rnn", "rnn-every", "lstm", "mrnn", "lm"]
KINDS = ("rnn", "rnn-every", "lstm", "mrnn", "lm")
CONTEXTS = ("none", "whole", "mean")
_CHOICES = {
    "kind": KINDS,
    "context": CONTEXTS,
    "embedding_layers": (1, 2),
    "words_into": ("both", "recurrence", "multimodal"),
    "image_into": ("multimodal", "recurrence", "both", "shared"),
}


@dataclass(frozen=True)
class CaptionerConfig:
    """Sizes and choices of a captioner."""

    feature_dimension: int
    """What the region encoder gives for a region."""
    vocabulary_size: int
    """Ids of the vocabulary, the unknown word included; `boundary` is the next one."""
    kind: Kind = "lstm"
    context: Literal["none", "whole", "mean"] = "none"
    """What stands beside a region's feature, in an input twice as wide: nothing, the whole photo's
    (6.4, for regions), or the mean of the photo's regions."""
    word_dimension: int = 256
    hidden_dimension: int = 512
    """The paper's; with word vectors of 256 and a tied output an LSTM stays under 8 MB."""
    multimodal_dimension: int = 512
    """Of "mrnn" and "lm"; Mao's is 512 too."""
    embedding_layers: Literal[1, 2] = 2
    """Of "mrnn" and "lm"; the slides' ablation has one."""
    words_into: Literal["both", "recurrence", "multimodal"] = "both"
    """Where Mao's embedding goes. Ablations: not into the multimodal layer; or only there, and the
    recurrence reads words through a table of its own."""
    image_into: Literal["multimodal", "recurrence", "both", "shared"] = "multimodal"
    """Where Mao's image goes. Ablations: the recurrent layer instead; both, by separate weights;
    both, by the same weights."""
    tied: bool = True
    """The output layer's rows are the word vectors (after a projection to their size)."""
    dropout: float = 0.5
    """Of image inputs, word vectors and what the output layer reads; never in the recurrence."""

    def __post_init__(self) -> None:
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                listed = ", ".join(map(str, known))
                raise ValueError(f"{name} is '{getattr(self, name)}'; expected one of {listed}")
        if self.image_into == "shared" and self.hidden_dimension != self.multimodal_dimension:
            raise ValueError(
                f"hidden_dimension is {self.hidden_dimension} and multimodal_dimension "
                f"{self.multimodal_dimension}; expected equal ones where they share the image"
            )

    @property
    def image_dimension(self) -> int:
        """D: twice the feature where there is a context."""
        return self.feature_dimension * (1 if self.context == "none" else 2)

    @property
    def boundary(self) -> int:
        """START as an input, END as an output."""
        return self.vocabulary_size


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


class Member(Protocol):
    """One of the recurrences. `read` and `readout` take all steps at once, `advance` one."""

    width: int
    """m, of `readout`."""

    def begin(self, image: Tensor) -> State:
        """(B, D) -> the state before START is read."""
        ...

    def read(self, vectors: Tensor, words: Tensor) -> Tensor:
        """(W, w) word vectors and their (W,) ids -> (W, g): what words bring to the recurrence."""
        ...

    def advance(self, brought: Tensor, state: State) -> State:
        """(B, g) and the state -> the next state."""
        ...

    def readout(self, vectors: Tensor, state: State) -> Tensor:
        """(W, w) word vectors and states of W rows -> (W, m) for the output layer."""
        ...


def _recurrent_weight(size: int) -> nn.Parameter:
    """Half the identity and noise: ReLU recurrences neither vanish nor explode at the start."""
    return nn.Parameter(torch.eye(size) * 0.5 + torch.randn(size, size) * 0.5 / size**0.5)


class MultimodalRNN(nn.Module):
    """The paper's (Eq. 13-15), with ReLU as f.

    b_v = W_hi [CNN(I)]                                       (13)
    h_t = f(W_hx x_t + W_hh h_{t-1} + b_h + 1(t=1) b_v)       (14), 1(t=1) dropped if every_step
    """

    def __init__(self, config: CaptionerConfig, every_step: bool) -> None:
        super().__init__()
        self.every_step = every_step
        self.width = config.hidden_dimension
        self.image = nn.Linear(config.image_dimension, self.width, bias=False)
        self.input = nn.Linear(config.word_dimension, self.width)
        self.recurrent_weight = _recurrent_weight(self.width)

    def begin(self, image: Tensor) -> State:
        bias = self.image(image)
        return torch.zeros_like(bias), bias

    def read(self, vectors: Tensor, words: Tensor) -> Tensor:
        return cast(Tensor, self.input(vectors))

    def advance(self, brought: Tensor, state: State) -> State:
        hidden, bias = state
        hidden = F.relu(torch.addmm(brought + bias, hidden, self.recurrent_weight))
        return hidden, bias if self.every_step else torch.zeros_like(bias)

    def readout(self, vectors: Tensor, state: State) -> Tensor:
        return state[0]


class LSTM(nn.Module):
    """A long short-term memory that reads the image as if it were a word before START."""

    def __init__(self, config: CaptionerConfig) -> None:
        super().__init__()
        h = self.width = config.hidden_dimension
        self.image = nn.Linear(config.image_dimension, 4 * h)
        self.input = nn.Linear(config.word_dimension, 4 * h)
        self.recurrent_weight = nn.Parameter(torch.empty(h, 4 * h))
        for gate in self.recurrent_weight.data.chunk(4, dim=1):
            nn.init.orthogonal_(gate)
        with torch.no_grad():
            self.input.bias[h : 2 * h].fill_(1.0)  # a fresh memory keeps what it holds

    def begin(self, image: Tensor) -> State:
        brought = self.image(image)
        nothing = brought.new_zeros(len(image), self.width)
        return self.advance(brought, (nothing, nothing))

    def read(self, vectors: Tensor, words: Tensor) -> Tensor:
        return cast(Tensor, self.input(vectors))

    def advance(self, brought: Tensor, state: State) -> State:
        hidden, memory = state
        gates = torch.addmm(brought, hidden, self.recurrent_weight)
        write, keep, show, content = gates.chunk(4, dim=1)
        memory = keep.sigmoid() * memory + write.sigmoid() * content.tanh()
        return show.sigmoid() * memory.tanh(), memory

    def readout(self, vectors: Tensor, state: State) -> Tensor:
        return state[0]


class MRNN(nn.Module):
    """Mao et al. 2014. Its state carries what the image brings, made once.

    w(t) two embedding layers; r(t) = ReLU(U r(t-1) + w(t))
    m(t) = g(V_w w(t) + V_r r(t) + V_I I), g(x) = 1.7159 tanh(2x/3)
    """

    def __init__(self, config: CaptionerConfig) -> None:
        super().__init__()
        self.config = config
        w, h, m = config.word_dimension, config.hidden_dimension, config.multimodal_dimension
        self.width = m
        self.second_embedding = nn.Linear(w, w) if config.embedding_layers == 2 else None
        own_table = config.words_into == "multimodal"
        self.input = None if own_table else nn.Linear(w, h)
        self.own_table = nn.Embedding(config.vocabulary_size + 1, h) if own_table else None
        self.recurrent_weight = _recurrent_weight(h)
        self.words = nn.Linear(w, m, bias=False) if config.words_into != "recurrence" else None
        self.recurrence = nn.Linear(h, m)
        seeing, into = config.kind == "mrnn", config.image_into
        in_multimodal, in_recurrence = into != "recurrence", into != "multimodal"
        D = config.image_dimension
        self.image = nn.Linear(D, m, bias=False) if seeing and in_multimodal else None
        own_image = seeing and in_recurrence and into != "shared"
        self.recurrent_image = nn.Linear(D, h, bias=False) if own_image else None

    def begin(self, image: Tensor) -> State:
        B, h = len(image), self.config.hidden_dimension
        nothing = image.new_zeros(B, h)
        seen = self.image(image) if self.image is not None else image.new_zeros(B, self.width)
        if self.config.kind == "lm" or self.config.image_into == "multimodal":
            return nothing, seen
        return nothing, seen, self.recurrent_image(image) if self.recurrent_image else seen

    def embed(self, vectors: Tensor) -> Tensor:
        """w(t)."""
        return vectors if self.second_embedding is None else F.relu(self.second_embedding(vectors))

    def read(self, vectors: Tensor, words: Tensor) -> Tensor:
        if self.input is None:
            return cast(nn.Embedding, self.own_table)(words)  # type: ignore[no-any-return]
        return cast(Tensor, self.input(self.embed(vectors)))

    def advance(self, brought: Tensor, state: State) -> State:
        hidden, *image = state
        for in_recurrence in image[1:]:
            brought = brought + in_recurrence
        return F.relu(torch.addmm(brought, hidden, self.recurrent_weight)), *image

    def language(self, vectors: Tensor, hidden: Tensor) -> Tensor:
        """V_w w(t) + V_r r(t): the multimodal layer before the image is added and g applied."""
        summed: Tensor = self.recurrence(hidden)
        return summed if self.words is None else summed + self.words(self.embed(vectors))

    def readout(self, vectors: Tensor, state: State) -> Tensor:
        return scaled_tanh(self.language(vectors, state[0]) + state[1])


def scaled_tanh(x: Tensor) -> Tensor:
    """g(x) = 1.7159 tanh(2x/3), Mao's."""
    return 1.7159 * torch.tanh(x * (2 / 3))


def _member(config: CaptionerConfig) -> MultimodalRNN | LSTM | MRNN:
    if config.kind == "lstm":
        return LSTM(config)
    if config.kind in ("mrnn", "lm"):
        return MRNN(config)
    return MultimodalRNN(config, every_step=config.kind == "rnn-every")


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
        self.member = _member(config)
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

    def text(self, words: Sequence[int]) -> str:
        """Word ids, no START or END -> the sentence."""
        return " ".join(self.vocabulary.words[word - 1] for word in words)
