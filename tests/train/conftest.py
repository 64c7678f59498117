"""A Flickr8k folder of a dozen drawn photos, whose sentences name what was drawn."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

COLOURS = {"red": (220, 30, 30), "green": (30, 180, 60), "blue": (40, 60, 220)}
SHAPES = ("ball", "box")


def draw(colour: str, shape: str, left: int, top: int, size: int = 24) -> np.ndarray:
    """(64, 80, 3) uint8: one shape on gray; its box is left, top, left + size, top + size."""
    photo = np.full((64, 80, 3), 128, dtype=np.uint8)
    y, x = np.mgrid[:size, :size]
    centre = (size - 1) / 2
    inside = (x - centre) ** 2 + (y - centre) ** 2 < (size / 2) ** 2
    mask = inside if shape == "ball" else np.ones_like(inside)
    photo[top : top + size, left : left + size][mask] = COLOURS[colour]
    return photo


@pytest.fixture(scope="session")
def tiny_flickr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """splits train (12 photos), dev and test (6 each); phrases.json has every photo's box."""
    folder = tmp_path_factory.mktemp("flickr")
    (folder / "images").mkdir()
    (folder / "splits").mkdir()
    generator = np.random.default_rng(0)
    lines, phrases = [], []
    for split, rounds in (("train", 2), ("dev", 1), ("test", 1)):
        names = []
        for turn in range(rounds):
            for colour in COLOURS:
                for shape in SHAPES:
                    name = f"{split}{turn}_{colour}_{shape}.png"
                    left, top = (int(n) for n in generator.integers(0, 40, 2))
                    Image.fromarray(draw(colour, shape, left, top)).save(folder / "images" / name)
                    sentences = (f"A {colour} {shape} .", f"the {shape} is {colour}")
                    lines += [f"{name}#{k}\t{s}" for k, s in enumerate(sentences)]
                    names.append(name)
                    box = [left + 1, top + 1, left + 24, top + 24]  # 1-based, ends inside
                    phrase = {"phrase": f"A {colour} {shape}", "boxes": [box]}
                    phrases.append(
                        {"image": name, "size": [80, 64], "size_source": "exact",
                         "size_confidence": 1.0, "phrases": [phrase]}
                    )  # fmt: skip
        (folder / "splits" / f"{split}.txt").write_text("\n".join(names) + "\n")
    (folder / "captions.token.txt").write_text("\n".join(lines) + "\n")
    (folder / "phrases.json").write_text(json.dumps(phrases))
    return folder
