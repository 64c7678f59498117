"""How surely a photo shows a word: by hand."""

import math

import numpy as np
import pytest
import torch

from core.alignment.evidence import Evidence


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_confidence_by_hand() -> None:
    evidence = Evidence(4)
    evidence.usual.copy_(torch.tensor([0.0, 0.1, 0.2, 0.3]))
    evidence.high.copy_(torch.tensor([0.0, 0.5, 0.6, 0.7]))
    evidence.thing[2] = 1.0
    evidence.weights.copy_(torch.tensor([[1.0, 2.0, 3.0, 4.0], [10.0, -5.0, -1.0, 0.5]]))
    evidence.least.copy_(torch.tensor([0.25, 0.75]))
    judge = evidence.judge(np.zeros((3, 2)), [1, 2, 2])
    found = judge.confidence(np.array([-7.0, 0.4, 0.0]))
    # -7 + 2 * 0.1 + 3 * 0.5 + 4 = -1.3; 10 * 0.4 - 5 * 0.2 - 0.6 + 0.5 = 2.9; 0 - 1 - 0.6 + 0.5
    assert found == pytest.approx([sigmoid(-1.3), sigmoid(2.9), sigmoid(-1.1)])
    assert judge.least == pytest.approx([0.25, 0.75, 0.75])
    assert judge.things.tolist() == [False, True, True]


def test_before_anything_is_learnt_every_word_is_seen() -> None:
    judge = Evidence(3).judge(np.zeros((2, 2)), [1, 2])
    assert (judge.confidence(np.array([-9.0, 9.0])) >= judge.least).all()


def test_no_score_is_too_large() -> None:
    evidence = Evidence(2)
    evidence.weights[0, 0] = 1e6
    judge = evidence.judge(np.zeros((1, 2)), [1])
    assert judge.confidence(np.array([1e6])) == pytest.approx([1.0])
    assert judge.confidence(np.array([-1e6])) == pytest.approx([0.0])
