"""A word taught by a few boxes (in the spirit of Mao et al. 2015, "Learning like a child").

Only the word's own vector x (Eq. 2) is learnt; nothing that other words share moves, so no other
word's scores do. It starts where the word table reads it through others, or at the mean of all
words where no table knows it, and is moved until the word, read alone and after an article, finds
the examples' regions among the others of their photos.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from core.alignment.model import AlignmentModel, pack_sentences
from core.alignment.words import ReadWords
from core.language.vocabulary import Vocabulary, tokenise


@dataclass(frozen=True)
class Teaching:
    """How a word is taught."""

    steps: int = 120
    """Of Adam; a step reads two sentences of a word or two, so they take about a second."""
    rate: float = 0.02
    temperature: float = 0.05
    """That of the alignment's softmax."""
    stay: float = 0.02
    """Weight of the squared way from the start, in squares of a word's usual length: few examples
    shall not say all."""


_NO_NEIGHBOUR = -1e4
"""A taught word's prior: words that are read through others go on without it."""


def teach(
    model: AlignmentModel,
    vocabulary: Vocabulary,
    word: str,
    positives: np.ndarray,
    negatives: np.ndarray,
    teaching: Teaching = Teaching(),
) -> tuple[AlignmentModel, Vocabulary]:
    """-> a model and vocabulary that know `word`, in evaluation mode; those given stay as they are.

    positives (n, D) features of regions that show it, negatives (m, D) of regions that do not. A
    word that has a vector of its own already is moved from there. Raises ValueError where `word` is
    not one word, or where there is no positive.
    """
    if tokenise(word) != [word]:
        raise ValueError(f"the word is '{word}'; expected one word in lower case")
    if not len(positives):
        raise ValueError(f"no region shows '{word}'; expected at least one")
    fresh, known = _with_word(model, vocabulary, word)
    [own] = known.ids([word])
    with torch.no_grad():
        shown = fresh.embed_regions(torch.from_numpy(positives.astype(np.float32)))
        others = fresh.embed_regions(torch.from_numpy(negatives.astype(np.float32)))
        every = fresh.sentences.word_vectors.weight
        start, usual = every[own].clone(), every[1:].square().sum(dim=1).mean().clamp_min(1e-6)
    moved = start.clone().requires_grad_()
    optimiser = torch.optim.Adam([moved], teaching.rate)
    sentences = [[own], [first, own] if (first := known.ids(["a"])[0]) else [own]]
    for _ in range(teaching.steps):
        said = F.normalize(_said(fresh, sentences, own, moved), dim=-1)
        right = said @ shown.T  # (2, n) cosines
        wrong = (said @ others.T / teaching.temperature).logsumexp(dim=1, keepdim=True)
        away = (moved - start).square().sum() / usual
        apart = F.softplus(wrong - right / teaching.temperature).mean()
        loss = apart + (1 - right).mean() + teaching.stay * away
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    with torch.no_grad():
        fresh.sentences.word_vectors.weight[own] = moved
    return fresh, known


def _said(model: AlignmentModel, sentences: list[list[int]], own: int, vector: Tensor) -> Tensor:
    """What a word with this vector says in each sentence, of which it is the last: (L, h)."""
    ids, lengths, _, _ = pack_sentences(sentences)
    encoder = model.sentences
    with torch.no_grad():
        x = encoder.word_vectors(ids)
    x = torch.where((ids == own)[..., None], vector, x)
    e = encoder.in_context(F.relu(encoder.input(x)), lengths)
    last = e[torch.arange(len(ids)), lengths - 1]
    said: Tensor = F.relu(encoder.output(last))
    return said


def _with_word(
    model: AlignmentModel, vocabulary: Vocabulary, word: str
) -> tuple[AlignmentModel, Vocabulary]:
    """Copies with a vector for the word, at its start."""
    if word in vocabulary.words:
        copy = AlignmentModel(model.config)
        copy.load_state_dict(model.state_dict())
        known = vocabulary
    else:
        known = Vocabulary((*vocabulary.words, word), (*vocabulary.counts, 1), vocabulary.table)
        config = replace(model.config, vocabulary_size=len(known), table_words=len(known.others))
        copy, state = AlignmentModel(config), dict(model.state_dict())
        name = "sentences.word_vectors.weight"
        state[name] = torch.cat((state[name], _start(model, vocabulary, word)[None]))
        name = "sentences.word_vectors.prior"
        if name in state:
            state[name] = torch.cat((state[name], torch.tensor([_NO_NEIGHBOUR])))
        copy.load_state_dict(state)
    vectors = copy.sentences.word_vectors
    if isinstance(vectors, ReadWords):
        vectors.know(torch.from_numpy(known.table_vectors()))
    return copy.eval().requires_grad_(False), known


@torch.no_grad()
def _start(model: AlignmentModel, vocabulary: Vocabulary, word: str) -> Tensor:
    vectors = model.eval().sentences.word_vectors
    [number] = vocabulary.ids([word])
    if number:
        read: Tensor = vectors(torch.tensor([number]))[0]
        return read
    return vectors.weight[1:].mean(dim=0)
