"""The recurrences of the captioners, their sizes and choices. `captioner.py` speaks with them.

Five members of one interface:
  "rnn"        the paper's multimodal RNN: the image is a bias of the first step only
  "rnn-every"  the image is a bias of every step, which the paper found to be worse
  "lstm"       an LSTM that reads the image before the first word (6.5 of the paper's discussion)
  "mrnn"       Mao et al.'s m-RNN: word, recurrence and image meet in a multimodal layer
  "lm"         the m-RNN without its image: a plain language model, Mao's baseline

Letters: B images, W words of all captions together, D an image's input, w a word vector, h the
hidden state, m what the output layer reads, g what a word brings to the recurrence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.configuration import ConfigError, check_bounds, check_choices

State = tuple[Tensor, ...]  # tensors of B rows; the first is the hidden state
Kind = Literal["rnn", "rnn-every", "lstm", "mrnn", "lm"]
KINDS: tuple[Kind, ...] = get_args(Kind)
CONTEXTS = ("none", "whole", "mean")
_CHOICES: dict[str, tuple[object, ...]] = {
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
    """Word vectors, learnt with the rest."""
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
        check_choices(self, **_CHOICES)
        sizes = ("feature_dimension", "word_dimension", "hidden_dimension", "multimodal_dimension")
        check_bounds(self, **dict.fromkeys(sizes, (1, 65_536)))
        check_bounds(self, vocabulary_size=(1, 10_000_000), dropout=(0, 1))
        if self.image_into == "shared" and self.hidden_dimension != self.multimodal_dimension:
            raise ConfigError(
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


_MEMBERS: Mapping[Kind, Callable[[CaptionerConfig], Member]] = {
    "rnn": partial(MultimodalRNN, every_step=False),
    "rnn-every": partial(MultimodalRNN, every_step=True),
    "lstm": LSTM,
    "mrnn": MRNN,
    "lm": MRNN,
}


def member_of(config: CaptionerConfig) -> Member:
    """The member that a configuration names; an `nn.Module`."""
    return _MEMBERS[config.kind](config)
