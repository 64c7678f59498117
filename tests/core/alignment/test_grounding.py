"""How words choose regions: each departure from Eq. 11 by hand, none where a model sets none."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.alignment.grounding import (
    GroundingConfig,
    grounding_regions,
    grounding_scores,
    grounding_words,
    with_neighbours,
)
from core.alignment.model import AlignmentModel, pack_sentences
from tests.core.small_alignment import model


def read(net: AlignmentModel, sentence: list[int]) -> np.ndarray:
    """Its words in their whole sentence (Eq. 6)."""
    ids, lengths, _, _ = pack_sentences([sentence])
    with torch.inference_mode():
        return net.embed_words(ids, lengths).numpy()


def test_a_word_is_read_with_its_neighbours_only() -> None:
    net, near, sentence = model(), GroundingConfig(window=1), [3, 1, 0, 2]
    # 0 is unknown: the others are read as if it were not there, and its own row is 0.
    whole = [read(net, part) for part in ([3, 1], [3, 1, 2], [1, 2])]
    wanted = [whole[0][0], whole[1][1], 0 * whole[0][0], whole[2][1]]
    np.testing.assert_allclose(grounding_words(net, near, [sentence]), wanted, atol=1e-6)
    both = grounding_words(net, near, [[5, 6], sentence])
    np.testing.assert_allclose(both[2:], wanted, atol=1e-6)
    np.testing.assert_allclose(both[:2], read(net, [5, 6]), atol=1e-6)


@given(
    sentence=st.lists(st.integers(1, 6), min_size=1, max_size=6),
    places=st.lists(st.integers(0, 6), max_size=4),
    window=st.integers(0, 2),
    share=st.sampled_from([0.0, 0.25]),
    weighted=st.booleans(),
)
def test_an_unknown_word_anywhere_moves_no_other(
    sentence: list[int], places: list[int], window: int, share: float, weighted: bool
) -> None:
    net = model(similarity="weighted" if weighted else "cosine")
    config = GroundingConfig(window=window, shared_out=share)
    mixed = list(sentence)
    for place in places:
        mixed.insert(place, 0)
    found = grounding_words(net, config, [[4], mixed, [2, 5]])[1:-2]
    known = np.array(mixed) != 0
    alone = grounding_words(net, config, [sentence])
    np.testing.assert_allclose(found[known], alone, atol=1e-6)
    assert not found[~known].any()


def test_a_sentence_without_a_known_word_says_nothing() -> None:
    assert not grounding_words(model(), GroundingConfig(window=1), [[0, 0]]).any()


def test_what_words_share_is_taken_off() -> None:
    net, sentence = model(), [3, 0, 2]  # 0 is unknown: it does not say what they share
    known = read(net, [3, 2])
    plain = np.stack((known[0], 0 * known[0], known[1]))
    whole = grounding_words(net, GroundingConfig(), [sentence, [4]])
    np.testing.assert_allclose(whole[:3], plain, atol=1e-6)
    less = grounding_words(net, GroundingConfig(shared_out=0.25), [sentence, [4]])
    np.testing.assert_allclose(less[[0, 2]], known - 0.25 * known.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(less[3:], 0.75 * read(net, [4]), atol=1e-6)


def test_grounding_scores_by_hand() -> None:
    words, regions = np.array([[3.0, 4.0], [0.0, 1.0]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    apart = np.array([[0, 0, 1, 1], [0, 0, 1, 1]])
    chosen = GroundingConfig(prior=0.5, image_objectness=0.2)
    placed, prior = grounding_regions(chosen, regions, apart, np.array([1.0, 0.8]))
    assert placed.tolist() == regions.tolist()
    assert prior == pytest.approx([0.1, 0.4])
    # v . s + |s| prior, with |s| = 5 and 1
    assert grounding_scores(words, regions, prior) == pytest.approx(
        np.array([[3 + 0.5, 4 + 2.0], [0 + 0.1, 1 + 0.4]])
    )
    assert grounding_scores(words, regions, None).tolist() == [[3, 4], [0, 1]]


def test_neighbours_share_their_values_by_hand() -> None:
    boxes = np.array([[0, 0, 1, 1], [0, 0, 1, 0.5], [0, 0.5, 1, 1]])  # IoU 0.5, 0.5 and 0
    values = np.array([[8.0], [0.0], [4.0]])
    # Means weighted by IoU: (8 + 0 + 2) / 2, (4 + 0) / 1.5, (4 + 4) / 1.5; half of each.
    assert with_neighbours(values, boxes, 0.5)[:, 0] == pytest.approx([6.5, 4 / 3, 14 / 3])
    assert with_neighbours(values, boxes, 0.0) is values
    flat = np.array([[0, 0, 0, 1]])
    assert with_neighbours(values[:1], flat, 0.5)[:, 0] == pytest.approx([8])


@given(st.integers(1, 6), st.floats(0, 1), st.integers(0, 99))
def test_scores_of_averaged_regions_are_averaged_scores(R: int, share: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    corners = np.sort(random.random((R, 2, 2)), axis=1).reshape(R, 4)
    words, regions = random.normal(size=(3, 4)), random.normal(size=(R, 4))
    objectness = random.random(R)
    plain, prior = grounding_regions(GroundingConfig(prior=0.5), regions, corners, objectness)
    averaged = grounding_regions(
        GroundingConfig(prior=0.5, neighbours=share), regions, corners, objectness
    )
    wanted = with_neighbours(grounding_scores(words, plain, prior).T, corners, share).T
    np.testing.assert_allclose(grounding_scores(words, *averaged), wanted, atol=1e-6)
