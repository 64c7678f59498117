"""Beam search: equal to a plain loop over one image, and to trying every sentence."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.captioning.beam import Caption, Decoding, sample, search
from core.captioning.captioner import Captioner
from core.captioning.recurrences import KINDS, CaptionerConfig


def made(kind: str, seed: int, vocabulary: int = 6, sharpness: float = 3.0) -> Captioner:
    torch.manual_seed(seed)
    config = CaptionerConfig(
        feature_dimension=3,
        vocabulary_size=vocabulary,
        kind=kind,  # type: ignore[arg-type]
        word_dimension=5,
        hidden_dimension=6,
        multimodal_dimension=4,
    )
    model = Captioner(config).double().eval()
    with torch.no_grad():
        model.word_vectors.weight.mul_(10 * sharpness)
    return model


def plain_beam(
    model: Captioner, image: Tensor, decoding: Decoding, beginning: tuple[int, ...] = ()
) -> list[Caption]:
    """The same beam, as one would write it: lists, one image, one sentence at a time."""
    end = model.config.boundary

    def key(candidate: tuple[list[int], list[float], Any, bool]) -> float:
        return sum(candidate[1]) / max(1, len(candidate[1])) ** decoding.length_power

    beam: list[tuple[list[int], list[float], Any, bool]] = [([], [], model.begin(image), False)]
    for step in range(decoding.longest + 1):
        candidates = []
        for words, each, state, done in beam:
            if done:
                candidates.append((words, each, state, done))
                continue
            grown, table = model.step(state, torch.tensor([words[-1] if words else end]))
            for word, value in enumerate(table[0].tolist()):
                if word == 0 or (word == end and step == 0):
                    continue
                if step < len(beginning) and word != beginning[step]:
                    continue
                if step == decoding.longest and word != end:
                    continue
                if word == end:
                    candidates.append((words, [*each, value], grown, True))
                else:
                    candidates.append(([*words, word], [*each, value], grown, False))
        beam = sorted(candidates, key=key, reverse=True)[: decoding.beam]
        if all(done for *_, done in beam):
            break
    return [Caption(tuple(words), tuple(each)) for words, each, *_ in beam[: decoding.best]]


def same(first: list[Caption], second: list[Caption]) -> None:
    assert [c.words for c in first] == [c.words for c in second]
    for one, other in zip(first, second, strict=True):
        assert one.log_probabilities == pytest.approx(other.log_probabilities, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 10_000),
    beam=st.integers(1, 8),
    longest=st.integers(1, 7),
    power=st.sampled_from([0.0, 0.7, 1.0]),
    vocabulary=st.integers(2, 9),
    begun=st.integers(0, 3),
)
def test_equal_to_the_plain_loop(
    kind: str, seed: int, beam: int, longest: int, power: float, vocabulary: int, begun: int
) -> None:
    """Also where the first words are given."""
    model = made(kind, seed, vocabulary)
    images = torch.randn(5, 3, dtype=torch.float64)
    decoding = Decoding(beam, best=beam, longest=longest, length_power=power)
    words = torch.randint(1, vocabulary, (min(begun, longest),)).tolist()
    together = search(model, images, decoding, words)
    for row in range(5):
        same(together[row], plain_beam(model, images[row : row + 1], decoding, tuple(words)))
        assert all(list(caption.words[: len(words)]) == words for caption in together[row])
    assert search(model, images[:0], decoding) == []


def test_a_wide_beam_finds_the_best_of_all_sentences() -> None:
    model = made("rnn", 4, vocabulary=4)
    image = torch.randn(1, 3, dtype=torch.float64)
    end, scored = model.config.boundary, {}
    for words in itertools.chain(*(itertools.product((1, 2, 3), repeat=n) for n in (1, 2, 3))):
        state, total = model.begin(image), 0.0
        for word, spoken in zip([end, *words], [*words, end], strict=True):
            state, table = model.step(state, torch.tensor([word]))
            total += table[0, spoken].item()
        scored[words] = total
    wanted = sorted(scored, key=scored.__getitem__, reverse=True)
    assert len(wanted) == 3 + 9 + 27
    [found] = search(model, image, Decoding(beam=60, best=60, longest=3))
    assert [c.words for c in found] == wanted
    assert found[0].log_probability == pytest.approx(scored[wanted[0]])


def test_sentences_are_whole() -> None:
    model = made("lstm", 7)
    images = torch.randn(40, 3, dtype=torch.float64)
    captions = [c for group in search(model, images, Decoding(best=7, longest=5)) for c in group]
    captions += sample(model, images, 2.0, torch.Generator().manual_seed(0), longest=5)
    assert len(captions) == 320
    for caption in captions:
        assert 1 <= len(caption.words) <= 5
        assert all(1 <= word < model.config.vocabulary_size for word in caption.words)
        assert len(caption.log_probabilities) == len(caption.words) + 1
        assert caption.log_probability < 0


def test_a_cold_sample_is_the_greedy_sentence() -> None:
    model = made("mrnn", 11)
    images = torch.randn(6, 3, dtype=torch.float64)
    greedy = [group[0] for group in search(model, images, Decoding(beam=1))]
    same(sample(model, images, 1e-6), greedy)


def test_samples_follow_the_probabilities() -> None:
    model = made("rnn", 3, vocabulary=4, sharpness=1.0)
    image = torch.randn(1, 3, dtype=torch.float64)
    _, table = model.step(model.begin(image), torch.tensor([model.config.boundary]))
    for temperature in (1.0, 0.5):
        drawn = sample(model, image.expand(4000, 3), temperature, torch.Generator().manual_seed(1))
        wanted = (table[0, 1:4] / temperature).softmax(dim=0)  # neither unknown nor END comes first
        counts = torch.bincount(torch.tensor([c.words[0] for c in drawn]), minlength=4)[1:]
        torch.testing.assert_close(counts / 4000, wanted.float(), atol=0.03, rtol=0)
        assert drawn[0].log_probabilities[0] == pytest.approx(table[0, drawn[0].words[0]].item())


def test_a_seed_gives_the_same_sample() -> None:
    model = made("rnn", 5)
    images = torch.randn(9, 3, dtype=torch.float64)
    first, second = (sample(model, images, 1.0, torch.Generator().manual_seed(8)) for _ in "ab")
    assert first == second


def test_beginnings_that_cannot_be() -> None:
    model, images = made("rnn", 0), torch.zeros(1, 3, dtype=torch.float64)
    [[whole, *_]] = search(model, images, Decoding(longest=2), [3, 3])
    assert whole.words == (3, 3)  # at the limit only the end may follow
    with pytest.raises(ValueError, match="the beginning has 3 words; expected at most 2"):
        search(model, images, Decoding(longest=2), [3, 3, 3])
    for strange in (0, 6, -1):  # the unknown word, the end, and none
        with pytest.raises(ValueError, match="expected ids of known words"):
            search(model, images, Decoding(), [strange])


def test_choices_that_do_not_exist() -> None:
    with pytest.raises(ValueError, match="best is 8; expected 1 to beam, which is 7"):
        Decoding(best=8)
    with pytest.raises(ValueError, match="longest is 0; expected at least 1 word"):
        Decoding(longest=0)
    with pytest.raises(ValueError, match="temperature is 0; expected a number over 0"):
        sample(made("rnn", 1), torch.zeros(1, 3, dtype=torch.float64), temperature=0)
