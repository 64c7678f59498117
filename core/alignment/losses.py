"""What teaches the alignment model: Eq. 9 of the paper, and two losses that are not in it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


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
