"""Eq. 1-6: the BRNN against a plain loop, contexts, similarities."""

import pytest
import torch
from torch import Tensor

from core.alignment.model import BRNN, AlignmentModel, pack_sentences
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


def test_cosine_embeddings_have_length_one() -> None:
    net = model(similarity="cosine")
    torch.testing.assert_close(
        net.embed_regions(torch.randn(4, 5).double()).norm(dim=-1), torch.ones(4).double()
    )


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
    scores = net.config.scoring.photo_sentence_scores(
        regions, torch.ones(1, 2, dtype=torch.bool), words, known, sentence_of, 2
    )
    cosines = torch.nn.functional.normalize(raw, dim=-1) @ regions[0].T
    weights = raw.norm(dim=-1)[[0, 1, 3]]
    wanted = float((cosines[[0, 1, 3]].amax(dim=1) * weights).sum() / weights.sum())
    assert float(scores[0, 0]) == pytest.approx(wanted)


@pytest.mark.parametrize("name", ["context", "similarity", "score"])
def test_unknown_choices_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 'fancy'; expected one of"):
        config(**{name: "fancy"})
