"""`train proposals`: its targets by hand, and the command with stand-ins for the teachers."""

import json
from pathlib import Path

import numpy as np
import pytest

from core.checkpoints import load_network
from tests.conftest import random_network
from tests.train.test_commands import run
from train import proposals
from train.data import Phrase, PhrasePhoto


def test_peoples_boxes_first_then_the_teachers_that_add_something() -> None:
    dog = np.array([[0.0, 0.0, 0.5, 0.5]])
    dot = np.array([[0.1, 0.1, 0.101, 0.2]])
    phrases = (Phrase("a dog", dog), Phrase("it", dog), Phrase("dot", dot))
    photo = PhrasePhoto("x", 10, 10, "exact", 1.0, phrases)
    detected = np.array([[0.0, 0.0, 0.5, 0.45], [0.6, 0.6, 0.9, 0.9]])  # the dog again, a new thing
    assert proposals.target_boxes(photo, detected).tolist() == pytest.approx(
        np.array([[0, 0, 0.5, 0.5], [0.6, 0.6, 0.9, 0.9]], dtype=np.float32)
    )
    assert len(proposals.target_boxes(None, detected)) == 2


def test_the_command(tiny_flickr: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = np.zeros((0, 4), dtype=np.float32)
    monkeypatch.setattr(proposals, "teacher_boxes", lambda _, paths, __: [nothing] * len(paths))
    monkeypatch.setattr(
        proposals, "network_from_efficientnet", lambda _, config: random_network(config.side)
    )
    run(
        monkeypatch, "proposals", "--data", tiny_flickr, "--phrases", tiny_flickr / "phrases.json",
        "--efficientnet", "x", "--nanodet", "x", "--out", tmp_path, "--side", 97, "--epochs", 3,
        "--batch", 4, "--held-out", 4, "--threads", 1,
    )  # fmt: skip
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert len(log) == 3
    assert log[-1]["classification"] < log[0]["classification"]
    assert load_network(tmp_path / "checkpoint").config.side == 97
