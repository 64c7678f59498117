"""`evaluate ground`, worked by hand on a model whose scores are known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.alignment.grounding import GroundingConfig
from core.alignment.model import AlignmentConfig
from core.checkpoints import load_checkpoint
from core.vision.regions import Regions
from train.data import Phrase, PhrasePhoto
from train.evaluate import evaluate_ground, phrase_scores, place_in, worst


class Known:
    """Stands in for an alignment model: a region's vector is its feature, every word is (1, 0)."""

    def __init__(self) -> None:
        self.config = AlignmentConfig(2, 3)

    def embed_regions(self, features: torch.Tensor) -> torch.Tensor:
        return features

    def embed_words(self, ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return torch.tensor([[1.0, 0.0]]).expand(int(lengths.sum()), 2)


def test_by_hand(random_checkpoint: Path) -> None:
    checkpoint = load_checkpoint(random_checkpoint)
    object.__setattr__(checkpoint, "alignment", Known())
    # Regions: the whole image (score 1), left half (3), a small box (2).
    regions = Regions(
        np.array([[0, 0, 1, 1], [0, 0, 0.5, 1], [0.8, 0.8, 0.9, 0.9]], dtype=np.float32),
        np.ones(3, dtype=np.float32),
        np.array([[1, 0], [3, 0], [2, 0]], dtype=np.float32),
    )
    left = np.array([[0.0, 0.0, 0.5, 0.9]])  # IoU with the left half 0.45 / 0.5 = 0.9
    two = np.array([[0.0, 0.0, 0.45, 1.0], [0.55, 0.0, 1.0, 1.0]])  # their union is the photo
    nothing = np.array([[0.6, 0.1, 0.7, 0.2]])  # no region is near
    photo = PhrasePhoto(
        "x.jpg", 100, 100, "exact", 1.0,
        (Phrase("red dog", left), Phrase("man", two), Phrase("ball", nothing),
         Phrase("zebra", np.array([[0.0, 0.0, 1.0, 0.9]]))),
    )  # fmt: skip
    figures = evaluate_ground(checkpoint, [(photo, regions)])
    # best region is the left half: hits "red dog" and one of the two men; an unknown phrase takes
    # the whole image, IoU 0.9. Nothing reaches "ball".
    assert figures["recall_at_1"] == 75
    assert figures["recall_at_20_any_box"] == 75
    # centres: (0.25, 0.5) in `left` and in the first man; (0.5, 0.5) in the zebra's box
    assert figures["pointing"] == 75
    assert figures["phrases"] == 4


def test_order_is_by_summed_score(random_checkpoint: Path) -> None:
    checkpoint = load_checkpoint(random_checkpoint)
    object.__setattr__(checkpoint, "alignment", Known())
    boxes = np.array([[0, 0, 1, 1], [0, 0, 0.2, 0.2], [0.5, 0.5, 0.7, 0.7]], dtype=np.float32)
    regions = Regions(boxes, np.ones(3, np.float32), np.array([[0, 0], [1, 0], [2, 0]], np.float32))
    phrase = Phrase("dog", boxes[1:2].astype(float))
    photo = PhrasePhoto("x.jpg", 10, 10, "exact", 1.0, (phrase,))
    figures = evaluate_ground(checkpoint, [(photo, regions)])
    assert figures["recall_at_1"] == 0
    assert figures["recall_at_5"] == pytest.approx(100)


def test_objectness_and_the_surest_mistakes(
    random_checkpoint: Path, photo_pixels: np.ndarray, tmp_path: Path
) -> None:
    Image.fromarray(photo_pixels).save(tmp_path / "x.png")
    checkpoint = load_checkpoint(random_checkpoint)
    boxes = np.array([[0, 0, 1, 1], [0, 0, 0.2, 0.2], [0.5, 0.5, 0.7, 0.7]], dtype=np.float32)
    objectness = np.array([1.0, 0.9, 0.1], dtype=np.float32)
    regions = Regions(boxes, objectness, np.array([[0, 0], [1, 0], [2, 0]], np.float32))
    phrase = Phrase("dog", boxes[1:2].astype(float))
    photos = [(PhrasePhoto("x.png", 10, 10, "exact", 1.0, (phrase,)), regions)]
    object.__setattr__(checkpoint, "alignment", Known())
    [tile] = worst(checkpoint, tmp_path, photos, 10)
    assert tile.label == "dog (1.00 over the best right box)"  # 2 - 1
    assert tile.box is not None
    assert tile.box.tolist() == boxes[2].tolist()
    checkpoint = replace(checkpoint, grounding=GroundingConfig(prior=2.0))
    # 1 + 2 * 0.9 beats 2 + 2 * 0.1: right now
    assert evaluate_ground(checkpoint, photos)["recall_at_1"] == 100
    assert worst(checkpoint, tmp_path, photos, 10) == []


def test_a_phrase_within_its_sentence(random_checkpoint: Path) -> None:
    """Its own words of the whole sentence's; phrases that stand in no sentence are left out."""
    checkpoint = load_checkpoint(random_checkpoint)
    boxes = np.array([[0, 0, 1, 1], [0, 0, 0.2, 0.2], [0.5, 0.5, 0.7, 0.7]], dtype=np.float32)
    width = checkpoint.alignment.config.region_dimension
    features = np.random.default_rng(0).normal(size=(3, width)).astype(np.float32)
    regions = Regions(boxes, np.ones(3, np.float32), features)
    whole = phrase_scores(checkpoint, regions, "a red ball", "a red ball")
    assert whole == pytest.approx(phrase_scores(checkpoint, regions, "a red ball"), abs=1e-5)
    inside = phrase_scores(checkpoint, regions, "ball", "a red ball on grass")
    assert inside != pytest.approx(phrase_scores(checkpoint, regions, "ball"), abs=1e-5)
    phrases = (Phrase("red ball", boxes[1:2].astype(float)), Phrase("man", boxes[2:].astype(float)))
    photo = PhrasePhoto("x.jpg", 10, 10, "exact", 1.0, phrases)
    said = {"x.jpg": ("a dog runs", "a red ball on grass")}
    assert evaluate_ground(checkpoint, [(photo, regions)], said)["phrases"] == 1
    assert evaluate_ground(checkpoint, [(photo, regions)])["phrases"] == 2


def test_where_a_phrase_stands() -> None:
    sentence = ["a", "red", "a", "red", "dog"]
    assert place_in(sentence, ["a", "red", "dog"]) == 2
    assert place_in(sentence, ["red", "cat"]) is None
    assert place_in(["a"], sentence) is None
