"""Sentences' probabilities for images: the shared recurrence equals one sentence at a time."""

import math

import pytest
import torch

from core.captioning.captioner import Captioner, pack_captions
from core.captioning.recurrences import CaptionerConfig
from core.captioning.retrieval import log_prior, log_probability_table

CAPTIONS = [[1, 2, 3], [1, 2], [4], [1, 2, 3], [1, 5, 0, 2, 2], []]


@pytest.mark.parametrize("kind", ["mrnn", "lm", "lstm", "rnn"])
@pytest.mark.parametrize("tied", [True, False])
def test_equal_to_one_at_a_time(kind: str, tied: bool) -> None:
    torch.manual_seed(2)
    config = CaptionerConfig(
        3, 6, kind=kind, word_dimension=4, hidden_dimension=5, multimodal_dimension=6, tied=tied
    )  # type: ignore[arg-type]
    model = Captioner(config).double().eval()
    model.fit_images(torch.randn(9, 3, dtype=torch.float64) * 2 + 1)
    images = torch.randn(70, 3, dtype=torch.float64)  # more than a block
    table = log_probability_table(model, images, CAPTIONS)
    assert table.shape == (70, 6)
    for row in (0, 40, 69):
        for column, caption in enumerate(CAPTIONS):
            packed = pack_captions([caption], config.boundary)
            spoken = model(images[row : row + 1], packed).log_softmax(dim=1)
            wanted = spoken.gather(1, packed.targets[:, None]).sum()
            torch.testing.assert_close(table[row, column], wanted)
    torch.testing.assert_close(table[:, 0], table[:, 3])  # the same sentence twice


def test_the_recurrence_runs_once_for_a_shared_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    config = CaptionerConfig(3, 6, kind="mrnn", word_dimension=4, hidden_dimension=5,
                             multimodal_dimension=6)  # fmt: skip
    model = Captioner(config).eval()
    rows = []
    logits = model.logits
    monkeypatch.setattr(model, "logits", lambda m: rows.append(len(m)) or logits(m))
    log_probability_table(model, torch.randn(2, 3), CAPTIONS)
    # beginnings: (), 1, 12, 123, 4, 15, 150, 1502, 15022: 9 of 19 packed words, for 2 images
    assert sum(rows) == 2 * 9


def test_the_prior_by_hand() -> None:
    table = torch.tensor([[0.5, 0.1], [0.25, 0.3]]).log()
    assert log_prior(table).tolist() == pytest.approx([math.log(0.375), math.log(0.2)])
