"""Eq. 9 and its alternatives: by hand, and their gradients through the whole model."""

import numpy as np
import pytest
import torch
from torch import Tensor

from core.alignment.losses import fragment_loss, max_margin_loss, softmax_loss
from core.alignment.model import pack_sentences
from tests.core import small_alignment


def test_max_margin_loss_by_hand() -> None:
    scores = torch.tensor([[2.0, 1.5], [0.0, 1.0]])
    # sentences: k=0: 1.5-2+1 = 0.5; k=1: 0-1+1 = 0. photos: k=0: 0-2+1 -> 0; k=1: 1.5-1+1 = 1.5
    assert float(max_margin_loss(scores)) == pytest.approx(0.5 + 0 + 0 + 1.5)
    assert float(max_margin_loss(scores, margin=0.1)) == pytest.approx(0.6)


def test_softmax_loss_by_hand() -> None:
    scores = torch.tensor([[0.1, 0.0], [0.0, 0.1]])
    one = np.log(1 + np.exp(-1.0))  # every rival lies one temperature below the truth
    assert float(softmax_loss(scores, torch.tensor([0, 1]), 0.1)) == pytest.approx(one)


def test_softmax_loss_with_several_sentences_of_a_photo() -> None:
    scores = torch.tensor([[0.3, 0.2, 0.0], [0.1, 0.0, 0.4]])
    photo_of = torch.tensor([0, 0, 1])
    exp = np.exp
    to_photo = [
        -np.log(exp(0.3) / (exp(0.3) + exp(0.1))),
        -np.log(exp(0.2) / (exp(0.2) + exp(0.0))),
        -np.log(exp(0.4) / (exp(0.4) + exp(0.0))),
    ]
    to_sentence = [  # a photo's other true sentence does not compete
        -np.log(exp(0.3) / (exp(0.3) + exp(0.0))),
        -np.log(exp(0.2) / (exp(0.2) + exp(0.0))),
        -np.log(exp(0.4) / (exp(0.4) + exp(0.1) + exp(0.0))),
    ]
    wanted = (np.mean(to_photo) + np.mean(to_sentence)) / 2
    assert float(softmax_loss(scores, photo_of, 1.0)) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("similarity", ["product", "cosine"])
@pytest.mark.parametrize("loss", ["margin", "softmax"])
def test_gradients_against_finite_differences(similarity: str, loss: str) -> None:
    net = small_alignment.model(similarity=similarity).double()
    torch.nn.init.normal_(net.sentences.recurrent_bias)  # else ReLU sits on its kink
    features = torch.randn(3, 2, 5).double()
    present = torch.ones(3, 2, dtype=torch.bool)
    ids, lengths, known, sentence_of = pack_sentences([[1, 2], [3, 4, 5], [6]])

    def total() -> Tensor:
        scores = net.config.scoring.photo_sentence_scores(
            net.embed_regions(features), present, net.embed_words(ids, lengths), known,
            sentence_of, 3,
        ).double()  # fmt: skip
        if loss == "margin":
            return max_margin_loss(scores, 0.7)
        return softmax_loss(scores, torch.arange(3), 0.5)

    total().backward()  # type: ignore[no-untyped-call]
    step, generator = 1e-6, np.random.default_rng(0)
    checked = 0
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        flat, gradient = parameter.data.view(-1), parameter.grad.view(-1)
        for index in generator.permutation(len(flat))[:6]:
            kept = float(flat[index])
            flat[index] = kept + step
            above = total().item()
            flat[index] = kept - step
            below = total().item()
            flat[index] = kept
            numeric = (above - below) / (2 * step)
            assert float(gradient[index]) == pytest.approx(numeric, rel=1e-4, abs=1e-6), name
            checked += 1
    assert checked > 40


def test_fragment_loss_by_hand() -> None:
    # one word of photo 0; two photos of two regions
    scores = torch.tensor([[[0.4, -0.3], [-0.5, 0.2]]])
    present = torch.ones(2, 2, dtype=torch.bool)
    loss = fragment_loss(scores, present, torch.tensor([True]), torch.tensor([0]))
    # its best region must rise (1 - 0.4), its other one and the other photo's must fall
    assert float(loss) == pytest.approx(0.6 + (0.7 + 0.5 + 1.2) / 3)
    none = torch.tensor([[[-0.4, -0.3], [-0.5, 0.2]]])  # agrees with none: the best one counts
    loss = fragment_loss(none, present, torch.tensor([True]), torch.tensor([0]))
    assert float(loss) == pytest.approx(1.3 + (0.6 + 0.5 + 1.2) / 3)


def test_hardest_negatives_by_hand() -> None:
    scores = torch.tensor([[1.0, 0.9, 0.5], [0.2, 1.0, 0.95], [0.0, 0.0, 1.0]])
    # rows: max(0.1+0, ..) with margin 0.2: 0.1, 0.15, 0; columns: 0, 0.1, 0.15
    assert float(max_margin_loss(scores, 0.2, hardest=True)) == pytest.approx(0.5)
