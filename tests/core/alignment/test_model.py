"""Eq. 1-9: the BRNN against a plain loop, scores by hand, gradients checked numerically."""

import numpy as np
import pytest
import torch
from torch import Tensor

from core.alignment.model import (
    BRNN,
    AlignmentModel,
    fragment_loss,
    max_margin_loss,
    pack_sentences,
    softmax_loss,
)
from tests.core import small_alignment
from tests.core.small_alignment import config


def model(**changes: object) -> AlignmentModel:
    return small_alignment.model(**changes).double()


def plain_brnn(net: BRNN, sentence: list[int]) -> list[Tensor]:
    """Eq. 2-6, one word after the other, as the paper writes them."""
    relu = torch.relu
    W_f, W_b = net.recurrent_weight[0].T, net.recurrent_weight[1].T
    b_f, b_b = net.recurrent_bias[0, 0], net.recurrent_bias[1, 0]
    x = [net.word_vectors.weight[word] for word in sentence]  # (2)
    e = [relu(net.input.weight @ x_t + net.input.bias) for x_t in x]  # (3)
    forward, hidden = [], torch.zeros_like(e[0])
    for e_t in e:
        hidden = relu(e_t + W_f @ hidden + b_f)  # (4)
        forward.append(hidden)
    backward, hidden = [], torch.zeros_like(e[0])
    for e_t in reversed(e):
        hidden = relu(e_t + W_b @ hidden + b_b)  # (5)
        backward.append(hidden)
    pairs = zip(forward, reversed(backward), strict=True)
    return [relu(net.output.weight @ (f + b) + net.output.bias) for f, b in pairs]  # (6)


def test_brnn_equals_the_plain_loop_alone_and_in_a_batch() -> None:
    net = model().sentences
    assert isinstance(net, BRNN)
    torch.nn.init.normal_(net.recurrent_bias)
    sentences = [[1, 2, 3], [4], [5, 0, 7, 8, 1]]
    ids, lengths, _, sentence_of = pack_sentences(sentences)
    together = net(ids, lengths)
    wanted = torch.stack([s for sentence in sentences for s in plain_brnn(net, sentence)])
    torch.testing.assert_close(together, wanted)
    assert sentence_of.tolist() == [0, 0, 0, 1, 2, 2, 2, 2, 2]
    alone = net(*pack_sentences([sentences[1]])[:2])
    torch.testing.assert_close(alone, together[3:4])


def plain_score(regions: Tensor, words: Tensor) -> float:
    """Eq. 8 for one photo and one sentence."""
    return sum(max(float(v @ s) for v in regions) for s in words)


def test_score_by_hand() -> None:
    net = model(common_dimension=2)
    regions = torch.tensor([[[1.0, 0.0], [0.0, 2.0]], [[3.0, 0.0], [9.0, 9.0]]]).double()
    present = torch.tensor([[True, True], [True, False]])  # photo 1 has one region
    words = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]).double()
    known = torch.tensor([True, True, True])
    scores = net.photo_sentence_scores(
        regions, present, words, known, torch.tensor([0, 0, 1]), count=2
    )
    # photo 0: words best 1, 2 | 2; photo 1: 3, 0 | 3
    assert scores.tolist() == [[1 + 2, 2], [3 + 0, 3]]


def test_score_equals_the_plain_loop_on_random_vectors() -> None:
    net = model()
    regions, words = torch.randn(4, 3, 6).double(), torch.randn(7, 6).double()
    sentence_of = torch.tensor([0, 0, 1, 1, 1, 2, 2])
    scores = net.photo_sentence_scores(
        regions, torch.ones(4, 3, dtype=torch.bool), words, torch.ones(7, dtype=torch.bool),
        sentence_of, 3,
    )  # fmt: skip
    for k in range(4):
        for sentence in range(3):
            wanted = plain_score(regions[k], words[sentence_of == sentence])
            assert float(scores[k, sentence]) == pytest.approx(wanted, rel=1e-6)


def test_unknown_words_do_not_vote_and_cosine_is_a_mean() -> None:
    net = model(similarity="cosine", common_dimension=2)
    regions = torch.tensor([[[1.0, 0.0]]]).double()
    words = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]).double()
    scores = net.photo_sentence_scores(
        regions, torch.tensor([[True]]), words, torch.tensor([True, True, False]),
        torch.tensor([0, 0, 0]), 1,
    )  # fmt: skip
    assert scores.tolist() == [[(1 + 0) / 2]]


def test_cosine_embeddings_have_length_one() -> None:
    net = model(similarity="cosine")
    torch.testing.assert_close(
        net.embed_regions(torch.randn(4, 5).double()).norm(dim=-1), torch.ones(4).double()
    )


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
    net = model(similarity=similarity)
    torch.nn.init.normal_(net.sentences.recurrent_bias)  # else ReLU sits on its kink
    features = torch.randn(3, 2, 5).double()
    present = torch.ones(3, 2, dtype=torch.bool)
    ids, lengths, known, sentence_of = pack_sentences([[1, 2], [3, 4, 5], [6]])

    def total() -> Tensor:
        scores = net.photo_sentence_scores(
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


def test_an_unknown_similarity_is_refused() -> None:
    with pytest.raises(ValueError, match="similarity is 'dot'"):
        config(similarity="dot")


@pytest.mark.parametrize("context", ["brnn", "gru", "bigram", "word"])
def test_every_context_in_a_batch_equals_alone(context: str) -> None:
    net = model(context=context).sentences
    sentences = [[1, 2, 3], [4], [5, 0, 7, 8, 1]]
    together = net(*pack_sentences(sentences)[:2])
    alone = [net(*pack_sentences([sentence])[:2]) for sentence in sentences]
    torch.testing.assert_close(together, torch.cat(alone))


def test_how_far_a_word_sees_its_sentence() -> None:
    def changed(context: str, first: list[int], second: list[int]) -> list[bool]:
        net = model(context=context).sentences
        torch.nn.init.ones_(net.output.weight)  # no dead ReLU hides a change
        a, b = (net(*pack_sentences([s])[:2]) for s in (first, second))
        return (a != b).any(dim=1).tolist()

    # the first word changes: itself alone, the pair it begins, or everything
    assert changed("word", [1, 2, 3, 4], [5, 2, 3, 4]) == [True, False, False, False]
    assert changed("bigram", [1, 2, 3, 4], [5, 2, 3, 4])[2:] == [False, False]
    assert changed("brnn", [1, 2, 3, 4], [1, 2, 3, 5])[0]
    assert changed("gru", [1, 2, 3, 4], [1, 2, 3, 5])[0]


def test_weighted_words_keep_their_lengths_around_one() -> None:
    net = model(similarity="weighted").requires_grad_(False)
    torch.nn.init.constant_(net.sentences.output.bias, 0.3)
    ids, lengths, known, sentence_of = pack_sentences([[1, 2, 0, 3], [4]])
    words = net.embed_words(ids, lengths)
    raw = net.sentences(ids, lengths)
    torch.testing.assert_close(
        torch.nn.functional.normalize(words, dim=-1), torch.nn.functional.normalize(raw, dim=-1)
    )
    # the mean length of a sentence's known words is 1: word 0 is unknown and does not count
    assert float(words[[0, 1, 3]].norm(dim=-1).mean()) == pytest.approx(1)
    assert float(words[4].norm()) == pytest.approx(1)
    regions = torch.nn.functional.normalize(torch.rand(1, 2, 6).double(), dim=-1)
    scores = net.photo_sentence_scores(
        regions, torch.ones(1, 2, dtype=torch.bool), words, known, sentence_of, 2
    )
    cosines = torch.nn.functional.normalize(raw, dim=-1) @ regions[0].T
    weights = raw.norm(dim=-1)[[0, 1, 3]]
    wanted = float((cosines[[0, 1, 3]].amax(dim=1) * weights).sum() / weights.sum())
    assert float(scores[0, 0]) == pytest.approx(wanted)


def test_sum_score_by_hand() -> None:
    net = model(common_dimension=2, score="sum")
    regions = torch.tensor([[[1.0, 0.0], [0.5, -2.0], [9.0, 9.0]]]).double()
    present = torch.tensor([[True, True, False]])
    words = torch.tensor([[2.0, 0.0], [0.0, 1.0]]).double()
    scores = net.photo_sentence_scores(
        regions, present, words, torch.tensor([True, True]), torch.tensor([0, 0]), 1
    )
    # Eq. 7: word 0 agrees with both, 2 + 1; word 1 with neither, max(0, 0) + max(0, -2)
    assert scores.tolist() == [[2 + 1 + 0 + 0]]


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


@pytest.mark.parametrize("name", ["context", "similarity", "score"])
def test_unknown_choices_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 'fancy'; expected one of"):
        config(**{name: "fancy"})
