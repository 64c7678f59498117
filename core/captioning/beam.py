"""Sentences out of a captioner: beam search, greedy search, sampling. All images in one batch.

The beam, as in the paper's own code: the best `beam` partial sentences are kept; each is continued
by every word; finished ones (END) stay among them and compete on. It stops when all are finished.
At the length limit only END may follow, so every sentence returned is whole. A beginning that was
given is spoken first, whatever it costs, and continued. The unknown word is
never spoken, END never comes first (no empty sentence) nor twice.

Log-probabilities are the captioner's own, of each word and of END at last; leaving words out does
not change those of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.captioning.captioner import Captioner
from core.captioning.recurrences import State
from core.language.vocabulary import UNKNOWN


@dataclass(frozen=True)
class Decoding:
    """How sentences are searched for."""

    beam: int = 7
    """The paper's. 1 is greedy search."""
    best: int = 1
    """Sentences returned for each image, at most `beam`."""
    longest: int = 20
    """Words at most; captions of Flickr8k have 11 on average, 38 at most."""
    length_power: float = 0.0
    """Sentences compete by log-probability / (words, END included) ** length_power. 0 is the plain
    log-probability, which favours short ones; 1 its mean over words."""

    def __post_init__(self) -> None:
        if not 1 <= self.best <= self.beam:
            raise ValueError(f"best is {self.best}; expected 1 to beam, which is {self.beam}")
        if self.longest < 1:
            raise ValueError(f"longest is {self.longest}; expected at least 1 word")


@dataclass(frozen=True)
class Caption:
    """A sentence as word ids, and the log-probability of each and of the END after them."""

    words: tuple[int, ...]
    log_probabilities: tuple[float, ...]

    @property
    def log_probability(self) -> float:
        """Of the whole sentence."""
        return sum(self.log_probabilities)


def _allowed(
    log_probabilities: Tensor, boundary: int, step: int, longest: int, beginning: Sequence[int] = ()
) -> Tensor:
    """-inf for words that may not come at `step` (from 0): rows of a log-probability table."""
    if step < len(beginning):
        allowed = torch.full_like(log_probabilities, float("-inf"))
        allowed[:, beginning[step]] = log_probabilities[:, beginning[step]]
        return allowed
    allowed = log_probabilities.clone()
    allowed[:, UNKNOWN] = float("-inf")
    if step == 0:
        allowed[:, boundary] = float("-inf")
    if step == longest:
        allowed[:, :boundary] = float("-inf")
    return allowed


def _pick(state: State, rows: Tensor) -> State:
    return tuple(part[rows] for part in state)


@torch.inference_mode()
def search(
    captioner: Captioner,
    images: Tensor,
    decoding: Decoding = Decoding(),
    beginning: Sequence[int] = (),
) -> list[list[Caption]]:
    """(B, D) image inputs -> for each its `best` sentences, best first.

    Fewer where the vocabulary allows fewer. An image gets the same sentences alone and in a batch.
    beginning: ids of the words that every sentence begins with; they count among its words, with
    the captioner's own log-probabilities. Raises ValueError for more of them than `longest`, and
    for ids that are no words.
    """
    if len(beginning) > decoding.longest:
        raise ValueError(
            f"the beginning has {len(beginning)} words; expected at most {decoding.longest}"
        )
    if not all(UNKNOWN < word < captioner.config.boundary for word in beginning):
        raise ValueError(f"the beginning is {list(beginning)}; expected ids of known words")
    B, K, end, device = len(images), decoding.beam, captioner.config.boundary, images.device
    found: list[list[Caption]] = [[] for _ in range(B)]
    if B == 0:
        return found
    state = _pick(captioner.begin(images), torch.arange(B, device=device).repeat_interleave(K))
    alive = torch.arange(B, device=device)  # the images that are still searched
    words = torch.full((B, K, decoding.longest + 2), end, device=device)  # START, words, END
    each = images.new_zeros(B, K, decoding.longest + 1)
    total = images.new_full((B, K), float("-inf"))
    total[:, 0] = 0.0  # one empty sentence to begin with; the others do not exist
    length = torch.zeros(B, K, dtype=torch.int64, device=device)
    done = torch.zeros(B, K, dtype=torch.bool, device=device)
    for step in range(decoding.longest + 1):
        n = len(alive)
        state, table = captioner.step(state, words[:, :, step].reshape(-1))
        V = table.shape[1]
        table = _allowed(table, end, step, decoding.longest, beginning).view(n, K, V)
        # A finished sentence has one continuation: itself.
        table = table.masked_fill(done[:, :, None], float("-inf"))
        table[:, :, end] = torch.where(done, 0.0, table[:, :, end])
        grown = length + ~done
        ranked = (total[:, :, None] + table) / grown[:, :, None].to(table) ** decoding.length_power
        place = ranked.view(n, K * V).topk(min(K, K * V), dim=1).indices
        parent, word = place // V, place % V
        spoken = table.view(n, K * V).gather(1, place)
        rows = torch.arange(n, device=device)[:, None]
        words, each = words[rows, parent], each[rows, parent]
        length, total = grown[rows, parent], total[rows, parent] + spoken
        was_done = done[rows, parent]
        words[:, :, step + 1] = torch.where(was_done, words[:, :, step + 1], word)
        each[:, :, step] = torch.where(was_done, each[:, :, step], spoken)
        done = was_done | (word == end)
        finished = (done | total.isneginf()).all(dim=1)
        for row in finished.nonzero().flatten().tolist():
            found[int(alive[row])] = _captions(
                words[row], each[row], total[row], length[row], decoding.best
            )
        going = (~finished).nonzero().flatten()
        if not len(going):
            break
        state = _pick(state, (going[:, None] * K + parent[going]).flatten())
        alive, words, each = alive[going], words[going], each[going]
        total, length, done = total[going], length[going], done[going]
    return found


def _captions(
    words: Tensor, each: Tensor, total: Tensor, length: Tensor, best: int
) -> list[Caption]:
    """The first `best` rows of a finished beam, which are in order, as captions."""
    return [
        Caption(tuple(words[row, 1:n].tolist()), tuple(each[row, :n].tolist()))
        for row, n in enumerate(length.tolist()[:best])
        if not total[row].isneginf()
    ]


@torch.inference_mode()
def sample(
    captioner: Captioner,
    images: Tensor,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
    longest: int = 20,
) -> list[Caption]:
    """(B, D) image inputs -> a sentence drawn for each: p ^ (1 / temperature), over allowed words.

    The log-probabilities returned are the captioner's own, at temperature 1.
    """
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature}; expected a number over 0")
    B, end = len(images), captioner.config.boundary
    if B == 0:
        return []
    state = captioner.begin(images)
    words = torch.full((B, longest + 2), end)
    each = images.new_zeros(B, longest + 1)
    length = torch.full((B,), longest + 1)
    done = torch.zeros(B, dtype=torch.bool)
    for step in range(longest + 1):
        state, table = captioner.step(state, words[:, step])
        weights = (_allowed(table, end, step, longest) / temperature).softmax(dim=1)
        word = torch.multinomial(weights, 1, generator=generator)
        words[:, step + 1] = torch.where(done, end, word[:, 0])
        each[:, step] = table.gather(1, word)[:, 0]
        ends = ~done & (word[:, 0] == end)
        length[ends] = step + 1
        done |= ends
        if done.all():
            break
    return [
        Caption(tuple(words[row, 1:n].tolist()), tuple(each[row, :n].tolist()))
        for row, n in enumerate(length.tolist())
    ]
