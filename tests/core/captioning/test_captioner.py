"""Captioners: each member by its equations, packed training equal to one word at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from core.captioning.captioner import Captioner, TrainedCaptioner, image_inputs, pack_captions
from core.captioning.recurrences import KINDS, CaptionerConfig, scaled_tanh
from core.language.vocabulary import Vocabulary

SMALL = CaptionerConfig(
    feature_dimension=5,
    vocabulary_size=7,
    word_dimension=4,
    hidden_dimension=6,
    multimodal_dimension=6,
)
CAPTIONS = [[3, 1], [2, 5, 6, 0], [], [4, 4]]
VARIANTS = [
    *({"kind": kind} for kind in KINDS),
    {"kind": "lstm", "tied": False, "context": "mean"},
    {"kind": "mrnn", "embedding_layers": 1},
    {"kind": "mrnn", "words_into": "recurrence"},
    {"kind": "mrnn", "words_into": "multimodal"},
    {"kind": "mrnn", "image_into": "recurrence"},
    {"kind": "mrnn", "image_into": "both"},
    {"kind": "mrnn", "image_into": "shared"},
    {"kind": "lm", "image_into": "both"},
]


def made(**choices: Any) -> Captioner:
    torch.manual_seed(1)
    return Captioner(replace(SMALL, **choices)).double().eval()


def images(model: Captioner, count: int) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(
        count, model.config.image_dimension, generator=generator, dtype=torch.float64
    )


def one_at_a_time(model: Captioner, image: Tensor, caption: list[int]) -> Tensor:
    """(words + END, V) log-probabilities, step by step."""
    state, rows = model.begin(image[None]), []
    for word in [model.config.boundary, *caption]:
        state, table = model.step(state, torch.tensor([word]))
        rows.append(table[0])
    return torch.stack(rows)


def test_packing_by_hand() -> None:
    packed = pack_captions([[5], [1, 2], []], boundary=9)
    # sorted: [1, 2], [5], []; time by time: all three read START, two go on, one goes on
    assert packed.order.tolist() == [1, 0, 2]
    assert packed.sizes == [3, 2, 1]
    assert packed.inputs.tolist() == [9, 9, 9, 1, 5, 2]
    assert packed.targets.tolist() == [1, 5, 9, 2, 9, 9]
    assert packed.rows.tolist() == [0, 1, 2, 0, 1, 0]


@pytest.mark.parametrize("choices", VARIANTS, ids=str)
def test_packed_training_equals_one_word_at_a_time(choices: dict[str, Any]) -> None:
    model = made(**choices)
    seen = images(model, len(CAPTIONS))
    packed = pack_captions(CAPTIONS, model.config.boundary)
    together = model(seen, packed).log_softmax(dim=1)
    for place, row in enumerate(packed.order.tolist()):
        alone = one_at_a_time(model, seen[row], CAPTIONS[row])
        torch.testing.assert_close(together[packed.rows == place], alone)


@pytest.mark.parametrize("choices", VARIANTS, ids=str)
def test_every_tensor_learns_and_only_lm_is_blind(choices: dict[str, Any]) -> None:
    model = made(**choices)
    seen = images(model, len(CAPTIONS)).requires_grad_()
    packed = pack_captions(CAPTIONS, model.config.boundary)
    loss = torch.nn.functional.cross_entropy(model(seen, packed), packed.targets)
    loss.backward()
    still = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still
    assert (seen.grad is None or not seen.grad.any()) == (model.config.kind == "lm")


def test_the_papers_equations() -> None:
    model = made(kind="rnn", tied=False)
    net, image = model.member, images(model, 1)[0]
    x = model.word_vectors.weight
    b_v = net.image.weight @ image  # (13)
    hidden = torch.zeros(6, dtype=torch.float64)
    for t, word in enumerate([model.config.boundary, 3, 1]):
        incoming = net.input.weight @ x[word] + net.input.bias
        hidden = incoming + hidden @ net.recurrent_weight + (b_v if t == 0 else 0)  # (14)
        hidden = hidden.clamp_min(0)
    y = (model.output.weight @ hidden + model.output_bias).softmax(dim=0)  # (15)
    torch.testing.assert_close(one_at_a_time(model, image, [3, 1])[2].exp(), y)


def test_maos_equations() -> None:
    model = made(kind="mrnn", tied=False)
    net, image = model.member, images(model, 1)[0]
    r = torch.zeros(6, dtype=torch.float64)
    for word in [model.config.boundary, 3]:
        w = net.second_embedding(model.word_vectors.weight[word]).clamp_min(0)
        r = (net.input(w) + r @ net.recurrent_weight).clamp_min(0)
    m = net.words.weight @ w + net.recurrence(r) + net.image.weight @ image
    m = 1.7159 * torch.tanh(2 * m / 3)
    y = (model.output.weight @ m + model.output_bias).softmax(dim=0)
    torch.testing.assert_close(one_at_a_time(model, image, [3])[1].exp(), y)


def test_the_lstm_reads_the_image_first() -> None:
    model = made(kind="lstm")
    net, image = model.member, images(model, 1)
    i, f, o, g = net.image(image).chunk(4, dim=1)
    c = i.sigmoid() * g.tanh()  # nothing to keep yet
    state = model.begin(image)
    torch.testing.assert_close(state[1], c)
    torch.testing.assert_close(state[0], o.sigmoid() * c.tanh())
    brought = model.member.read(model.word_vectors.weight[2:3], torch.tensor([2]))
    i, f, o, g = (brought + state[0] @ net.recurrent_weight).chunk(4, dim=1)
    torch.testing.assert_close(
        net.advance(brought, state)[1], f.sigmoid() * c + i.sigmoid() * g.tanh()
    )


def test_the_image_comes_once_or_every_time() -> None:
    for kind, later in (("rnn", False), ("rnn-every", True)):
        model = made(kind=kind)
        state, _ = model.step(model.begin(images(model, 1)), torch.tensor([7]))
        assert bool(state[1].any()) == later


def test_scaled_tanh_by_hand() -> None:
    # 1.7159 tanh(2/3) = 1.7159 * 0.582783 = 0.999997: Mao's constants keep 1 at 1
    assert scaled_tanh(torch.tensor(1.0)).item() == pytest.approx(1.0, abs=1e-4)


def test_the_output_starts_at_word_frequencies() -> None:
    model = made(kind="rnn")
    packed = pack_captions([[3, 3], [3]], model.config.boundary)
    model.fit_words(packed.targets)
    # 3 is written three times, END twice, the other six words never; one is added to each
    frequencies = model.output_bias.exp()
    assert frequencies[3].item() == pytest.approx(4 / 13)
    assert frequencies[model.config.boundary].item() == pytest.approx(3 / 13)
    assert frequencies[0].item() == pytest.approx(1 / 13)


def test_image_inputs_and_their_standard() -> None:
    own, whole, mean = (torch.full((3, 5), float(value)) for value in (1, 2, 3))
    assert image_inputs(own, whole, mean, "none").shape == (3, 5)
    assert image_inputs(own, whole, mean, "whole")[0].tolist() == [1.0] * 5 + [2.0] * 5
    assert image_inputs(own, whole, mean, "mean")[0].tolist() == [1.0] * 5 + [3.0] * 5
    model = made(kind="rnn")
    seen = images(model, 50) * 7 + 3
    model.fit_images(seen)
    torch.testing.assert_close(model.standard(seen).mean(dim=0), torch.zeros(5).double())
    torch.testing.assert_close(model.standard(seen).std(dim=0), torch.ones(5).double())


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"kind": "gru"}, "kind is 'gru'; expected one of rnn, rnn-every, lstm, mrnn, lm"),
        ({"embedding_layers": 3}, "embedding_layers is '3'; expected one of 1, 2"),
        ({"image_into": "shared", "hidden_dimension": 9}, "expected equal ones"),
    ],
)
def test_choices_that_do_not_exist(choices: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **choices)


def test_a_captioner_reads_the_first_numbers_of_a_larger_feature() -> None:
    trained = TrainedCaptioner(
        made(feature_dimension=4, context="mean"), Vocabulary(tuple("abcdef"))
    )
    own, whole, mean = (torch.randn(2, 7) for _ in range(3))
    narrow = trained.inputs(own[:, :4], whole[:, :4], mean[:, :4])
    assert narrow.shape == (2, 8)
    assert torch.equal(trained.inputs(own, whole, mean), narrow)
