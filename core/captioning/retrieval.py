"""Retrieval with a captioner: how probable every sentence is for every image (Mao et al. 2014).

Images for a sentence are ranked by its perplexity, which for one sentence is the order of P(w|I).
Sentences for an image are ranked by P(w|I) / P(w), or else common short sentences would win
everywhere; P(w) is the mean of P(w|I) over a sample of training images.

In the m-RNN the image enters after the recurrence, in the multimodal layer. So the recurrence runs
once for each sentence, and once only for beginnings that sentences share; what is left for every
image is the multimodal layer, the output layer and the sum over the vocabulary, in blocks that
stay in the processor's cache. Other members run their recurrence for each image: the same numbers,
much later.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from core.captioning.captioner import Captioner, pack_captions
from core.captioning.recurrences import MRNN, scaled_tanh

BLOCK_ROWS = 512
"""Image-word pairs of a block: at 2,500 words their scores take 5 MB."""


@torch.inference_mode()
def log_probability_table(
    captioner: Captioner, images: Tensor, captions: Sequence[Sequence[int]]
) -> Tensor:
    """(K, D) image inputs and L captions as word ids -> (K, L) log P(w|I), END included."""
    captioner.eval()
    if isinstance(captioner.member, MRNN) and captioner.config.image_into == "multimodal":
        return _by_multimodal_layer(captioner, captioner.member, images, captions)
    return _by_recurrence(captioner, images, captions)


def log_prior(table: Tensor) -> Tensor:
    """(S, L) log P(w|I) of a sample of training images -> (L,) log P(w), the log of their mean."""
    return table.logsumexp(dim=0) - float(np.log(len(table)))


def _by_recurrence(
    captioner: Captioner, images: Tensor, captions: Sequence[Sequence[int]]
) -> Tensor:
    packed = pack_captions(captions, captioner.config.boundary).to(images.device)
    table = images.new_zeros(len(images), len(captions))
    sentence = packed.order[packed.rows]
    for row, image in enumerate(images):
        logits = captioner(image.expand(len(captions), -1), packed)
        lost = F.cross_entropy(logits, packed.targets, reduction="none")
        table[row].index_add_(0, sentence, -lost)
    return table


def _by_multimodal_layer(
    captioner: Captioner, member: MRNN, images: Tensor, captions: Sequence[Sequence[int]]
) -> Tensor:
    packed = pack_captions(captions, captioner.config.boundary).to(images.device)
    vectors, states = captioner.states(images[:1].expand(len(captions), -1), packed)
    language = member.language(vectors, states[0])
    first, beginning = _beginnings(captions, packed.order.tolist(), packed.sizes)
    first, beginning = first.to(images.device), beginning.to(images.device)
    language = language[first]  # (U, m), one row for each different beginning
    seen = (
        images.new_zeros(len(images), member.width)
        if member.image is None
        else member.image(captioner.standard(images))
    )
    # Pairs in the order of their beginnings, so that a block of beginnings has a run of pairs.
    order = torch.argsort(beginning, stable=True)
    target, sentence = packed.targets[order], packed.order[packed.rows][order]
    bounds = torch.searchsorted(
        beginning[order], torch.arange(len(language) + 1, device=images.device)
    )
    table = images.new_zeros(len(images), len(captions))
    many = min(len(images), 32)
    step = max(1, BLOCK_ROWS // many)
    for start in range(0, len(language), step):
        mine = slice(int(bounds[start]), int(bounds[min(start + step, len(language))]))
        here = beginning[order[mine]] - start
        block = language[start : start + step]
        for row in range(0, len(images), many):
            some = seen[row : row + many]
            multimodal = scaled_tanh((some[:, None] + block[None]).flatten(0, 1))
            logits = captioner.logits(multimodal).view(len(some), len(block), -1)
            spoken = logits[:, here, target[mine]]
            spoken = spoken - logits.logsumexp(dim=2)[:, here]
            table[row : row + many].index_add_(1, sentence[mine], spoken)
    return table


def _beginnings(
    captions: Sequence[Sequence[int]], order: list[int], sizes: list[int]
) -> tuple[Tensor, Tensor]:
    """Number the different beginnings of packed captions -> first (U,) a packed word that has read
    each, beginning (W,) the number of each packed word's."""
    numbers: dict[tuple[int, int], int] = {}  # (the beginning one word shorter, word) -> number
    first: list[int] = []
    beginning: list[int] = []
    last = [-1] * len(order)  # the number of each sorted row's beginning so far
    for step, size in enumerate(sizes):
        for row in range(size):
            word = captions[order[row]][step - 1] if step else -1
            key = (last[row], word)
            if key not in numbers:
                numbers[key] = len(first)
                first.append(len(beginning))
            last[row] = numbers[key]
            beginning.append(last[row])
    return torch.tensor(first), torch.tensor(beginning)
